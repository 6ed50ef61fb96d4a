// Draws the outlines of the page (JSON in #outlines, a FeatureCollection) on its map, and brings them into view.
const outlines = JSON.parse(document.getElementById("outlines")?.textContent || "null");
const map = document.querySelector("duban-map");

if (map && outlines?.features.length) {
  if (map.dataset.ready) map.setOutlines(outlines, true);
  else map.addEventListener("duban:map-ready", () => map.setOutlines(outlines, true), { once: true });
}
