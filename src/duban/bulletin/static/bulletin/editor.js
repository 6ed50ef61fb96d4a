// The bulletin's editor: entries moved by button, by Alt and arrows, or by dragging; nothing is kept before Save.
// Without scripts the same buttons send the page, and the server makes the move.

const page = document.getElementById("page");
const bar = page.querySelector("[data-save-bar]");
const announce = page.querySelector("[data-announce]");
let unsaved = page.hasAttribute("data-unsaved");

const say = (words) => {
  announce.textContent = words;
};

function changed() {
  unsaved = true;
  bar.toggleAttribute("data-on", true);
}

bar.toggleAttribute("data-on", unsaved);
page.addEventListener("input", changed);
page.addEventListener("submit", () => {
  unsaved = false;
});
window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});

// A step is taken with what is saved, so what is not must be saved or given up first.
document.addEventListener(
  "submit",
  (event) => {
    if (!unsaved || !event.target.matches("[data-step]")) return;
    event.preventDefault();
    event.stopPropagation();
    const words = document.querySelector("[data-save-first]").dataset.saveFirst;
    bar.querySelector("[data-unsaved-word]").textContent = words;
    bar.querySelector("button").focus();
  },
  true,
);

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key !== "s") return;
  event.preventDefault();
  if (unsaved) page.requestSubmit(bar.querySelector("button"));
});

// ---- Texts grow with what is typed; a headline is one line -------------------------------------------------------

function grow(field) {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

for (const field of page.querySelectorAll("[data-grow]")) {
  grow(field);
  field.addEventListener("input", () => grow(field));
  if (!field.hasAttribute("data-one-line")) continue;
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) event.preventDefault();
  });
}

// ---- Moving entries ------------------------------------------------------------------------------------------------

const held = (part) => part.querySelector("[data-held]");
const left = (part) => part.querySelector("[data-left]");

function settle(part) {
  const items = [...held(part).children];
  part.querySelector("[data-ids]").value = items.map((item) => item.dataset.id).join(",");
  for (const count of page.querySelectorAll(`[data-count="${part.dataset.part}"]`)) count.textContent = items.length;
  part.querySelector("[data-nothing]").hidden = items.length > 0;
  part.querySelector("[data-left-out]").hidden = left(part).children.length === 0;
  changed();
}

function tellPlace(item) {
  const all = [...item.parentElement.children];
  say(page.dataset.moved.replace("{place}", all.indexOf(item) + 1).replace("{total}", all.length));
}

function move(item, what) {
  const part = item.closest("[data-part]");
  const inside = item.parentElement === held(part);
  const count = part.querySelector("[data-left-count]");
  if (what === "up" && inside && item.previousElementSibling) item.previousElementSibling.before(item);
  else if (what === "down" && inside && item.nextElementSibling) item.nextElementSibling.after(item);
  else if (what === "out" && inside) {
    const next = item.nextElementSibling || item.previousElementSibling;
    left(part).prepend(item);
    count.textContent = Number(count.textContent) + 1;
    settle(part);
    say(page.dataset.out);
    (next?.querySelector(".take-out") || part.querySelector("summary")).focus();
    return;
  } else if (what === "in" && !inside) {
    held(part).append(item);
    count.textContent = Number(count.textContent) - 1;
    settle(part);
    say(page.dataset.in);
    item.querySelector(".take-out").focus();
    return;
  } else return;
  settle(part);
  tellPlace(item);
}

page.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=do]:not([data-block-move])");
  if (!button) return;
  event.preventDefault();
  move(button.closest(".item"), button.value.split(":")[0]);
  if (button.offsetParent) button.focus();
});

page.addEventListener("keydown", (event) => {
  const item = event.target.closest(".item");
  if (!item || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const focused = document.activeElement;
  move(item, event.key === "ArrowUp" ? "up" : "down");
  focused.focus();
  item.scrollIntoView({ block: "nearest" });
});

// ---- Dragging: by the grip, within one section ---------------------------------------------------------------------

let dragged = null;

page.addEventListener("dragstart", (event) => {
  if (!event.target.closest("[data-grip]")) return;
  dragged = event.target.closest("[data-held] > .item");
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.dataset.id);
  event.dataTransfer.setDragImage(dragged, 20, 20);
  dragged.classList.add("dragged");
});

page.addEventListener("dragover", (event) => {
  const over = event.target.closest("[data-held] > .item");
  if (!dragged || !over || over.parentElement !== dragged.parentElement) return;
  event.preventDefault();
  if (over === dragged) return;
  const box = over.getBoundingClientRect();
  event.clientY < box.top + box.height / 2 ? over.before(dragged) : over.after(dragged);
});

page.addEventListener("drop", (event) => {
  if (dragged) event.preventDefault();
});

page.addEventListener("dragend", () => {
  if (!dragged) return;
  dragged.classList.remove("dragged");
  settle(dragged.closest("[data-part]"));
  tellPlace(dragged);
  dragged = null;
});
