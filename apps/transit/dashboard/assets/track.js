// The geometry of a line on the map: a polyline with rounded corners, places along it, and trains beside it.
//
// Pure arithmetic in map units. It knows neither the document nor stations' names.

const CORNER = 26; // how far before a corner the curve begins
const STEP = 4; // distance between two samples
const BESIDE = 9; // how far right of the track a train runs

// Where each line runs. A point may name the station that lies there; the others spread evenly between those.
// Labels of the stations from a named point on are put where `labels` says, its own where `label` says.
const COURSES = {
  blue: [
    { at: [4, 96] },
    { at: [40, 96], station: 40890, labels: "slant-up" },
    { at: [107, 96] },
    { at: [520, 509] },
    { at: [520, 556], station: 40380, label: "above-right", labels: "left" },
    { at: [520, 672], station: 41340 },
    { at: [520, 708] },
    { at: [436, 708], station: 40430, labels: "slant-down" },
    { at: [92, 708], station: 40390 },
    { at: [16, 708] },
  ],
  green: [
    { at: [16, 556] },
    { at: [84, 556], station: 40020, labels: "slant-back" },
    { at: [474, 556], station: 41160 },
    { at: [520, 556], station: 40380, labels: "above-right" },
    { at: [668, 556], station: 40260 },
    { at: [716, 556] },
    { at: [716, 606], station: 41700, labels: "right" },
    { at: [716, 705], station: 41400 },
    { at: [716, 884], station: 40510 },
    { at: [716, 918] },
    { at: [560, 918], station: 40940, labels: "slant-down" },
    { at: [496, 918], station: 40290 },
    { at: [400, 918] },
  ],
  red: [
    { at: [546, 6] },
    { at: [546, 32], station: 40900, labels: "right" },
    { at: [546, 190] },
    { at: [618, 262] },
    { at: [618, 506], station: 40330 },
    { at: [618, 586], station: 41660 },
    { at: [618, 705], station: 41400, labels: "left" },
    { at: [618, 880], station: 41170 },
    { at: [618, 948], station: 40910, labels: "right" },
    { at: [618, 1062], station: 40450 },
    { at: [618, 1106] },
  ],
};

/** The lines that have a course, in the page's order. */
export const LINES = Object.keys(COURSES);

const mix = (a, b, t) => a + (b - a) * t;
const distance = ([ax, ay], [bx, by]) => Math.hypot(bx - ax, by - ay);
const toward = (from, to, by) => {
  const t = Math.min(by / distance(from, to), 0.5);
  return [mix(from[0], to[0], t), mix(from[1], to[1], t)];
};

// Points along a straight piece, without its first one.
function straight(from, to) {
  const pieces = Math.max(1, Math.ceil(distance(from, to) / STEP));
  return Array.from({ length: pieces }, (_, i) => [
    mix(from[0], to[0], (i + 1) / pieces),
    mix(from[1], to[1], (i + 1) / pieces),
  ]);
}

// Points along a quadratic curve, without its first one.
function curve(from, corner, to) {
  const pieces = 10;
  return Array.from({ length: pieces }, (_, i) => {
    const t = (i + 1) / pieces;
    return [0, 1].map((axis) => mix(mix(from[axis], corner[axis], t), mix(corner[axis], to[axis], t), t));
  });
}

function sample(corners) {
  const points = [corners[0]];
  for (let i = 1; i < corners.length - 1; i += 1) {
    const before = toward(corners[i], corners[i - 1], CORNER);
    const after = toward(corners[i], corners[i + 1], CORNER);
    points.push(...straight(points.at(-1), before), ...curve(before, corners[i], after));
  }
  points.push(...straight(points.at(-1), corners.at(-1)));
  return points;
}

/** One line's track. Places on it are distances from its beginning. */
export class Track {
  constructor(line) {
    this.course = COURSES[line];
    this.points = sample(this.course.map((corner) => corner.at));
    this.lengths = [0];
    for (let i = 1; i < this.points.length; i += 1) {
      this.lengths.push(this.lengths[i - 1] + distance(this.points[i - 1], this.points[i]));
    }
    this.anchors = new Map();
    this.labels = new Map();
    for (const { at, station, label } of this.course) {
      if (station !== undefined) this.anchors.set(station, this.nearest(at));
      if (label !== undefined) this.labels.set(station, label);
    }
  }

  get length() {
    return this.lengths.at(-1);
  }

  /** The first and the last place that a station is known to have. */
  get ends() {
    const places = [...this.anchors.values()];
    return [Math.min(...places), Math.max(...places)];
  }

  // The place nearest to a point.
  nearest(point) {
    let best = 0;
    this.points.forEach((candidate, i) => {
      if (distance(candidate, point) < distance(this.points[best], point)) best = i;
    });
    return this.lengths[best];
  }

  /** Position and heading (as a unit vector) at a place. */
  at(place) {
    const wanted = Math.min(Math.max(place, 0), this.length);
    let i = this.lengths.findIndex((length) => length >= wanted);
    i = Math.max(i, 1);
    const [from, to] = [this.points[i - 1], this.points[i]];
    const span = this.lengths[i] - this.lengths[i - 1] || 1;
    const t = (wanted - this.lengths[i - 1]) / span;
    const heading = [(to[0] - from[0]) / span, (to[1] - from[1]) / span];
    return { x: mix(from[0], to[0], t), y: mix(from[1], to[1], t), heading };
  }

  /** Where a train stands that goes up (`b`) or down (`a`) the line: right of the track, pointing ahead, in degrees. */
  train(place, direction) {
    const { x, y, heading } = this.at(place);
    const [ahead, aside] = direction === "b" ? heading : heading.map((part) => -part);
    return { x: x - aside * BESIDE, y: y + ahead * BESIDE, angle: (Math.atan2(aside, ahead) * 180) / Math.PI };
  }

  /** The track between two places as an SVG path. */
  path(from, to) {
    const inside = this.points.filter((_, i) => this.lengths[i] > from && this.lengths[i] < to);
    const ends = [this.at(from), this.at(to)].map(({ x, y }) => [x, y]);
    const points = [ends[0], ...inside, ends[1]];
    return `M${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}`;
  }

  /** A place and a side for the label of each of these stations, which are in the line's order. */
  spread(stations) {
    const known = stations.map((id) => this.anchors.get(id));
    const places = known.map((place, i) => place ?? this.between(known, i));
    return stations.map((id, i) => ({ id, place: places[i], label: this.labels.get(id) ?? this.labelAt(places[i]) }));
  }

  // An even place between the nearest stations with known places; beyond the last of them the line simply goes on.
  between(known, i) {
    let before = i - 1;
    while (before >= 0 && known[before] === undefined) before -= 1;
    let after = i + 1;
    while (after < known.length && known[after] === undefined) after += 1;
    const start = before < 0 ? 0 : known[before];
    const end = after >= known.length ? this.length : known[after];
    return mix(start, end, (i - before) / (after - before));
  }

  // A label is on the side that the last named point before it says. Where the blue line leaves O'Hare's level stretch
  // labels need no slant.
  labelAt(place) {
    const sides = this.course.filter(({ labels }) => labels);
    const before = sides.filter(({ station }) => this.anchors.get(station) <= place + STEP);
    const side = (before.at(-1) ?? sides[0]).labels;
    const isLevel = Math.abs(this.at(place).heading[1]) < 0.5;
    return side === "slant-up" && !isLevel ? "right" : side;
  }
}
