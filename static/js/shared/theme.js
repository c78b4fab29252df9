// Light or dark: the system's wish, or the viewer's. A classic script in the head, so that no page flashes in the wrong colours.
(() => {
  const KEY = "theme";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };
  const apply = () => {
    root.dataset.theme = wanted() ?? (dark.matches ? "dark" : "light");
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
    }
  };
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-theme-choice]")) return;
    try {
      if (target.value === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, target.value);
    } catch {
      root.dataset.theme = target.value;
      return;
    }
    apply();
  });
  document.addEventListener("click", ({ target }) => {
    if (!target.closest("[data-theme-switch]")) return;
    const next = root.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, next);
    } catch {
      root.dataset.theme = next; // no storage: for this page only
      return;
    }
    apply();
  });
})();
