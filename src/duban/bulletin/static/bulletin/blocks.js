// Blocks of the page: moved by button, by Alt and arrows, or by dragging. What is printed stands for the field until one
// wants to write. Without scripts the same buttons send the page, and both are shown.

const page = document.getElementById("page");
const list = page.querySelector("[data-blocks]");
const announce = page.querySelector("[data-announce]");
const changed = () => page.dispatchEvent(new Event("input", { bubbles: true }));

function settle(block) {
  const all = [...list.children];
  page.querySelector("[data-block-ids]").value = all.map((one) => one.dataset.block).join(",");
  changed();
  if (block.parentElement) {
    announce.textContent = page.dataset.moved.replace("{place}", all.indexOf(block) + 1).replace("{total}", all.length);
  } else announce.textContent = page.dataset.out;
}

function move(block, what) {
  if (what === "up" && block.previousElementSibling) block.previousElementSibling.before(block);
  else if (what === "down" && block.nextElementSibling) block.nextElementSibling.after(block);
  else if (what === "out") {
    const next = block.nextElementSibling || block.previousElementSibling;
    block.remove();
    next?.querySelector("[data-block-move]")?.focus();
  } else return;
  settle(block);
}

if (list) {
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-block-move]");
    if (!button) return;
    event.preventDefault();
    move(button.closest("[data-block]"), button.dataset.blockMove);
    if (button.isConnected) button.focus();
  });

  list.addEventListener("keydown", (event) => {
    const bar = event.target.closest(".block-bar");
    if (!bar || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const focused = document.activeElement;
    move(bar.closest("[data-block]"), event.key === "ArrowUp" ? "up" : "down");
    focused.focus();
  });

  let dragged = null;
  list.addEventListener("dragstart", (event) => {
    if (!event.target.closest("[data-block-grip]")) return;
    dragged = event.target.closest("[data-block]");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.block);
    event.dataTransfer.setDragImage(dragged, 20, 20);
    dragged.classList.add("dragged");
  });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("[data-block]");
    if (!dragged || !over) return;
    event.preventDefault();
    if (over === dragged) return;
    const box = over.getBoundingClientRect();
    event.clientY < box.top + box.height / 2 ? over.before(dragged) : over.after(dragged);
  });
  list.addEventListener("drop", (event) => {
    if (dragged) event.preventDefault();
  });
  list.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("dragged");
    settle(dragged);
    dragged = null;
  });

  // The printed words are what one reads; a click on them, not on a figure, opens the field for writing.
  for (const field of list.querySelectorAll("[data-block-field]")) {
    const printed = field.querySelector("[data-as-printed]");
    const input = field.querySelector("textarea, input");
    const over = field.querySelector("[data-take-over]");
    if (!input) continue;
    if (over) over.hidden = false;
    const write = () => {
      field.classList.add("writing");
      if (!input.value && input.dataset.made) {
        input.value = input.dataset.made;
        changed();
      }
      input.dispatchEvent(new Event("input", { bubbles: false }));
      input.focus();
    };
    over?.addEventListener("click", write);
    if (!printed || field.classList.contains("wrong")) continue;
    field.classList.add("quiet");
    printed.addEventListener("click", (event) => {
      if (!event.target.closest("a")) write();
    });
  }
}
