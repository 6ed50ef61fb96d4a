// The register's table and its map: the map is drawn when it is first wanted and follows the filter.

const aside = document.getElementById("venue-map");
const toggle = document.querySelector("[data-map-toggle]");
const form = document.getElementById("filters");
const CHOICE = "duban.venues.map";
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
  document.querySelector(".venue-room").classList.toggle("with-map", wanted);
  const template = wanted && aside.querySelector("template[data-map]");
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
  form.elements.closed.checked = query.get("closed") === "1";
  for (const name of ["kind", "area", "text"]) {
    const field = form.elements[name];
    if (field !== document.activeElement) field.value = query.get(name) || "";
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
