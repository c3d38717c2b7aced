// Runs before the first paint, so that the page never flashes in the wrong colours. The Content-Security-Policy takes no inline
// script; this one is small and blocking on purpose. Everything else about the theme is in src/lib/theme.ts.
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem("larder.theme");
  } catch (refused) {
    // Storage may be switched off; then the system's choice is taken.
  }
  var dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
