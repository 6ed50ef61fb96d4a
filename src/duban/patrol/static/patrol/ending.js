// The end of a visit: where the inspector stands, and the signature drawn with a finger.

const form = document.getElementById("ending");
const spot = form.querySelector("[data-spot]");
const signing = form.querySelector("[data-signing]");
const canvas = form.querySelector("canvas");
const pen = canvas.getContext("2d");
let drawn = false;
let last = null;

function ask() {
  if (!navigator.geolocation || !window.isSecureContext) return (spot.textContent = spot.dataset.none);
  spot.textContent = spot.dataset.ask;
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      form.elements.lon.value = coords.longitude;
      form.elements.lat.value = coords.latitude;
      form.elements.accuracy_m.value = Math.round(coords.accuracy);
      spot.textContent = `${spot.dataset.have} ± ${Math.round(coords.accuracy)} m`;
    },
    () => (spot.textContent = spot.dataset.none),
    { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
  );
}

function show() {
  const who = form.querySelector("[name=signed_as]:checked")?.value || "";
  signing.hidden = !who || who === "refused";
}

function clear() {
  pen.clearRect(0, 0, canvas.width, canvas.height);
  drawn = false;
}

const at = (event) => {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height];
};

canvas.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  last = at(event);
});
canvas.addEventListener("pointermove", (event) => {
  if (!last) return;
  const point = at(event);
  pen.strokeStyle = getComputedStyle(canvas).color;
  Object.assign(pen, { lineWidth: 6, lineCap: "round", lineJoin: "round" });
  pen.beginPath();
  pen.moveTo(...last);
  pen.lineTo(...point);
  pen.stroke();
  last = point;
  drawn = true;
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (last = null));
form.querySelector("[data-clear]").addEventListener("click", clear);
form.addEventListener("change", (event) => event.target.name === "signed_as" && show());
form.addEventListener("submit", () => {
  form.elements.signature.value = drawn && !signing.hidden ? canvas.toDataURL("image/png") : "";
});
show();
ask();
