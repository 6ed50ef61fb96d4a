// A list and its filter (form#filters, #rows): the address is the filter, and the form follows it.
// Beside it there may be a map ([data-map-beside], [data-map-toggle]), drawn when it is first wanted.

// The back button puts other elements in place of those that were there, so they are looked up each time.
const filterForm = () => document.getElementById("filters");

// Where the address was changed by a link or the back button, the form follows it.
function formFollowsAddress() {
  const query = new URLSearchParams(location.search);
  for (const field of filterForm().elements) {
    if (!field.name || field === document.activeElement) continue;
    if (field.type === "checkbox") field.checked = query.getAll(field.name).includes(field.value);
    else field.value = query.get(field.name) || "";
  }
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id === "rows" || event.detail.elt?.id === "rows") formFollowsAddress();
});
document.addEventListener("htmx:historyRestore", () => {
  formFollowsAddress();
  mapAsRemembered();
});

// Leaving the search is no new question: what was typed has been asked already, and asking again would race a link.
document.addEventListener(
  "change",
  (event) => {
    if (event.target.id === "text" && event.target.form === filterForm()) event.stopPropagation();
  },
  true,
);

// Empty fields say nothing: the address holds only what was asked.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt !== filterForm()) return;
  const { parameters } = event.detail;
  for (const [name, value] of Object.entries(parameters)) if (value === "") delete parameters[name];
});

// ---- the map beside it ------------------------------------------------------------------------------------------------

const wide = matchMedia("(min-width: 1200px)");
const mapBeside = () => document.querySelector("[data-map-beside]");

function showMap(wanted) {
  const aside = mapBeside();
  aside.hidden = !wanted;
  aside.parentElement.classList.toggle("with-map", wanted);
  document.querySelector("[data-map-toggle]").setAttribute("aria-pressed", wanted);
  const template = wanted && aside.querySelector("template[data-map]");
  if (!template) return;
  template.replaceWith(template.content.cloneNode(true));
  // A script copied out of a template does not run by itself.
  import("./map.js");
}

function mapAsRemembered() {
  const aside = mapBeside();
  if (!aside) return;
  let remembered = null;
  try {
    remembered = localStorage.getItem(aside.dataset.mapBeside);
  } catch {
    // Nothing is remembered here: the width decides.
  }
  showMap(remembered === "1" || (remembered === null && wide.matches));
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-map-toggle]")) return;
  const aside = mapBeside();
  try {
    localStorage.setItem(aside.dataset.mapBeside, aside.hidden ? "1" : "0");
  } catch {
    // Remembered for this page alone.
  }
  showMap(aside.hidden);
});

mapAsRemembered();
