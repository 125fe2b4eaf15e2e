// CTA Status: keeps what the server tells, and shows what changed.

import { Feed } from "./feed.js";
import { LineMap, keyOf } from "./map.js";
import { StationTable, count } from "./table.js";

const LINE_ORDER = ["blue", "green", "red"];
const STATES = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting" };
const byId = (id) => document.getElementById(id);

// Simulated time is written in UTC: its midnight is the simulation's.
const timeOf = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dateOf = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", weekday: "short", month: "short", day: "numeric" });

const data = { rows: new Map(), trains: new Map(), counts: new Map() };
const news = byId("news");
const map = new LineMap(byId("map"), (key) => table.reveal(key));
const table = new StationTable({
  table: byId("stations"),
  rows: byId("rows"),
  none: byId("none"),
  filters: byId("filters"),
  search: byId("search"),
  news,
  point: (key) => map.highlight(key),
});

const orderOf = (row) => row.order ?? Infinity;
const compare = (a, b) =>
  LINE_ORDER.indexOf(a.line) - LINE_ORDER.indexOf(b.line) || (orderOf(a) === orderOf(b) ? a.station_id - b.station_id : orderOf(a) - orderOf(b));
const sortedRows = () => [...data.rows.values()].sort(compare);

function setText(id, text) {
  const node = byId(id);
  if (node.textContent !== text) node.textContent = text;
}

// A snapshot is everything: whatever it does not have is gone.
function takeSnapshot(picture) {
  const kept = { rows: new Set(picture.rows.map(keyOf)), trains: new Set(picture.trains.map((train) => train.train_id)) };
  takeDelta({
    ...picture,
    gone_rows: [...data.rows.values()].filter((row) => !kept.rows.has(keyOf(row))),
    gone_trains: [...data.trains.keys()].filter((id) => !kept.trains.has(id)),
  }, true);
}

function takeDelta(delta, isSnapshot = false) {
  takeRows(delta.rows ?? [], delta.gone_rows ?? [], isSnapshot);
  takeTrains(delta.trains ?? [], delta.gone_trains ?? []);
  takeCounts(delta.counts ?? []);
  if (delta.weather) showWeather(delta.weather);
  if (delta.clock_ms != null) showClock(delta.clock_ms);
  if (delta.waiting) showWaiting(delta.waiting);
}

function takeRows(rows, gone, isSnapshot) {
  if (rows.length + gone.length === 0) return;
  const added = rows.filter((row) => !data.rows.has(keyOf(row)));
  gone.forEach((row) => data.rows.delete(keyOf(row)));
  rows.forEach((row) => data.rows.set(keyOf(row), row));
  const sorted = sortedRows();
  table.showRows(sorted);
  map.drawLines(sorted);
  for (const row of rows) table.showCounts(keyOf(row), data.counts.get(row.station_id));
  showTrainsAt(new Set(rows.map(keyOf)));
  if (!isSnapshot && added.length === 1) news.textContent = `New station: ${added[0].station_name}, ${added[0].line} line`;
}

// A train has one place in the data, and so one place in the table.
function takeTrains(trains, gone) {
  const touched = new Set();
  for (const id of [...gone, ...trains.map((train) => train.train_id)]) {
    if (data.trains.has(id)) touched.add(keyOf(data.trains.get(id)));
  }
  for (const id of gone) {
    data.trains.delete(id);
    map.removeTrain(id);
  }
  for (const train of trains) {
    data.trains.set(train.train_id, train);
    map.moveTrain(train);
    touched.add(keyOf(train));
  }
  if (touched.size === 0) return;
  showTrainsAt(touched);
  const all = [...data.trains.values()];
  const troubled = all.filter((train) => train.status !== "in_service").length;
  setText("trains", count(all.length));
  setText("trains-note", troubled ? `${all.length - troubled} in service` : "all in service");
}

function showTrainsAt(keys) {
  const here = Map.groupBy([...data.trains.values()].filter((train) => keys.has(keyOf(train))), keyOf);
  for (const key of keys) {
    const trains = (here.get(key) ?? []).toSorted((a, b) => a.train_id.localeCompare(b.train_id));
    table.showTrains(key, trains.filter((train) => train.direction === "a"), trains.filter((train) => train.direction === "b"));
  }
}

function takeCounts(counts) {
  if (counts.length === 0) return;
  for (const item of counts) data.counts.set(item.station_id, item);
  for (const item of counts) {
    for (const line of LINE_ORDER) table.showCounts(keyOf({ line, station_id: item.station_id }), item);
  }
  const shown = new Set([...data.rows.values()].map((row) => row.station_id));
  const known = [...shown].map((id) => data.counts.get(id)).filter(Boolean);
  setText("entries", count(known.reduce((sum, item) => sum + (item.entries ?? 0), 0)));
  setText("riders-note", `${count(known.reduce((sum, item) => sum + (item.riders_last_hour ?? 0), 0))} last hour`);
}

function showWeather({ temperature, status, description }) {
  setText("temperature", `${temperature} °F`);
  setText("weather", description);
  const symbol = byId(`sky-${status}`) ? `#sky-${status}` : "#sky-unknown";
  byId("sky").firstElementChild.setAttribute("href", symbol);
}

function showClock(clockMs) {
  setText("clock-time", timeOf.format(clockMs));
  setText("clock-date", dateOf.format(clockMs));
}

function showWaiting(waiting) {
  const box = byId("waiting");
  box.hidden = waiting.length === 0;
  box.querySelector("ul").replaceChildren(
    ...waiting.map(({ source, message }) => {
      const item = document.createElement("li");
      item.dataset.source = source;
      item.textContent = message;
      return item;
    }),
  );
}

function showState(state) {
  const box = byId("connection");
  if (box.dataset.state === state) return;
  const wasLost = box.dataset.state === "reconnecting";
  box.dataset.state = state;
  box.querySelector("span").textContent = STATES[state];
  if (state === "reconnecting") news.textContent = "Connection lost, reconnecting";
  if (state === "live" && wasLost) news.textContent = "Connected again";
}

new Feed("/events", { snapshot: takeSnapshot, delta: takeDelta, state: showState });
