// The ledger's table and its map: the map is drawn when it is first wanted and follows the filter.

const aside = document.getElementById("ledger-map");
const toggle = document.querySelector("[data-map-toggle]");
const form = document.querySelector("form.filters");
const CHOICE = "duban.ledger.map";
const wide = matchMedia("(min-width: 1200px)");

const remembered = () => {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null;
  }
};

function show(wanted) {
  aside.hidden = !wanted;
  toggle.setAttribute("aria-pressed", wanted);
  document.querySelector(".ledger-room").classList.toggle("with-map", wanted);
  if (!wanted) return;
  const template = aside.querySelector("template[data-map]");
  if (!template) return;
  template.replaceWith(template.content.cloneNode(true));
  // A script copied out of a template does not run by itself.
  import("../core/map.js");
}

toggle.addEventListener("click", () => {
  const wanted = aside.hidden;
  try {
    localStorage.setItem(CHOICE, wanted ? "1" : "0");
  } catch {
    // Remembered for this page alone.
  }
  show(wanted);
});
show(remembered() === "1" || (remembered() === null && wide.matches));

// The address is the filter: where it was changed by a link or the back button, the form follows it.
function formFollowsAddress() {
  const query = new URLSearchParams(location.search);
  for (const box of form.querySelectorAll("input[type=checkbox]")) box.checked = query.getAll(box.name).includes(box.value);
  for (const name of ["area", "category", "due", "text"]) {
    const field = form.elements[name];
    if (field !== document.activeElement) field.value = query.get(name) || "";
  }
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "rows" && event.detail.elt?.id !== "rows") return;
  formFollowsAddress();
});
document.addEventListener("htmx:historyRestore", formFollowsAddress);

// Leaving the search is no new question: what was typed has been asked already, and asking again would race a link.
form.elements.text.addEventListener("change", (event) => event.stopPropagation());

// Empty fields say nothing, and a sort or a number of the figures stays when the filter changes: the address holds only what was asked.
form.addEventListener("htmx:configRequest", (event) => {
  const { parameters } = event.detail;
  for (const [name, value] of Object.entries(parameters)) if (value === "") delete parameters[name];
  const asked = new URLSearchParams(document.getElementById("rows").dataset.query);
  for (const name of ["sort", "figure"]) if (asked.get(name)) parameters[name] = asked.get(name);
});
