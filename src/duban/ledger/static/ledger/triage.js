// Triage: the keys are the shell's; here only that one decision is sent once, and that Escape leaves the reason.

const room = document.querySelector("[data-triage]");

document.addEventListener("submit", (event) => {
  if (!room?.contains(event.target) || event.defaultPrevented) return;
  // Another key pressed before the next entry comes would decide this one twice.
  for (const target of document.querySelectorAll("[data-key]")) target.removeAttribute("data-key");
});

// Back to a page that the browser kept: its entry may be decided by now.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());

room?.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("input")) event.target.blur();
});
