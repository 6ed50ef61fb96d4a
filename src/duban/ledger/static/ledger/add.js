// Adding a finding: the place from the phone, the photo or the map; what follows from it proposed at once.

const form = document.getElementById("adding");
const proposal = document.getElementById("proposal");
const say = form.querySelector("[data-place-say]");
const here = form.querySelector("[data-here]");
const fromPhoto = form.querySelector("[data-photo-place]");
const field = (name) => form.elements[name];
const offers = form.querySelector("[data-offers]");
let asked = 0;

async function propose() {
  const { lon, lat, datum } = form.elements;
  if (!lon.value.trim() || !lat.value.trim()) return proposal.replaceChildren();
  const turn = (asked += 1);
  const category = form.querySelector("[name=category]:checked")?.value || "";
  const query = new URLSearchParams({ lon: lon.value, lat: lat.value, datum: datum.value, category });
  try {
    const answer = await fetch(`${proposal.dataset.propose}?${query}`, { credentials: "same-origin", headers: { "HX-Request": "true" } });
    const text = await answer.text();
    if (turn !== asked) return;
    proposal.innerHTML = text;
    // The question that the form came back with stands above already.
    if (offers?.isConnected) proposal.querySelector(".offers")?.remove();
    form.querySelector("[data-save-place]").textContent = proposal.querySelector(".statement")?.textContent || "";
  } catch {
    // The server proposes again when the form arrives.
  }
}

function setPlace(lon, lat, source, accuracy = "") {
  field("datum").value = "wgs84";
  field("lon").value = Number(lon).toFixed(6);
  field("lat").value = Number(lat).toFixed(6);
  field("position_source").value = source;
  field("accuracy_m").value = accuracy;
  field("lon").dispatchEvent(new Event("change", { bubbles: true }));
}

form.addEventListener("duban:picked", () => {
  field("position_source").value = "map";
  field("accuracy_m").value = "";
  say.textContent = "";
  offers?.remove();
  propose();
});

form.addEventListener("change", (event) => {
  if (!["lon", "lat", "datum", "category"].includes(event.target.name)) return;
  offers?.remove();
  propose();
});

// Typing over what the phone said makes it a typed place.
for (const name of ["lon", "lat"])
  field(name).addEventListener("input", () => {
    field("position_source").value = "map";
    field("accuracy_m").value = "";
  });

// Map apps copy both numbers at once, some with the latitude first. In China the two cannot be confused.
for (const name of ["lon", "lat"])
  field(name).addEventListener("paste", (event) => {
    const numbers = (event.clipboardData.getData("text").match(/-?\d+(\.\d+)?/g) || []).map(Number);
    if (numbers.length !== 2) return;
    event.preventDefault();
    const swapped = numbers[0] < 60 && numbers[1] > 70;
    [field("lon").value, field("lat").value] = swapped ? [numbers[1], numbers[0]] : numbers;
    field("lon").dispatchEvent(new Event("input", { bubbles: true }));
    field("lon").dispatchEvent(new Event("change", { bubbles: true }));
  });

function askPhone() {
  if (!navigator.geolocation) return (say.textContent = here.dataset.denied);
  say.textContent = here.dataset.busyWords;
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      say.textContent = `± ${Math.round(coords.accuracy)} m`;
      setPlace(coords.longitude, coords.latitude, "gps", Math.round(coords.accuracy));
    },
    () => (say.textContent = here.dataset.denied),
    { enableHighAccuracy: true, timeout: 15000, maximumAge: 10000 },
  );
}
here.addEventListener("click", askPhone);

// A photo being taken is the moment to ask a phone where it is: the place is then there without a tap.
form.addEventListener("duban:photo-chosen", () => {
  if (matchMedia("(pointer: coarse)").matches && !field("lon").value) askPhone();
});

const placed = () => [...form.querySelectorAll("[data-kept]")].find((item) => item.dataset.lon);
form.addEventListener("duban:photos-changed", () => {
  fromPhoto.hidden = !placed();
});
fromPhoto.addEventListener("click", () => {
  const { lon, lat, taken } = placed().dataset;
  setPlace(lon, lat, "gps");
  say.textContent = "";
  if (taken) field("found_at").value = taken;
});
fromPhoto.hidden = !placed();
if (field("lon").value) propose();
