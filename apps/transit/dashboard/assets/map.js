// The picture: tracks, stations and labels, and the trains that move along them.
//
// Trains move by keyframes of CSS transforms sampled along the track, so that they follow its bends; where motion is
// unwelcome or updates come too fast to be seen, they are simply where they are.

import { LINES, Track } from "./track.js";

const SVG = "http://www.w3.org/2000/svg";
const TRAIN_SHAPE = "M-11,-7H4L13,0L4,7H-11Q-14,0 -11,-7Z";
const BETWEEN_TRAINS = 21; // distance between trains that stand at one place
const HOP_MAX = 220; // a train that is further away than this did not run there under our eyes
const SAMPLE = 9; // distance between two keyframes
const MOVE_MS = { max: 1_800, min: 200, share: 0.75 };

// Where a label begins or ends, seen from its station; the style sheet says how it runs from there.
const LABELS = {
  right: [20, 5],
  left: [-20, 5],
  "above-right": [12, -20],
  "slant-up": [7, -17],
  "slant-back": [-5, -18],
  "slant-down": [6, 24],
};

const calm = matchMedia("(prefers-reduced-motion: reduce)");

function element(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** A name as it fits on the map: the line's branches are plain to see there. */
const short = (name) => name.replace(/\/.* Branch$/, "");

/** What a station on a line is known by. */
export const keyOf = ({ line, station_id }) => `${line}:${station_id}`;

export class LineMap {
  /** Draws into `svg`; `select` is called with the key of a station that is clicked. */
  constructor(svg, select) {
    this.layers = Object.fromEntries(
      ["tracks", "stations", "labels", "trains"].map((name) => [name, svg.querySelector(`#map-${name}`)]),
    );
    this.tracks = new Map(LINES.map((line) => [line, new Track(line)]));
    this.places = new Map();
    this.marks = new Map();
    this.trains = new Map();
    this.drawLines([]);
    this.layers.stations.addEventListener("click", ({ target }) => {
      const station = target.closest("[data-key]");
      if (station) select(station.dataset.key);
    });
  }

  /** Draws the lines anew. `rows` are in the table's order. */
  drawLines(rows) {
    this.places.clear();
    this.marks.clear();
    Object.values(this.layers).slice(0, 3).forEach((layer) => layer.replaceChildren());
    for (const [line, track] of this.tracks) this.drawLine(track, line, rows.filter((row) => row.line === line));
    this.drawStations(rows);
    for (const train of this.trains.values()) this.settle(train);
  }

  drawLine(track, line, rows) {
    const spots = track.spread(rows.map((row) => row.station_id));
    spots.forEach((spot, i) => this.places.set(keyOf(rows[i]), { ...spot, track, ...track.at(spot.place) }));
    if (spots.length < 2) {
      this.layers.tracks.append(element("path", { class: "track ghost", d: track.path(...track.ends) }));
      return;
    }
    const d = track.path(spots[0].place, spots.at(-1).place);
    this.layers.tracks.append(element("path", { class: "track-bed", d }), element("path", { class: `track ${line}`, d }));
  }

  // A station is one mark and one label, on however many lines it is.
  drawStations(rows) {
    const stations = Map.groupBy(rows.filter((row) => this.places.has(keyOf(row))), (row) => row.station_id);
    const ends = new Set(
      LINES.flatMap((line) => rows.filter((row) => row.line === line)).filter(
        (row, i, all) => all[i - 1]?.line !== row.line || all[i + 1]?.line !== row.line,
      ).map((row) => row.station_id),
    );
    for (const [id, members] of stations) {
      const spots = members.map((row) => this.places.get(keyOf(row)));
      const mark = this.mark(members, spots);
      const label = this.label(members, spots, ends.has(id) || members.length > 1);
      members.forEach((row) => this.marks.set(keyOf(row), [mark, label]));
      this.layers.stations.append(mark);
      this.layers.labels.append(label);
    }
  }

  mark([row, ...others], spots) {
    const title = element("title", {}, row.station_name);
    const key = keyOf(row);
    if (others.length === 0) {
      const { x, y } = spots[0];
      const dot = element("circle", { class: "dot", cx: x, cy: y, r: 4.2 });
      return element("g", { class: "station", "data-key": key }, title, dot, element("circle", { class: "touch", cx: x, cy: y, r: 13 }));
    }
    const d = `M${spots.map(({ x, y }) => `${x},${y}`).join("L")}`;
    return element("g", { class: "station", "data-key": key }, title, element("path", { class: "change-rim", d }), element("path", { class: "change", d }));
  }

  // A station on two lines is labelled beside the one that is furthest right.
  label([row], spots, isMajor) {
    const spot = spots.toSorted((a, b) => b.x - a.x)[0];
    const [x, y] = LABELS[spot.label];
    const transform = `translate(${spot.x + x},${spot.y + y})`;
    const text = element("text", {}, short(row.station_name));
    return element("g", { class: `label ${spot.label}${isMajor ? " major" : ""}`, transform }, text);
  }

  /** Puts a train where it is now. */
  moveTrain(train) {
    const known = this.trains.get(train.train_id);
    const marker = known ?? { node: this.trainNode(train), at: 0 };
    const before = marker.train;
    marker.train = train;
    this.trains.set(train.train_id, marker);
    marker.node.dataset.status = train.status;
    marker.node.querySelector("title").textContent = `${train.train_id}, ${train.status.replaceAll("_", " ")}`;
    const hasMoved = before && (before.station_id !== train.station_id || before.direction !== train.direction);
    this.settle(marker, Boolean(hasMoved));
    if (hasMoved) this.trains.forEach((other) => other !== marker && this.closeUp(other, before));
  }

  /** Takes a train away. */
  removeTrain(id) {
    this.trains.get(id)?.node.remove();
    this.trains.delete(id);
  }

  /** Makes a station stand out, or none. */
  highlight(key) {
    this.chosen?.forEach((node) => node.classList.remove("chosen"));
    this.chosen = this.marks.get(key);
    this.chosen?.forEach((node) => node.classList.add("chosen"));
    this.chosen?.[1].parentNode?.append(this.chosen[1]);
  }

  trainNode(train) {
    const body = element("path", { class: "train-body", d: TRAIN_SHAPE });
    const node = element("g", { class: `train ${train.line}`, "data-train": train.train_id }, element("title", {}), element("g", { class: "train-size" }, body));
    this.layers.trains.append(node);
    return node;
  }

  // Trains that stood behind one that left move up.
  closeUp(other, left) {
    const { station_id, direction, line } = other.train;
    if (station_id === left.station_id && direction === left.direction && line === left.line) this.settle(other);
  }

  // Brings a marker to its train's place: moving, if it was near; at once otherwise. It hides while its station is unknown.
  settle(marker, isMove = false) {
    const spot = this.places.get(keyOf(marker.train));
    marker.node.classList.toggle("lost", !spot);
    if (!spot) return;
    const { direction, train_id } = marker.train;
    const queue = [...this.trains.values()].filter(({ train }) => keyOf(train) === keyOf(marker.train) && train.direction === direction);
    const behind = queue.filter(({ train }) => train.train_id < train_id).length * BETWEEN_TRAINS;
    const goal = spot.place + (direction === "b" ? -behind : behind);
    const elapsed = performance.now() - marker.at;
    marker.at = performance.now();
    const route = isMove ? this.route(spot.track, marker, goal) : [];
    const pose = spot.track.train(goal, direction);
    marker.node.getAnimations().forEach((animation) => animation.cancel());
    marker.node.style.transform = transformOf(pose);
    marker.place = goal;
    const duration = Math.min(MOVE_MS.max, elapsed * MOVE_MS.share);
    if (route.length > 0 && duration >= MOVE_MS.min && !calm.matches && !document.hidden) {
      const keyframes = unwind([...route, pose]).map((frame) => ({ transform: transformOf(frame) }));
      marker.node.animate(keyframes, { duration, easing: "ease-in-out" });
    }
  }

  // Poses from where the marker is to the goal, along the track and without the goal itself; none if that is too far.
  route(track, marker, goal) {
    const way = goal - (marker.place ?? goal);
    const pieces = Math.ceil(Math.abs(way) / SAMPLE);
    if (pieces === 0 || Math.abs(way) > HOP_MAX) return [];
    const direction = way > 0 ? "b" : "a";
    return Array.from({ length: pieces }, (_, i) => track.train(marker.place + (way * i) / pieces, direction));
  }
}

const transformOf = ({ x, y, angle }) => `translate(${x.toFixed(2)}px, ${y.toFixed(2)}px) rotate(${angle.toFixed(2)}deg)`;

// Angles such that no train turns the long way round.
function unwind(poses) {
  let last = poses[0].angle;
  return poses.map((pose) => {
    last += ((((pose.angle - last) % 360) + 540) % 360) - 180;
    return { ...pose, angle: last };
  });
}
