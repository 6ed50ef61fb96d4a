// The parts of an area: what is drawn becomes one of them under its name, in the field that is sent.
const root = document.querySelector("[data-parts]");
const drawn = document.getElementById(root.dataset.draw);
const field = document.getElementById(root.dataset.parts);
const [take, clear, count] = ["[data-part]", "[data-clear]", "[data-count]"].map((one) => root.querySelector(one));
const name = document.getElementById("part_name");

/** The features of the field; null where it holds something else, which is left as it is. */
function parts() {
  if (!field.value.trim()) return [];
  try {
    const { features } = JSON.parse(field.value);
    return Array.isArray(features) ? features : null;
  } catch {
    return null;
  }
}

function tell() {
  count.textContent = String(parts()?.length ?? "–");
  take.disabled = !drawn.value || parts() === null;
}

take.addEventListener("click", () => {
  const features = parts();
  const called = name.value.trim() || `${take.dataset.name} ${features.length + 1}`;
  features.push({ type: "Feature", properties: { name: called }, geometry: JSON.parse(drawn.value) });
  field.value = JSON.stringify({ type: "FeatureCollection", features }, null, 1);
  name.value = "";
  clear.click();
  tell();
});
for (const one of [drawn, field]) one.addEventListener("input", tell);
tell();
