// The register's table: the address is the filter, and the form follows it.

const form = document.getElementById("filters");
const names = [...form.elements].map((field) => field.name).filter(Boolean);

// Where the address was changed by a link or the back button, the form follows it.
function formFollowsAddress() {
  const query = new URLSearchParams(location.search);
  for (const name of new Set(names)) {
    const field = form.elements[name];
    if (field === document.activeElement) continue;
    if (field.type === "checkbox") field.checked = query.get(name) === field.value;
    else field.value = query.get(name) || "";
  }
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id === "rows" || event.detail.elt?.id === "rows") formFollowsAddress();
});
document.addEventListener("htmx:historyRestore", formFollowsAddress);

// Leaving the search is no new question: what was typed has been asked already, and asking again would race a link.
form.elements.text.addEventListener("change", (event) => event.stopPropagation());

form.addEventListener("htmx:configRequest", (event) => {
  const { parameters } = event.detail;
  for (const [name, value] of Object.entries(parameters)) if (value === "") delete parameters[name];
});
