// What tables of the proctors' pages have in common: each cell knows its column's name, so that a narrow window shows a list instead; and a column's
// head sorts the rows that are there.

import { make } from "../shared/dom.js";
import { locale } from "../shared/translate.js";

const ORDERS = new Map(); // table → {column, down}

/** What rows are sorted by: `data-value` of the cell where it has one, a number where it reads as one. */
function valueOf(row, column) {
  const cell = row.cells[column];
  const text = cell?.dataset.value ?? cell?.textContent.trim() ?? "";
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Which of two cells' values comes first: numbers before texts, texts as people order them, nothing last. */
export function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
  if (!one || !other) return Number(!one) - Number(!other);
  return one.localeCompare(other, locale, { numeric: true });
}

/** After rows have come or changed: name their cells, and keep the order that was chosen. */
export function dressTable(table) {
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  const names = heads.map((head) => head.textContent.trim());
  for (const row of table.tBodies[0].rows) for (const [column, cell] of [...row.cells].entries()) if (cell.tagName === "TD") cell.dataset.name = names[column] ?? "";
  if (ORDERS.has(table)) sort(table);
}

/** Let the heads of `table` sort its rows; those whose name only screen readers hear do not. */
export function makeSortable(table) {
  for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
    if (head.querySelector(".visually-hidden, button")) continue;
    const button = make("button", { type: "button", class: "sort", text: head.textContent });
    button.addEventListener("click", () => {
      const before = ORDERS.get(table);
      // names from A on, counts from the greatest down, then the other way round
      const down = before?.column === column ? !before.down : head.classList.contains("number");
      ORDERS.set(table, { column, down });
      sort(table);
    });
    head.replaceChildren(button);
  }
  if (ORDERS.has(table)) sort(table);
}

function sort(table) {
  const { column, down } = ORDERS.get(table);
  for (const [index, head] of [...table.tHead.rows[0].cells].entries()) {
    if (index === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, value: valueOf(row, column) }));
  rows.sort((one, other) => (down ? -1 : 1) * compare(one.value, other.value));
  table.tBodies[0].append(...rows.map(({ row }) => row));
}
