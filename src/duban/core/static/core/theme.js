// Runs before the first paint: the chosen theme, else the system's. A classic script, so that it blocks and nothing flashes.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = localStorage.getItem("duban.theme");
  } catch {
    // A browser that forbids storage follows the system.
  }
  const apply = () => {
    const root = document.documentElement;
    root.dataset.bsTheme = root.dataset.themeFixed || chosen || (dark.matches ? "dark" : "light");
    document.dispatchEvent(new CustomEvent("duban:theme"));
  };
  dark.addEventListener("change", apply);
  document.addEventListener("duban:choose-theme", (event) => {
    chosen = event.detail;
    try {
      localStorage.setItem("duban.theme", chosen);
    } catch {
      // Kept for this page alone.
    }
    apply();
  });
  apply();
})();
