// <duban-map>: the district's layers and the entries on them. Drawn by MapLibre where WebGL is, else as plain SVG.
// No tiles, no glyph server: layers are our own GeoJSON, letters are drawn from the fonts of the machine.
//
// Attributes are written by the template tag `map_of`. Public to scripts:
//   element.setPoints([...])   replaces the points; element.highlight(id) rings one, or none
//   element.setOutlines(geojson, move)   draws areas, lines and corners above the layers; `move` brings them into view
//   event `duban:picked`       bubbles, detail {lon, lat}, after the inputs are filled
// Any element with data-map-id="…" rings the point of that id while it is hovered or holds the focus; data-map-at="lon,lat"
// says where that is, when the point lies in a cluster. Where htmx swaps in another [data-map-source], the points are read
// anew from it. The live map asks [data-map-clusters] instead, if there is one, for what lies in view, again after each move.

const VENDOR = new URL("../vendor/maplibre/maplibre-gl.mjs", import.meta.url);
const SHAPES = new URL("shapes.svg", import.meta.url);
const NOWHERE = [[73, 18], [135, 54]];
const EMPTY = { type: "FeatureCollection", features: [] };
const LIVE_STATES = ["found", "listed", "assigned", "held", "remedied", "closed", "merged", "split", "void", "overdue"];

const ask = async (url) => {
  const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
};

/** Points from `{points: […]}` or from GeoJSON, with the remark that came along. */
function readPoints(answer) {
  if (answer.type !== "FeatureCollection") return answer;
  const points = answer.features.map(({ id, geometry, properties }) => ({ id, ...properties, lon: geometry.coordinates[0], lat: geometry.coordinates[1] }));
  return { points, note: answer.note };
}

let shapes;
/** The path of each symbol in shapes.svg, by id. */
function shapePaths() {
  shapes ??= fetch(SHAPES)
    .then((answer) => answer.text())
    .then((text) => {
      const svg = new DOMParser().parseFromString(text, "image/svg+xml");
      return Object.fromEntries([...svg.querySelectorAll("symbol")].map((s) => [s.id, s.querySelector("path").getAttribute("d")]));
    });
  return shapes;
}

function webglWorks() {
  try {
    return Boolean(document.createElement("canvas").getContext("webgl2"));
  } catch {
    return false;
  }
}

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const fonts = () => token("--sans").split(",").map((name) => name.trim().replace(/^["']|["']$/g, ""));
const colourOf = (look) => token({ overdue: "--due", closed: "--done" }[look] || (look === "merged" || look === "void" ? "--muted" : "--ink"));

/** A number of entries at one place of the map, as the server counts them, and no entry itself. */
const isCluster = (point) => point.count > 0 && !point.state;

/** What a point looks like: late beats its state. */
const lookOf = (point) => (point.overdue ? "overdue" : LIVE_STATES.includes(point.state) ? point.state : "listed");

function widen(box, [lon, lat]) {
  return box
    ? [[Math.min(box[0][0], lon), Math.min(box[0][1], lat)], [Math.max(box[1][0], lon), Math.max(box[1][1], lat)]]
    : [[lon, lat], [lon, lat]];
}

function* positions(coordinates) {
  if (typeof coordinates[0] === "number") yield coordinates;
  else for (const part of coordinates) yield* positions(part);
}

function boxOf(layers) {
  let box = null;
  for (const { data } of layers)
    for (const feature of data.features) if (feature.geometry) for (const p of positions(feature.geometry.coordinates)) box = widen(box, p);
  return box;
}

/** Where an area's name stands: the centroid of its largest ring. */
function labelPoints(collection) {
  const features = [];
  for (const feature of collection.features) {
    const { geometry, properties } = feature;
    if (!geometry || !properties?.name) continue;
    const rings = geometry.type === "Polygon" ? [geometry.coordinates[0]] : geometry.type === "MultiPolygon" ? geometry.coordinates.map((p) => p[0]) : [];
    let best = { area: 0, at: geometry.type === "Point" ? geometry.coordinates : null };
    for (const ring of rings) {
      let area = 0, x = 0, y = 0;
      for (let i = 0; i < ring.length - 1; i += 1) {
        const cross = ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
        area += cross;
        x += (ring[i][0] + ring[i + 1][0]) * cross;
        y += (ring[i][1] + ring[i + 1][1]) * cross;
      }
      if (Math.abs(area) > best.area) best = { area: Math.abs(area), at: [x / (3 * area), y / (3 * area)] };
    }
    if (best.at) features.push({ type: "Feature", properties: { name: properties.name }, geometry: { type: "Point", coordinates: best.at } });
  }
  return { type: "FeatureCollection", features };
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== null) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

class DubanMap extends HTMLElement {
  #words = {};
  #layers = [];
  #points = [];
  #view = null;
  #started = false;
  #place = null;
  #read = "";
  #remark = "";
  #served = false;
  #asked = 0;

  connectedCallback() {
    // What the back button puts back is another element, with what was drawn as dead words in it: it starts anew.
    if (this.#started) return;
    this.#started = true;
    this.#words = JSON.parse(this.dataset.words || "{}");
    this.#start().catch((problem) => {
      console.error(problem);
      this.#tell(this.#words.failed);
    });
  }

  get picks() {
    return Boolean(this.dataset.pickLon);
  }

  async #start() {
    this.#tell(this.#words.loading);
    const live = webglWorks();
    this.#served = live && Boolean(document.querySelector("[data-map-clusters]"));
    const index = this.dataset.layers ? await ask(this.dataset.layers) : { layers: [] };
    this.#layers = await Promise.all(index.layers.map(async (layer) => ({ ...layer, data: await ask(layer.url) })));
    const points = await this.#load();
    this.#points = points;
    this.#place = this.#typedPlace();
    const canvas = element("div", { class: "canvas" });
    this.replaceChildren(canvas, this.#note());
    if (this.picks) this.append(element("p", { class: "map-how" }, this.#words.pick));
    const start = { host: this, canvas, words: this.#words, layers: this.#layers, points, place: this.#place, box: this.#box(), onPick: this.picks ? (lon, lat) => this.#pick(lon, lat) : null };
    start.onMove = this.#served ? (box, zoom) => this.#moved(box, zoom) : null;
    if (live) this.#view = await LiveMap.draw(start);
    else {
      this.#view = new PlainMap(start);
      this.querySelector(".map-note").append(` · ${this.#words.no_webgl}`);
    }
    this.#listen();
    this.dataset.ready = "1";
    this.dispatchEvent(new CustomEvent("duban:map-ready", { bubbles: true }));
  }

  /** Where the points are now: the JSON on the page, or an address, which a swapped-in table may have changed. */
  #where() {
    if (this.dataset.points) return document.getElementById(this.dataset.points)?.textContent || "[]";
    if (this.#served) return document.querySelector("[data-map-clusters]")?.dataset.mapClusters;
    return document.querySelector("[data-map-source]")?.dataset.mapSource || this.dataset.source;
  }

  async #load() {
    this.#read = this.#where();
    if (this.dataset.points) return JSON.parse(this.#read);
    const box = this.#layersBox();
    const { points, note } = readPoints(await ask(this.#served ? this.#within(box, zoomOf(box, this.clientWidth)) : this.#read));
    this.#remark = note || "";
    return points;
  }

  /** The address of what lies in a box, seen from a zoom. */
  #within([[west, south], [east, north]], zoom) {
    const address = new URL(this.#read, location.href);
    const box = [Math.max(west, -180), Math.max(south, -85), Math.min(east, 180), Math.min(north, 85)];
    address.searchParams.set("bbox", box.map((degrees) => degrees.toFixed(5)).join(","));
    address.searchParams.set("zoom", String(zoom));
    return address;
  }

  /** After a move of the live map: what lies in view now, unless the map has moved on meanwhile. */
  async #moved(box, zoom) {
    const turn = (this.#asked += 1);
    try {
      const { points, note } = readPoints(await ask(this.#within(box, zoom)));
      if (turn !== this.#asked) return;
      this.#points = points;
      this.#remark = note || "";
      this.querySelector(".map-note")?.replaceWith(this.#note());
      this.#view.showPoints(points);
    } catch (problem) {
      console.error(problem);
    }
  }

  #layersBox() {
    const borders = this.#layers.filter((layer) => layer.name === "boundaries");
    return boxOf(borders) || boxOf(this.#layers) || NOWHERE;
  }

  #box() {
    let box = null;
    for (const point of this.#points) box = widen(box, [point.lon, point.lat]);
    if (this.#place) box = widen(box, this.#place);
    return box || this.#layersBox();
  }

  #tell(words) {
    this.replaceChildren(element("p", { class: "map-say", role: "status" }, words || ""));
  }

  /** What the reader must know of the layers: that they are a sketch, and of which day. */
  #note() {
    const note = element("div", { class: "map-note" });
    const dates = this.#layers.map((layer) => layer.as_of).filter(Boolean).sort();
    if (!this.#layers.length) note.append(this.#words.no_layers);
    if (this.#layers.some((layer) => layer.schematic)) note.append(element("b", {}, this.#words.schematic), " · ");
    if (dates.length) note.append(`${this.#words.as_of} ${dates[0] === dates.at(-1) ? dates[0] : `${dates[0]} – ${dates.at(-1)}`}`);
    if (this.#remark) note.prepend(this.#remark, element("br"));
    return note;
  }

  // ---- picking a place --------------------------------------------------------------------------------------------

  #inputs() {
    return [document.getElementById(this.dataset.pickLon), document.getElementById(this.dataset.pickLat)];
  }

  #typedPlace() {
    if (!this.picks) return null;
    const [lon, lat] = this.#inputs().map((input) => (input?.value.trim() ? Number(input.value) : NaN));
    const datum = document.getElementById(this.dataset.pickDatum)?.value;
    const readable = Math.abs(lon) <= 180 && Math.abs(lat) <= 90 && (!datum || datum === "wgs84");
    return readable ? [lon, lat] : null;
  }

  #pick(lon, lat) {
    const inputs = this.#inputs();
    const datum = document.getElementById(this.dataset.pickDatum);
    if (datum) datum.value = "wgs84";
    [lon, lat].forEach((value, i) => {
      inputs[i].value = value.toFixed(6);
      inputs[i].dispatchEvent(new Event("input", { bubbles: true }));
    });
    this.#place = [lon, lat];
    this.#view.mark(this.#place);
    this.dispatchEvent(new CustomEvent("duban:picked", { bubbles: true, detail: { lon, lat } }));
  }

  #listen() {
    if (this.picks) {
      for (const input of [...this.#inputs(), document.getElementById(this.dataset.pickDatum)])
        input?.addEventListener("change", () => {
          this.#place = this.#typedPlace();
          this.#view.mark(this.#place, true);
        });
    }
    document.addEventListener("duban:theme", () => this.#view.repaint());
    document.addEventListener("htmx:afterSettle", () => {
      if (this.#where() !== this.#read) this.#load().then((points) => this.setPoints(points), console.error);
    });
    for (const [on, off] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
      document.addEventListener(on, (event) => {
        const row = event.target.closest?.("[data-map-id]");
        if (row) this.highlight(row.dataset.mapId, row.dataset.mapAt);
      });
      document.addEventListener(off, (event) => {
        if (event.target.closest?.("[data-map-id]")) this.highlight(null);
      });
    }
  }

  setPoints(points) {
    this.#points = points;
    this.querySelector(".map-note")?.replaceWith(this.#note());
    this.#view?.setPoints(points, this.#box());
  }

  setOutlines(outlines, move = false) {
    this.#view?.setOutlines(outlines, move ? boxOf([{ data: outlines }]) : null);
  }

  highlight(id, at = "") {
    const point = id === null ? null : this.#points.find((p) => String(p.id) === String(id));
    const place = point ? [point.lon, point.lat] : at.split(",").map(Number);
    this.#view?.ring(id !== null && place.length === 2 ? place : null);
  }
}

/** The whole zoom at which a box fills a map of so many pixels. */
function zoomOf([[west], [east]], width) {
  return Math.max(0, Math.floor(Math.log2((360 / Math.max(east - west, 1e-4)) * (width / 512))));
}

/** What a point says when it is opened. */
function cardOf(point, words) {
  const card = element("div", {}, element("span", { class: "popup-title" }, point.title || ""));
  if (point.word) {
    const late = point.overdue ? ` · ${words.overdue}` : "";
    card.append(element("div", { class: point.overdue ? "due" : point.state === "closed" ? "done" : "muted" }, `${point.word}${late}`));
  }
  if (point.text) card.append(element("div", {}, point.text));
  if (point.url) card.append(element("a", { href: point.url }, words.open));
  return card;
}

// ---- Drawn by MapLibre ------------------------------------------------------------------------------------------------

class LiveMap {
  static async draw(start) {
    const [library, paths] = await Promise.all([import(VENDOR), shapePaths()]);
    const view = new LiveMap();
    await view.#open(start, library, paths);
    return view;
  }

  async #open({ host, canvas, words, layers, points, place, box, onPick, onMove }, library, paths) {
    Object.assign(this, { library, paths, words, layers, points, served: Boolean(onMove), nearest: Number(host.dataset.maxZoom) });
    const narrow = matchMedia("(max-width: 767px)").matches;
    this.map = new library.Map({
      container: canvas,
      style: this.#style(),
      bounds: box,
      fitBoundsOptions: { padding: 44, maxZoom: this.nearest },
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      maxZoom: 19,
      cooperativeGestures: narrow && !onPick,
      fadeDuration: 0,
      locale: {
        "NavigationControl.ZoomIn": words.zoom_in,
        "NavigationControl.ZoomOut": words.zoom_out,
        "Popup.Close": words.close,
        "Map.Title": host.getAttribute("aria-label"),
        "CooperativeGesturesHandler.MobileHelpText": words.two_fingers,
      },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new library.NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new library.ScaleControl({ unit: "metric", maxWidth: 90 }), "bottom-right");
    await this.map.once("load");
    this.#fill();
    for (const layer of ["points", "clusters"]) {
      this.map.on("mouseenter", layer, () => (this.map.getCanvas().style.cursor = "pointer"));
      this.map.on("mouseleave", layer, () => (this.map.getCanvas().style.cursor = onPick ? "crosshair" : ""));
    }
    this.map.on("click", async (event) => {
      const [hit] = this.map.queryRenderedFeatures(event.point, { layers: ["clusters", "points"] });
      if (hit?.layer.id === "clusters") return this.#openCluster(hit);
      if (onPick) return onPick(event.lngLat.lng, event.lngLat.lat);
      if (hit) this.#openPoint(this.points[hit.properties.at]);
    });
    if (onPick) {
      canvas.append(element("div", { class: "crosshair" }));
      this.map.getCanvas().style.cursor = "crosshair";
      this.map.getCanvas().addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        const { lng, lat } = this.map.getCenter();
        onPick(lng, lat);
      });
    }
    if (onMove) {
      const look = () => onMove(this.map.getBounds().toArray(), Math.floor(this.map.getZoom()));
      this.map.on("moveend", look);
      look();
    }
    this.mark(place);
  }

  async #openCluster(hit) {
    if (this.served) return this.map.easeTo({ center: hit.geometry.coordinates, zoom: Math.min(this.map.getZoom() + 2, 19) });
    const zoom = await this.map.getSource("points").getClusterExpansionZoom(hit.properties.cluster_id);
    this.map.easeTo({ center: hit.geometry.coordinates, zoom: Math.min(zoom + 0.5, 19) });
  }

  #openPoint(point) {
    this.popup?.remove();
    // Wider than this it would be cut off at the edge of a narrow map.
    const width = Math.min(288, 0.55 * this.map.getContainer().clientWidth);
    this.popup = new this.library.Popup({ maxWidth: `${width}px`, offset: 12 })
      .setLngLat([point.lon, point.lat])
      .setDOMContent(cardOf(point, this.words))
      .addTo(this.map);
  }

  #style() {
    const layer = (name) => this.layers.find((one) => one.name === name)?.data || EMPTY;
    const text = (size, colour, more = {}) => ({
      layout: { "text-field": ["get", "name"], "text-font": fonts(), "text-size": size, ...more },
      paint: { "text-color": token(colour), "text-halo-color": token("--map-land"), "text-halo-width": 1.6 },
    });
    const along = { "symbol-placement": "line", "text-letter-spacing": 0.08, "symbol-spacing": 320 };
    const source = (data) => ({ type: "geojson", data, tolerance: 0.2 });
    const widths = (low, high) => ["interpolate", ["exponential", 1.5], ["zoom"], 9, low, 17, high];
    return {
      version: 8,
      sources: {
        boundaries: source(layer("boundaries")),
        boundary_names: source(labelPoints(layer("boundaries"))),
        waters: source(layer("waters")),
        roads: source(layer("roads")),
        villages: source(labelPoints(layer("villages"))),
        landmarks: source(layer("landmarks")),
        landmark_names: source(labelPoints(layer("landmarks"))),
      },
      layers: [
        { id: "land", type: "background", paint: { "background-color": token("--map-land") } },
        { id: "water-areas", type: "fill", source: "waters", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": token("--map-water") } },
        { id: "waters", type: "line", source: "waters", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": token("--map-water"), "line-width": widths(1.5, 14) } },
        { id: "roads", type: "line", source: "roads", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": token("--map-road"), "line-width": widths(0.8, 9) } },
        { id: "boundaries", type: "line", source: "boundaries", paint: { "line-color": token("--map-border"), "line-width": 1, "line-dasharray": [4, 2, 1, 2] } },
        { id: "landmarks", type: "fill", source: "landmarks", minzoom: 12, filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": token("--map-road"), "fill-opacity": 0.6 } },
        { id: "village-dots", type: "circle", source: "villages", minzoom: 11, paint: { "circle-radius": 1.6, "circle-color": token("--map-border") } },
        { id: "water-names", type: "symbol", source: "waters", minzoom: 10.5, ...text(11.5, "--muted", along) },
        { id: "road-names", type: "symbol", source: "roads", minzoom: 12.5, ...text(11, "--muted", along) },
        { id: "village-names", type: "symbol", source: "villages", minzoom: 12, ...text(11, "--muted", { "text-anchor": "top", "text-offset": [0, 0.35] }) },
        { id: "landmark-names", type: "symbol", source: "landmark_names", minzoom: 13.5, ...text(11, "--muted") },
        { id: "boundary-names", type: "symbol", source: "boundary_names", maxzoom: 13.5, ...text(12.5, "--ink", { "text-padding": 6 }) },
      ],
    };
  }

  /** The sources and images that are ours, added again after each change of style. */
  #fill() {
    for (const look of LIVE_STATES) if (this.paths[look]) this.map.addImage(look, this.#image(look), { pixelRatio: 2 });
    this.map.addSource("points", {
      type: "geojson",
      data: this.#collection(),
      ...(this.served ? {} : { cluster: true, clusterRadius: 26, clusterMaxZoom: 16, clusterProperties: { late: ["+", ["get", "late"]] } }),
    });
    this.map.addSource("ring", { type: "geojson", data: EMPTY });
    this.map.addSource("outlines", { type: "geojson", data: this.outlines ?? EMPTY });
    this.map.addLayer({ id: "outline-fill", type: "fill", source: "outlines", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": token("--due"), "fill-opacity": 0.14 } });
    this.map.addLayer({ id: "outline-line", type: "line", source: "outlines", paint: { "line-color": token("--due"), "line-width": 2 } });
    this.map.addLayer({ id: "outline-corners", type: "circle", source: "outlines", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 4, "circle-color": token("--sheet"), "circle-stroke-width": 2, "circle-stroke-color": token("--due") } });
    this.map.addLayer({ id: "ring", type: "circle", source: "ring", paint: { "circle-radius": 15, "circle-color": "transparent", "circle-stroke-width": 2, "circle-stroke-color": token("--focus") } });
    this.map.addLayer({
      id: "clusters", type: "circle", source: "points", filter: ["has", "point_count"],
      paint: {
        "circle-radius": ["step", ["get", "point_count"], 12, 10, 15, 100, 19],
        "circle-color": token("--sheet"),
        "circle-stroke-width": 1.5,
        "circle-stroke-color": ["case", [">", ["get", "late"], 0], token("--due"), token("--ink")],
      },
    });
    this.map.addLayer({
      id: "cluster-counts", type: "symbol", source: "points", filter: ["has", "point_count"],
      layout: { "text-field": ["to-string", ["get", "point_count"]], "text-font": fonts(), "text-size": 12, "text-allow-overlap": true },
      paint: { "text-color": ["case", [">", ["get", "late"], 0], token("--due"), token("--ink")] },
    });
    this.map.addLayer({
      id: "points", type: "symbol", source: "points", filter: ["!", ["has", "point_count"]],
      layout: { "icon-image": ["get", "look"], "icon-allow-overlap": true, "icon-size": 1 },
    });
  }

  #collection() {
    return {
      type: "FeatureCollection",
      features: this.points.map((point, at) => ({
        type: "Feature",
        properties: { at, look: lookOf(point), late: Number(Boolean(point.overdue)), ...(isCluster(point) ? { point_count: point.count } : {}) },
        geometry: { type: "Point", coordinates: [point.lon, point.lat] },
      })),
    };
  }

  /** The symbol in its colour on a paper disc, 22 px wide at two dots a pixel. */
  #image(look) {
    const size = 44;
    const context = Object.assign(document.createElement("canvas"), { width: size, height: size }).getContext("2d");
    context.fillStyle = token("--sheet");
    context.beginPath();
    context.arc(size / 2, size / 2, size / 2 - 3, 0, 2 * Math.PI);
    context.fill();
    context.translate(6, 6);
    context.scale(2, 2);
    context.fillStyle = colourOf(look);
    context.fill(new Path2D(this.paths[look]), "evenodd");
    return context.getImageData(0, 0, size, size);
  }

  /** Other points in the same view. */
  showPoints(points) {
    this.points = points;
    this.map.getSource("points")?.setData(this.#collection());
  }

  setPoints(points, box) {
    this.popup?.remove();
    this.showPoints(points);
    if (points.length) this.map.fitBounds(box, { padding: 44, maxZoom: this.nearest, duration: 0 });
  }

  setOutlines(outlines, box) {
    this.outlines = outlines;
    this.map.getSource("outlines")?.setData(outlines);
    if (box) this.map.fitBounds(box, { padding: 44, maxZoom: this.nearest, duration: 0 });
  }

  ring(place) {
    const at = place ? { type: "Feature", properties: {}, geometry: { type: "Point", coordinates: place } } : EMPTY;
    this.map.getSource("ring")?.setData(at);
  }

  mark(place, move = false) {
    this.marker?.remove();
    this.marker = null;
    if (!place) return;
    const pin = element("div", { class: "pin", title: this.words.here });
    this.marker = new this.library.Marker({ element: pin, anchor: "bottom" }).setLngLat(place).addTo(this.map);
    if (move) this.map.easeTo({ center: place, zoom: Math.max(this.map.getZoom(), 13), duration: 0 });
  }

  repaint() {
    this.map.setStyle(this.#style(), { diff: false });
    this.map.once("style.load", () => this.#fill());
  }
}

// ---- Drawn as SVG -------------------------------------------------------------------------------------------------------

class PlainMap {
  constructor({ canvas, words, layers, points, place, box, onPick }) {
    Object.assign(this, { canvas, words, layers, points, place, box, onPick, rung: null });
    this.repaint();
  }

  repaint() {
    const [[west, south], [east, north]] = this.#padded();
    const shrink = Math.cos((((south + north) / 2) * Math.PI) / 180);
    const width = 1000, scale = width / ((east - west) * shrink), height = (north - south) * scale;
    const xy = ([lon, lat]) => [((lon - west) * shrink * scale).toFixed(1), ((north - lat) * scale).toFixed(1)];
    const make = (name, attributes, ...children) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      made.append(...children);
      return made;
    };
    const svg = make("svg", { class: "fallback", viewBox: `0 0 ${width} ${height.toFixed(0)}`, preserveAspectRatio: "xMidYMid meet" });
    const line = (parts, closed) => parts.map((part) => `M${part.map((p) => xy(p).join(" ")).join("L")}${closed ? "Z" : ""}`).join("");
    const draw = (name, colour, size) => {
      for (const { geometry, properties } of this.layers.find((one) => one.name === name)?.data.features || []) {
        if (!geometry || geometry.type.endsWith("Point")) continue;
        const kind = geometry.type.replace("Multi", "");
        const many = geometry.type.startsWith("Multi") ? geometry.coordinates : [geometry.coordinates];
        const parts = kind === "Polygon" ? many.flat() : many;
        svg.append(make("path", { d: line(parts, kind === "Polygon"), fill: "none", stroke: colour, "stroke-width": size }, make("title", {}, properties?.name || "")));
      }
    };
    draw("waters", "var(--map-water)", 5);
    draw("roads", "var(--map-road)", 2);
    draw("boundaries", "var(--map-border)", 1);
    for (const { geometry, properties } of labelPoints(this.layers.find((one) => one.name === "boundaries")?.data || EMPTY).features) {
      const [x, y] = xy(geometry.coordinates);
      svg.append(make("text", { x, y, "text-anchor": "middle" }, properties.name));
    }
    for (const { geometry, properties } of this.outlines?.features ?? []) {
      const kind = geometry?.type.replace("Multi", "");
      if (kind === "Point") {
        const [cx, cy] = xy(geometry.coordinates);
        svg.append(make("circle", { cx, cy, r: 6, fill: "var(--sheet)", stroke: "var(--due)", "stroke-width": 3 }));
      } else if (kind) {
        const many = geometry.type.startsWith("Multi") ? geometry.coordinates : [geometry.coordinates];
        const closed = kind === "Polygon";
        const look = { d: line(closed ? many.flat() : many, closed), stroke: "var(--due)", "stroke-width": 3, "fill-rule": "evenodd" };
        svg.append(make("path", { ...look, fill: closed ? "var(--due)" : "none", "fill-opacity": 0.14 }, make("title", {}, properties?.name || "")));
      }
    }
    for (const point of this.points) {
      const [x, y] = xy([point.lon, point.lat]);
      const link = make("a", { href: point.url || "#", "aria-label": [point.title, point.word, point.overdue ? this.words.overdue : ""].filter(Boolean).join(", ") });
      link.append(make("circle", { cx: x, cy: y, r: 9, fill: "var(--sheet)", stroke: colourOf(lookOf(point)), "stroke-width": 4 }));
      svg.append(link);
    }
    if (this.place) {
      const [x, y] = xy(this.place);
      svg.append(make("path", { d: `M${x} ${y}l-9 -22h18Z`, fill: "var(--due)" }));
    }
    if (this.rung) {
      const [cx, cy] = xy(this.rung);
      svg.append(make("circle", { cx, cy, r: 18, fill: "none", stroke: "var(--focus)", "stroke-width": 3 }));
    }
    if (this.onPick)
      svg.addEventListener("click", (event) => {
        const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
        event.preventDefault();
        this.onPick(west + at.x / (shrink * scale), north - at.y / scale);
      });
    this.canvas.replaceChildren(svg);
  }

  #padded() {
    const [[west, south], [east, north]] = this.box;
    const lon = Math.max((east - west) * 0.08, 0.01), lat = Math.max((north - south) * 0.08, 0.01);
    return [[west - lon, south - lat], [east + lon, north + lat]];
  }

  setPoints(points, box) {
    Object.assign(this, { points, box });
    this.repaint();
  }

  setOutlines(outlines, box) {
    this.outlines = outlines;
    if (box) this.box = box;
    this.repaint();
  }

  ring(place) {
    this.rung = place;
    this.repaint();
  }

  mark(place) {
    this.place = place;
    this.repaint();
  }
}

customElements.define("duban-map", DubanMap);
