// The table of stations. A cell is written only when its text changes; a row is moved only when the order does.

import { keyOf } from "./map.js";

const NO_TRAIN = "---";
const number = new Intl.NumberFormat("en-US");

/** A count with thousands separators; a dash while it is unknown. */
export const count = (value) => (value === null || value === undefined ? "–" : number.format(value));

function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const words = (status) => status.replaceAll("_", " ");
const capital = (word) => word[0].toUpperCase() + word.slice(1);

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

class Row {
  constructor({ line, station_id }) {
    const name = capital(line);
    this.name = element("button", { type: "button", tabindex: "-1" });
    this.cells = {
      a: element("td", { class: "trains" }),
      b: element("td", { class: "trains" }),
      entries: element("td", { class: "number" }),
      riders: element("td", { class: "number" }),
    };
    const rest = element("span", { class: "rest" }, name.slice(1));
    const chip = element("td", { class: "line" }, element("span", { class: `chip ${line}` }, name[0], rest));
    this.node = element("tr", { "data-key": keyOf({ line, station_id }), "data-line": line, "data-station": station_id }, chip,
      element("th", { scope: "row" }, this.name), this.cells.a, this.cells.b, this.cells.entries, this.cells.riders);
    this.showTrains("a", []);
    this.showTrains("b", []);
  }

  showTrains(direction, trains) {
    const cell = this.cells[direction];
    const state = trains.map(({ train_id, status }) => `${train_id} ${status}`).join();
    if (cell.dataset.state === state) return;
    cell.dataset.state = state;
    cell.replaceChildren(...(trains.length ? trains.map(trainTag) : [NO_TRAIN]));
  }

  showCounts(counts) {
    setText(this.cells.entries, count(counts?.entries));
    setText(this.cells.riders, count(counts?.riders_last_hour));
  }
}

function trainTag({ train_id, status }) {
  const tag = element("span", { class: "tag", "data-train": train_id }, train_id);
  if (status !== "in_service") tag.append(" ", element("em", {}, words(status)));
  return tag;
}

export class StationTable {
  /** `point` is called with the key of the station that is pointed at or focused, or with nothing. */
  constructor({ table, rows, none, filters, search, news, point }) {
    Object.assign(this, { table, body: rows, none, filters, search, news, point });
    this.rows = new Map();
    this.line = "";
    filters.addEventListener("click", ({ target }) => this.filterBy(target.closest("button")));
    search.addEventListener("input", () => this.filter());
    this.body.addEventListener("keydown", (event) => this.walk(event));
    this.body.addEventListener("focusin", ({ target }) => this.enter(target));
    this.body.addEventListener("pointerover", ({ target }) => point(target.closest("tr")?.dataset.key));
    this.body.addEventListener("pointerleave", () => point());
    this.body.addEventListener("focusout", () => point());
  }

  /** Takes over the rows, which are in order. */
  showRows(rows) {
    const keys = new Set(rows.map(keyOf));
    for (const [key, row] of this.rows) {
      if (!keys.has(key)) row.node.remove();
      if (!keys.has(key)) this.rows.delete(key);
    }
    rows.forEach((data, i) => {
      const row = this.rows.get(keyOf(data)) ?? new Row(data);
      this.rows.set(keyOf(data), row);
      row.data = data;
      setText(row.name, data.station_name);
      if (this.body.children[i] !== row.node) this.body.insertBefore(row.node, this.body.children[i] ?? null);
    });
    this.filter();
  }

  /** Shows the trains of a station on a line, by direction. */
  showTrains(key, a, b) {
    this.rows.get(key)?.showTrains("a", a);
    this.rows.get(key)?.showTrains("b", b);
  }

  /** Shows the counts of a station. */
  showCounts(key, counts) {
    this.rows.get(key)?.showCounts(counts);
  }

  /** Brings a station's row into view and gives it the focus. */
  reveal(key) {
    const row = this.rows.get(key);
    if (!row) return;
    if (row.node.hidden) this.showAll();
    row.name.focus({ preventScroll: true });
    row.node.scrollIntoView({ block: "center" });
  }

  showAll() {
    this.search.value = "";
    this.filterBy(this.filters.querySelector('[data-line=""]'));
  }

  filterBy(button) {
    if (!button) return;
    this.line = button.dataset.line;
    for (const other of this.filters.children) other.setAttribute("aria-pressed", String(other === button));
    this.filter(true);
  }

  filter() {
    const wanted = this.search.value.trim().toLowerCase();
    let shown = 0;
    for (const { node, data } of this.rows.values()) {
      const fits = (!this.line || data.line === this.line) && data.station_name.toLowerCase().includes(wanted);
      if (node.hidden === fits) node.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    const isFiltered = this.line !== "" || wanted !== "";
    if (isFiltered || this.wasFiltered) setText(this.news, `${shown} ${shown === 1 ? "row" : "rows"} shown`);
    this.wasFiltered = isFiltered;
    this.none.hidden = shown > 0;
    setText(this.none, this.rows.size ? "No station fits." : "Waiting for the station table.");
    this.keepOneStop();
  }

  // The table is one stop of the Tab key; inside it the arrow keys walk from station to station.
  keepOneStop() {
    const shown = this.shownNames();
    if (shown.includes(this.stop)) return;
    this.setStop(shown[0]);
  }

  setStop(name) {
    if (this.stop) this.stop.tabIndex = -1;
    this.stop = name;
    if (name) name.tabIndex = 0;
  }

  shownNames() {
    return [...this.body.querySelectorAll("tr:not([hidden]) button")];
  }

  enter(target) {
    if (target.tagName !== "BUTTON") return;
    this.setStop(target);
    this.point(target.closest("tr").dataset.key);
  }

  walk(event) {
    const shown = this.shownNames();
    const here = shown.indexOf(event.target);
    const steps = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: shown.length - 1 };
    const next = shown[steps[event.key]];
    if (here < 0 || !next) return;
    event.preventDefault();
    next.focus();
  }
}
