// Tables that become cards on a phone, redrawn only when what they show has changed.
import { element } from "/pages/dom.js";

const shown = new Map();

/** Fills a panel with a table, or with a sentence when there are no rows. Columns are functions from a row to content. */
export function fill(place, empty, rows, columns, { wide = [], title = "" } = {}) {
  // What has not changed stays, and with it whatever somebody has selected to copy or is about to press.
  const text = JSON.stringify(rows);
  if (shown.get(place.id) === text) return;
  shown.set(place.id, text);
  if (!rows.length) {
    place.className = "empty";
    place.replaceChildren(empty);
    return;
  }
  place.className = "wide";
  place.replaceChildren(table(rows, columns, { wide, title }));
}

export function table(rows, columns, { wide = [], title = "" } = {}) {
  const names = Object.keys(columns);
  return element(
    "table",
    { class: "cards", "aria-label": title || null },
    element("thead", {}, element("tr", {}, names.map((name) => element("th", { scope: "col" }, name)))),
    element(
      "tbody",
      {},
      rows.map((row) => element("tr", {}, names.map((name) => element("td", { "data-label": name, class: wide.includes(name) ? "break" : null }, element("span", {}, columns[name](row)))))),
    ),
  );
}

export function forget() {
  shown.clear();
}
