// Drawing an outline: each click on the map, or pair of numbers, is its next corner. The form's field holds the GeoJSON,
// which can be typed or pasted as well.
const root = document.querySelector("[data-draw]");
const map = root.querySelector("duban-map");
const field = document.getElementById(root.dataset.draw);
const [lon, lat] = ["corner_lon", "corner_lat"].map((id) => document.getElementById(id));
const said = root.querySelector("[data-corners]");
let corners = [];

/** The corners of what the field holds, if it is one ring; else none, and the field is left as it is. */
function read() {
  try {
    const { type, coordinates } = JSON.parse(field.value);
    if (type === "Polygon" && coordinates.length === 1) return coordinates[0].slice(0, -1);
  } catch {
    return [];
  }
  return [];
}

/** What lies under the drawing: the outlines of the page, and the parts that are drawn already. */
function beneath() {
  const given = [document.getElementById(root.dataset.beneath)?.textContent, document.getElementById(root.dataset.parts)?.value];
  return given.flatMap((text) => {
    try {
      return JSON.parse(text)?.features?.filter((one) => one?.geometry) ?? [];
    } catch {
      return [];
    }
  });
}

const feature = (type, coordinates) => ({ type: "Feature", properties: {}, geometry: { type, coordinates } });

function shape() {
  try {
    const geometry = JSON.parse(field.value);
    return geometry?.coordinates ? [{ type: "Feature", properties: {}, geometry }] : [];
  } catch {
    return [];
  }
}

function show(move = false) {
  const features = [...beneath(), ...corners.map((corner) => feature("Point", corner))];
  if (corners.length === 2) features.push(feature("LineString", corners));
  features.push(...shape());
  map.setOutlines({ type: "FeatureCollection", features }, move && features.length > 0);
  said.textContent = String(corners.length);
}

function write() {
  field.value = corners.length > 2 ? JSON.stringify({ type: "Polygon", coordinates: [[...corners, corners[0]]] }) : "";
  field.dispatchEvent(new Event("input"));
  show();
}

function add(corner) {
  if (!corner.every(Number.isFinite)) return;
  corners.push(corner.map((degrees) => Number(degrees.toFixed(6))));
  write();
}

map.addEventListener("duban:picked", (event) => add([event.detail.lon, event.detail.lat]));
root.querySelector("[data-add]").addEventListener("click", () => add([parseFloat(lon.value), parseFloat(lat.value)]));
root.querySelector("[data-undo]").addEventListener("click", () => {
  corners.pop();
  write();
});
root.querySelector("[data-clear]").addEventListener("click", () => {
  corners = [];
  write();
});
field.addEventListener("change", () => {
  corners = read();
  show(true);
});

function begin() {
  corners = read();
  show(true);
}
if (map.dataset.ready) begin();
else map.addEventListener("duban:map-ready", begin, { once: true });
