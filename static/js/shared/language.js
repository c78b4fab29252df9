// The reader's language: a choice is kept for a year, and the page is read again in it. A classic script in the head, so that it works before and without the page's own.
(() => {
  const KEPT_S = 365 * 24 * 3600;
  const { path } = document.currentScript.dataset;
  const opens = /Mac|iPhone|iPad/.test(navigator.platform); // an arrow key opens a list there; elsewhere it chooses the next in passing
  let passing = false;

  function choose(code) {
    if (code === document.documentElement.lang) return;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `language=${code}; Max-Age=${KEPT_S}; Path=${path}; SameSite=Lax${secure}`;
    const kept = document.cookie.split("; ").includes(`language=${code}`);
    const query = new URLSearchParams(location.search);
    if (kept && !query.has("lang")) {
      location.reload();
      return;
    }
    query.delete("lang");
    if (!kept) query.set("lang", code); // a browser that keeps no cookies: for this page
    const asked = String(query);
    location.replace(`${location.pathname}${asked && `?${asked}`}${location.hash}`);
  }

  const isSwitch = (element) => element.matches?.("[data-language-switch]");
  document.addEventListener("pointerdown", ({ target }) => {
    if (isSwitch(target)) passing = false;
  });
  document.addEventListener("keydown", ({ target, key, altKey }) => {
    if (!isSwitch(target)) return;
    passing = !opens && !altKey && !["Enter", " ", "F4"].includes(key);
    if (key === "Enter") choose(target.value);
  });
  document.addEventListener("change", ({ target }) => {
    if (isSwitch(target) && !passing) choose(target.value);
  });
  document.addEventListener("focusout", ({ target }) => {
    if (isSwitch(target)) choose(target.value);
  });
})();
