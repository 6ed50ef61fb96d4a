// Turns two pictures side by side into one with a divider. Left as it is where custom elements are missing.
import "../vendor/slider/index.js";

function enhance(frame) {
  const [before, after] = frame.querySelectorAll("img");
  const tags = frame.querySelectorAll(".moment-tag");
  const slider = document.createElement("img-comparison-slider");
  slider.className = "rendered";
  slider.setAttribute("tabindex", "0");
  slider.setAttribute("aria-label", frame.dataset.compare);
  before.slot = "first";
  after.slot = "second";
  // Both are needed at once here; a lazy one behind the divider would stay blank.
  before.loading = after.loading = "eager";
  slider.append(before, after);
  frame.replaceChildren(slider, ...tags);
  delete frame.dataset.compare;
}

const enhanceAll = (root) => root.querySelectorAll("[data-compare]").forEach(enhance);
enhanceAll(document);
document.addEventListener("htmx:load", (event) => enhanceAll(event.target));
