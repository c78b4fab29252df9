// Small helpers that build and fill elements without markup in strings.

const SVG = "http://www.w3.org/2000/svg";

/** The element with `id`; a missing one is a fault of the template, said by name. */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element #${id}`);
  return element;
}

/** A new element: `make("p", {class: "muted", text: "…", onclick: f}, child, …)`. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") element.textContent = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An icon of static/img/icons.svg. It only repeats the word beside it, so it is hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${new URL("../../img/icons.svg", import.meta.url).pathname}#${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** Set text only where it changed, so that screen readers and layout are left alone. */
export function setText(element, text) {
  const next = String(text ?? "");
  if (element.textContent !== next) element.textContent = next;
}

/** A double click on `button` is one wish, and so is a key held down. To be called before it is listened to; gives the button. */
export function oneWish(button) {
  button.addEventListener("click", (event) => {
    if (event.detail < 2) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
  button.addEventListener("keydown", (event) => event.repeat && ["Enter", " "].includes(event.key) && event.preventDefault());
  return button;
}

/** Ask with `dialog`: gives the value of the button that was pressed, or an empty text where it was left by Esc. */
export function answerOf(dialog) {
  dialog.returnValue = ""; // else what was said before would be said again by Esc
  dialog.onclick = ({ detail }) => detail < 2; // the second click of a double click on what opened it chooses nothing
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

/** A share 0..1 for a bar drawn by the style sheet. */
export function setShare(element, share) {
  element.style.setProperty("--share", String(Math.max(0, Math.min(1, share))));
}

/** A level of -60..0 dBFS as a share of the meter. */
export function levelShare(dbfs) {
  return Math.max(0, Math.min(1, (dbfs + 60) / 60));
}
