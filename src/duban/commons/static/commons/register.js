// The register's table: the address is the filter, and the form follows it.

// The back button puts another form in place of the one that was there, so it is looked up each time.
const isFilter = (element) => element?.id === "filters";

// Where the address was changed by a link or the back button, the form follows it.
function formFollowsAddress() {
  const query = new URLSearchParams(location.search);
  for (const field of document.getElementById("filters").elements) {
    if (!field.name || field === document.activeElement) continue;
    if (field.type === "checkbox") field.checked = query.get(field.name) === field.value;
    else field.value = query.get(field.name) || "";
  }
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id === "rows" || event.detail.elt?.id === "rows") formFollowsAddress();
});
document.addEventListener("htmx:historyRestore", formFollowsAddress);

// Leaving the search is no new question: what was typed has been asked already, and asking again would race a link.
document.addEventListener(
  "change",
  (event) => {
    if (event.target.id === "text" && isFilter(event.target.form)) event.stopPropagation();
  },
  true,
);

document.addEventListener("htmx:configRequest", (event) => {
  if (!isFilter(event.detail.elt)) return;
  const { parameters } = event.detail;
  for (const [name, value] of Object.entries(parameters)) if (value === "") delete parameters[name];
});
