// Shows the parts of a question's form that its kind needs. Without scripts all of them are there.

const form = document.querySelector("[data-by-type]");
const kind = form.elements[form.dataset.byType];
const needs = {
  check: (type) => type === "check",
  select: (type) => type === "select_one" || type === "select_multiple",
  conditions: () => true,
};

function show() {
  for (const part of form.querySelectorAll("[data-part]")) part.hidden = !needs[part.dataset.part](kind.value);
}

kind.addEventListener("change", show);
show();
