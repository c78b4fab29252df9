// Which browser this is, as far as its menus differ. Pure.

/** `chrome`, `edge`, `firefox`, `safari` or `other`, from what a browser calls itself. */
export function browserOf(agent) {
  if (/\b(Edg|EdgA|EdgiOS)\//.test(agent)) return "edge";
  if (/\b(OPR|Vivaldi|SamsungBrowser|DuckDuckGo|YaBrowser|Instagram|FBAN)\b/.test(agent)) return "other";
  if (/\b(Firefox|FxiOS)\//.test(agent)) return "firefox";
  if (/\b(Chrome|HeadlessChrome|CriOS|Chromium)\//.test(agent)) return "chrome";
  return /\bVersion\/[\d.]+.*\bSafari\//.test(agent) ? "safari" : "other";
}
