// Photos: sent as they are chosen, so that a form that comes back still has them; and one photo in full.

const csrf = () => JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"];

document.addEventListener("change", async (event) => {
  const input = event.target;
  if (!input.matches("input[type=file][data-upload]") || !input.files.length) return;
  const list = document.getElementById(input.dataset.into);
  const body = new FormData();
  for (const file of input.files) body.append("photos", file);
  const waiting = [...input.files].map((file) => {
    const item = document.createElement("li");
    const picture = new Image();
    picture.src = URL.createObjectURL(file);
    picture.alt = file.name;
    item.append(picture, "…");
    list.append(item);
    return item;
  });
  const sent = fetch(input.dataset.upload, { method: "POST", body, headers: { "X-CSRFToken": csrf() }, credentials: "same-origin" });
  list.dispatchEvent(new CustomEvent("duban:photo-chosen", { bubbles: true }));
  try {
    const answer = await sent;
    if (!answer.ok) throw new Error(answer.status);
    for (const old of list.querySelectorAll("li.wrong")) old.remove();
    list.insertAdjacentHTML("beforeend", await answer.text());
    input.value = "";
    dropTwins(list);
  } catch {
    // Without a connection the files stay in their field and go with the form.
  }
  for (const item of waiting) {
    URL.revokeObjectURL(item.querySelector("img").src);
    item.remove();
  }
  list.dispatchEvent(new CustomEvent("duban:photos-changed", { bubbles: true }));
});

/** The same picture chosen twice stands there once. */
function dropTwins(list) {
  const seen = new Set();
  for (const item of list.querySelectorAll("[data-kept]")) seen.has(item.dataset.sha256) ? item.remove() : seen.add(item.dataset.sha256);
}

document.addEventListener("click", (event) => {
  const drop = event.target.closest("[data-drop]");
  if (drop) {
    const list = drop.closest("ul");
    drop.closest("li").remove();
    list.dispatchEvent(new CustomEvent("duban:photos-changed", { bubbles: true }));
  }
  const link = event.target.closest("a[data-full]");
  const dialog = document.getElementById("full");
  if (!link || !dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  dialog.querySelector("img").src = link.href;
  dialog.querySelector("img").alt = link.querySelector("img").alt;
  dialog.querySelector("figcaption").textContent = link.dataset.caption;
  dialog.querySelector("[data-full-original]").href = link.dataset.original;
  dialog.showModal();
});
