// A venue's form: the place from the phone or the map, and what may be the same venue as soon as its name is typed.

const form = document.getElementById("venue-form");
const say = form.querySelector("[data-place-say]");
const here = form.querySelector("[data-here]");
const offers = document.getElementById("offers");
const SAID = ["name", "lon", "lat", "datum", "jurisdiction"];
let asked = 0;

async function lookAlikes() {
  if (!offers.dataset.lookAlikes || !form.elements.name.value.trim()) return;
  const turn = (asked += 1);
  const query = new URLSearchParams(SAID.map((name) => [name, form.elements[name].value]));
  try {
    const answer = await fetch(`${offers.dataset.lookAlikes}?${query}`, { credentials: "same-origin" });
    const text = await answer.text();
    if (turn === asked && answer.ok) offers.innerHTML = text;
  } catch {
    // The server asks again when the form arrives.
  }
}

form.addEventListener("change", (event) => {
  if (SAID.includes(event.target.name)) lookAlikes();
});
form.addEventListener("duban:picked", () => {
  say.textContent = "";
  lookAlikes();
});

// Map apps copy both numbers at once, some with the latitude first. In China the two cannot be confused.
for (const name of ["lon", "lat"])
  form.elements[name].addEventListener("paste", (event) => {
    const numbers = (event.clipboardData.getData("text").match(/-?\d+(\.\d+)?/g) || []).map(Number);
    if (numbers.length !== 2) return;
    event.preventDefault();
    const swapped = numbers[0] < 60 && numbers[1] > 70;
    [form.elements.lon.value, form.elements.lat.value] = swapped ? [numbers[1], numbers[0]] : numbers;
    form.elements.lon.dispatchEvent(new Event("change", { bubbles: true }));
  });

here.addEventListener("click", () => {
  if (!navigator.geolocation) return (say.textContent = here.dataset.denied);
  say.textContent = here.dataset.busyWords;
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      say.textContent = `± ${Math.round(coords.accuracy)} m`;
      form.elements.datum.value = "wgs84";
      form.elements.lon.value = coords.longitude.toFixed(6);
      form.elements.lat.value = coords.latitude.toFixed(6);
      form.elements.lon.dispatchEvent(new Event("change", { bubbles: true }));
    },
    () => (say.textContent = here.dataset.denied),
    { enableHighAccuracy: true, timeout: 15000, maximumAge: 10000 },
  );
});
