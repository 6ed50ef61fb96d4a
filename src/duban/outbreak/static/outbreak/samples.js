// Scanning with the camera where the browser can read codes, and the list of a point sent to the printer.
// Without either the field is typed into, or filled by a scanner that types.

async function detector() {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return null;
  const known = await window.BarcodeDetector.getSupportedFormats();
  return known.includes("qr_code") ? new window.BarcodeDetector({ formats: known }) : null;
}

async function read(reader, video) {
  while (video.srcObject) {
    const [found] = await reader.detect(video).catch(() => []);
    if (found) return found.rawValue;
    await new Promise((next) => setTimeout(next, 150));
  }
  return "";
}

function stop(video) {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  video.remove();
}

async function scan(reader, field) {
  const video = Object.assign(document.createElement("video"), { className: "camera", playsInline: true, muted: true });
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  field.closest("form").append(video);
  await video.play();
  const text = await read(reader, video);
  stop(video);
  if (!text) return;
  field.value = text;
  field.closest(".scan")?.requestSubmit();
}

function offer(reader) {
  for (const field of document.querySelectorAll("[data-scan]:not([data-camera])")) {
    field.dataset.camera = "";
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn", textContent: field.dataset.scan });
    button.addEventListener("click", () => scan(reader, field).catch(() => button.remove()));
    field.after(button);
  }
}

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());

const reader = await detector();
if (reader) {
  offer(reader);
  document.body.addEventListener("htmx:afterSwap", () => offer(reader));
}
document.body.addEventListener("htmx:afterSwap", () => document.querySelector("#tube .scan input[name=text]")?.select());
