// One tap after the other: what is done stays to be taken back, and the next act takes the focus.

document.addEventListener("htmx:afterSettle", (event) => {
  const key = event.detail.requestConfig?.formData?.get("task");
  const row = key && document.getElementById(`act-${key}`);
  if (!row) return;
  const next = row.classList.contains("is-done") ? row.nextElementSibling || row : row;
  next.querySelector("a[data-open]").focus({ preventScroll: true });
  const ticked = document.querySelectorAll("[data-select]:checked").length;
  for (const place of document.querySelectorAll("[data-selected]")) {
    place.hidden = !ticked;
    place.querySelector("[data-selected-count]").textContent = ticked;
  }
});
