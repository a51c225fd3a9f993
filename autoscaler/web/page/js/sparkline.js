// Little lines in the overview: workers and the wanted number over the last hour. Fetched for rows
// that are on the screen, a few at a time; what the live stream tells is appended.

import * as api from "./api.js";
import { svg } from "./dom.js";
import { t } from "./i18n.js";

const WIDTH = 108;
const HEIGHT = 26;
const SPAN_S = 3600;
const POINTS = 30;
const FRESH_S = 120;
const AT_A_TIME = 3;

export class Sparklines {
  #lines = new Map(); // app key → {points: [at, workers, desired][], fetchedAt}
  #waiting = new Set();
  #asking = 0;
  #off = false;

  /** `drawn(key)` is called when an app's line has changed. */
  constructor(drawn, signal) {
    this.drawn = drawn;
    this.signal = signal;
  }

  /** Note what the list or the stream told. */
  note(app) {
    if (app.workers === null) return;
    const line = this.#line(app.key);
    const last = line.points.at(-1);
    const at = app.decidedAt ?? api.now();
    if (last && at <= last[0]) return;
    line.points.push([at, app.workers, app.desired ?? app.workers]);
    while (line.points[0][0] < at - SPAN_S) line.points.shift();
  }

  /** Ask for an app's line unless it is fresh; the newest wish is served first. */
  want(app) {
    if (this.#off || api.now() - this.#line(app.key).fetchedAt < FRESH_S) return;
    this.#waiting.add(app);
    this.#next();
  }

  /** No more for this app: its row has left the screen. */
  unwant(app) {
    this.#waiting.delete(app);
  }

  points(key) {
    return this.#lines.get(key)?.points ?? [];
  }

  #line(key) {
    if (!this.#lines.has(key)) this.#lines.set(key, { points: [], fetchedAt: 0 });
    return this.#lines.get(key);
  }

  async #next() {
    if (this.#asking >= AT_A_TIME || this.#waiting.size === 0) return;
    const app = [...this.#waiting].at(-1);
    this.#waiting.delete(app);
    this.#asking += 1;
    try {
      await this.#fetch(app);
    } catch (error) {
      this.#off = error.status === 503; // no history here; what comes live is all there is
    } finally {
      this.#asking -= 1;
      this.#next();
    }
  }

  async #fetch(app) {
    const line = this.#line(app.key);
    line.fetchedAt = api.now();
    const samples = await api.samples(app, { span: SPAN_S, end: null }, POINTS, this.signal);
    const told = samples
      .filter((each) => each.seen > 0)
      .map((each) => {
        const workers = each.free + each.busy + each.starting + each.other;
        return [each.at + each.span / 2, workers, each.desired ?? workers];
      });
    const end = told.at(-1)?.[0] ?? 0;
    line.points = [...told, ...line.points.filter((point) => point[0] > end)];
    this.drawn(app.key);
  }
}

/** Draw points into an SVG element made by `sparkline()`. */
export function draw(element, points, max) {
  const end = api.now();
  const high = Math.max(max ?? 0, 1, ...points.map((point) => Math.max(point[1], point[2])));
  const x = (at) => (((at - end + SPAN_S) / SPAN_S) * WIDTH).toFixed(1);
  const y = (value) => (HEIGHT - 1.5 - (value / high) * (HEIGHT - 4)).toFixed(1);
  const [area, line, wanted] = element.children;
  if (points.length === 0) {
    for (const path of element.children) path.removeAttribute("d");
    return;
  }
  const steps = (index) => stepPath(points, index, x, y);
  line.setAttribute("d", steps(1));
  wanted.setAttribute("d", steps(2));
  area.setAttribute("d", `${steps(1)}V${HEIGHT}H${x(points[0][0])}Z`);
}

function stepPath(points, index, x, y) {
  const parts = points.map((point, i) => `${i ? "H" : "M"}${x(point[0])}${i ? "V" : " "}${y(point[index])}`);
  return `${parts.join("")}H${WIDTH}`;
}

export function sparkline() {
  const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "spark", role: "img", "aria-label": t("column.trend") };
  const path = (name) => svg("path", { class: name });
  return svg("svg", attributes, path("spark-area"), path("spark-line"), path("spark-wanted"));
}
