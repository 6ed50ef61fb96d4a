// The shell's behaviour: htmx, the theme, menus, dialogs, keys, rows and words for what is slow.
// Markup says what to do with data-* attributes; without scripts every page still works as links and forms.
import htmx from "../vendor/htmx/htmx.esm.js";

window.htmx = htmx;

// ---- Theme ----------------------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-toggle-theme]")) return;
  const dark = document.documentElement.dataset.bsTheme === "dark";
  document.dispatchEvent(new CustomEvent("duban:choose-theme", { detail: dark ? "light" : "dark" }));
});

// ---- The row of a wing's rooms: on a narrow screen it begins with the room one is in ----------------------------------

const room = document.querySelector(".wing a[aria-current]");
if (room) room.closest(".wing").scrollLeft = room.offsetLeft - (innerWidth - room.offsetWidth) / 2;

// ---- Menus: one open at a time; Escape and a click elsewhere close it --------------------------------------------

const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
};
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// ---- Dialogs: [data-dialog="id"] opens, [data-close] closes -------------------------------------------------------

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
});

// ---- Slow things: a line after 150 ms, with words ------------------------------------------------------------------

const busy = document.querySelector(".busy");
let running = 0;
let timer = 0;

function begin(source) {
  running += 1;
  const words = source?.closest?.("[data-busy]")?.dataset.busy || busy?.dataset.words;
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (!busy || !running) return;
    busy.querySelector(".words").textContent = words;
    busy.classList.add("on");
  }, 150);
}

function end() {
  running = Math.max(0, running - 1);
  if (running) return;
  clearTimeout(timer);
  busy?.classList.remove("on");
}

document.addEventListener("htmx:beforeRequest", (event) => begin(event.detail.elt));
document.addEventListener("htmx:afterRequest", end);
window.addEventListener("pageshow", () => {
  running = 0;
  end();
  for (const button of document.querySelectorAll("[data-sent]")) button.removeAttribute("data-sent");
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.matches("[hx-get],[hx-post],[method=dialog]")) return;
  // A second press of the same button while the first is under way would only be a replay.
  const button = event.submitter;
  if (button?.dataset.sent) return event.preventDefault();
  if (button) button.dataset.sent = "1";
  begin(form);
});

// A refusal (4xx) comes back as a page or a fragment worth showing, not as silence.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400 && event.detail.xhr.status < 500) event.detail.shouldSwap = true;
});
document.addEventListener("htmx:sendError", () => say(busy?.dataset.offline));
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status >= 500) say(busy?.dataset.failed);
});

function say(words) {
  const place = document.querySelector("[data-say]");
  if (!place || !words) return;
  const item = document.createElement("li");
  item.className = "error";
  item.textContent = words;
  place.replaceChildren(item);
  place.scrollIntoView({ block: "nearest" });
}

// ---- Keys -----------------------------------------------------------------------------------------------------------
// "?" shows the list. [data-key="x"] is pressed by x: in the row at hand first, then in the page. They can be switched
// off in the list, since a person who dictates to the machine would set them off by speaking (WCAG 2.1.4).

const KEYS_OFF = "duban.keys.off";
const keysOff = () => {
  try {
    return localStorage.getItem(KEYS_OFF) === "1";
  } catch {
    return false;
  }
};
const typing = (target) => target.closest?.("input:not([type=checkbox],[type=radio]), textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  if (document.querySelector("dialog[open]") || keysOff()) return;
  if (event.key === "?") {
    document.getElementById("keys")?.showModal();
  } else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (!search) return;
    search.focus();
    search.select?.();
  } else if (event.key === "j" || event.key === "k") {
    if (!move(event.key === "j" ? 1 : -1)) return;
  } else {
    const key = CSS.escape(event.key);
    const row = document.activeElement.closest?.("[data-row]");
    const target = row?.querySelector(`[data-key="${key}"]`) || document.querySelector(`[data-key="${key}"]:not([data-row] *)`);
    if (!target) return;
    target.matches("input:not([type=checkbox]), select, textarea") ? target.focus() : target.click();
  }
  event.preventDefault();
});

for (const box of document.querySelectorAll("[data-keys-switch]")) {
  box.checked = !keysOff();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(KEYS_OFF, box.checked ? "0" : "1");
    } catch {
      // Without storage the keys stay on.
    }
  });
}

// ---- Rows: j and k walk over [data-row]; their link takes the focus, so that Enter opens it --------------------------

function move(step) {
  const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
  if (!rows.length) return false;
  const at = rows.indexOf(document.activeElement.closest?.("[data-row]"));
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))];
  (next.querySelector("a[data-open]") || next.querySelector("a, button"))?.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

// A click on a row's free space opens it too; text can still be selected.
document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-row]");
  if (!row || event.target.closest("a, button, input, label, select, summary") || String(window.getSelection())) return;
  row.querySelector("a[data-open]")?.click();
});

// ---- Selecting: [data-select] boxes, shift-click for a stretch, [data-select-all], [data-selected] shows how many ------

let lastBox = null;
document.addEventListener("click", (event) => {
  const box = event.target.closest("[data-select]");
  if (!box) return;
  const boxes = [...document.querySelectorAll("[data-select]")];
  if (event.shiftKey && lastBox && boxes.includes(lastBox)) {
    const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const other of boxes.slice(from, to + 1)) other.checked = box.checked;
  }
  lastBox = box;
  showSelected();
});
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-select-all]")) return;
  for (const box of document.querySelectorAll("[data-select]")) box.checked = event.target.checked;
  showSelected();
});

function showSelected() {
  const boxes = [...document.querySelectorAll("[data-select]")];
  const chosen = boxes.filter((box) => box.checked);
  for (const box of boxes) box.closest("[data-row]")?.setAttribute("aria-selected", box.checked);
  for (const all of document.querySelectorAll("[data-select-all]")) {
    all.checked = chosen.length > 0 && chosen.length === boxes.length;
    all.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
  }
  for (const place of document.querySelectorAll("[data-selected]")) {
    place.hidden = chosen.length === 0;
    const count = place.querySelector("[data-selected-count]");
    if (count) count.textContent = chosen.length;
  }
}

// ---- Fields ---------------------------------------------------------------------------------------------------------------
// [data-submit-on-change] sends its form when changed (filters). [data-preview="id"] shows the pictures chosen in a file field.

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.matches("[data-submit-on-change]")) field.form.requestSubmit();
  if (field.matches("input[type=file][data-preview]")) {
    const place = document.getElementById(field.dataset.preview);
    for (const old of place.querySelectorAll("img")) URL.revokeObjectURL(old.src);
    place.replaceChildren(
      ...[...field.files].map((file) => {
        const picture = new Image();
        picture.src = URL.createObjectURL(file);
        picture.alt = file.name;
        return picture;
      }),
    );
  }
});
