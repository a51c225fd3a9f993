// One chart: uPlot where it is there, words and a table in any case.

import { h, put } from "./dom.js";
import { moment, number, timeElement } from "./format.js";
import { t } from "./i18n.js";
import { extent } from "./plots.js";
import { colour } from "./theme.js";

const TABLE_ROWS = 60;
const CLICK_PX = 5;

let library; // the module, `null` where it is missing

/** Load the charting library once; whether it is there. */
export async function chartsThere() {
  if (library === undefined) {
    try {
      library = (await import("../vendor/uPlot.esm.js")).default;
      const href = new URL("../vendor/uPlot.min.css", import.meta.url).href;
      document.head.append(h("link", { rel: "stylesheet", href }));
    } catch {
      library = null;
    }
  }
  return library !== null;
}

export class Chart {
  /** `asked`: {zoom(start, end), at(time)}; `group` joins the cursors of a page's charts. */
  constructor(plot, group, asked) {
    Object.assign(this, { plot, group, asked, chart: null });
    const id = `chart-${plot.id}`;
    this.place = h("div", { class: "plot", role: "img", "aria-labelledby": id });
    this.tip = h("div", { class: "tip", hidden: true });
    this.legend = h("div", { class: "legend", "aria-hidden": "true" });
    this.empty = h("p", { class: "empty", hidden: true }, t("chart.empty"));
    this.summary = h("p", { class: "visually-hidden" });
    this.table = h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": t("chart.asTable", { title: plot.title }) });
    this.details = h("details", { class: "values", ontoggle: () => this.#fillTable() },
      h("summary", {}, t("chart.tableOpen")), this.table);
    this.element = h("section", { class: `card chart${plot.tall ? " tall" : ""}`, dataset: { chart: plot.id } },
      h("div", { class: "chart-head" }, h("h3", { id }, plot.title), this.legend),
      h("div", { class: "plot-frame" }, this.place, this.tip), this.empty, this.summary, this.details);
    this.resize = new ResizeObserver(() => this.#fit());
    this.resize.observe(this.place);
  }

  /** Show columns made by `columns()`, over the range [start, end]. */
  show(plot, data, range) {
    const sameLines = this.chart && plot.lines.length === this.plot.lines.length;
    Object.assign(this, { plot, data, range });
    this.empty.hidden = data.times.length > 0;
    this.#drawLegend();
    this.#describe();
    this.#fillTable();
    if (!library) return;
    if (sameLines) this.chart.setData([data.times, ...data.drawn]);
    else this.rebuild();
  }

  /** Draw anew: colours or lines have changed. */
  rebuild() {
    if (!library || !this.data) return;
    this.chart?.destroy();
    this.chart = new library(this.#options(), [this.data.times, ...this.data.drawn], this.place);
    this.marks?.attach(this.chart, this.place.parentElement);
  }

  destroy() {
    this.resize.disconnect();
    this.chart?.destroy();
    this.chart = null;
  }

  #fit() {
    const width = this.place.clientWidth;
    if (this.chart && width > 0 && width !== this.chart.width) this.chart.setSize({ width, height: this.chart.height });
  }

  #options() {
    const text = colour("text-2");
    const grid = { stroke: colour("grid"), width: 1 };
    const font = "12px system-ui, sans-serif";
    const axis = { stroke: text, grid, ticks: { show: false }, font };
    const series = this.plot.lines.map((line) => this.#series(line));
    return {
      width: Math.max(200, this.place.clientWidth),
      height: this.plot.tall ? 250 : 170,
      legend: { show: false },
      padding: [this.plot.marks ? 30 : 8, 8, 0, 0],
      scales: { x: { time: true, range: () => this.range }, y: { range: (_, low, high) => this.#yRange(low, high) } },
      cursor: { sync: { key: this.group, setSeries: false }, points: { size: 6 }, y: false, drag: { x: true, y: false, dist: CLICK_PX, setScale: false } },
      axes: [
        { ...axis, size: 30, space: 70, values: (_, ticks) => this.#times(ticks) },
        { ...axis, size: 44, incrs: this.plot.whole ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000] : undefined, values: (_, ticks) => ticks.map((each) => number(each, 2)) },
      ],
      series: [{}, ...series],
      bands: this.#bands(),
      hooks: { setCursor: [(chart) => this.#hover(chart)], setSelect: [(chart) => this.#selected(chart)], ready: [(chart) => this.#listen(chart)] },
    };
  }

  #series(line) {
    const stroke = colour(`c-${line.colour}`);
    const paths = line.steps ? library.paths.stepped({ align: 1 }) : undefined;
    const fill = line.fill ? `${stroke}${this.plot.stacked ? "d0" : "33"}` : undefined;
    return { label: line.label, stroke, fill, width: line.width ?? (this.plot.stacked && line.fill ? 0 : 1.75), dash: line.dash, paths, points: { show: false }, spanGaps: line.spanGaps };
  }

  #bands() {
    if (!this.plot.stacked) return undefined;
    const areas = this.plot.lines.flatMap((line, i) => (line.over ? [] : [i + 1]));
    return areas.slice(1).map((series) => ({ series: [series, series - 1] }));
  }

  #yRange(low, high) {
    const top = this.plot.top ? Math.min(high ?? 0, this.#top()) : high ?? 0;
    if (this.plot.whole) return [0, Math.max(2, Math.ceil(top * 1.08))];
    return [0, high > 0 ? high * 1.12 : 1];
  }

  /** Half above what the lines before the policies reach: a wild proposal is cut off. */
  #top() {
    const highs = this.data.plain.slice(0, this.plot.top).map((column) => extent(column)?.high ?? 0);
    return Math.max(...highs) * 1.5;
  }

  #times(ticks) {
    const days = this.range[1] - this.range[0] > 2 * 86_400;
    let last = "";
    return ticks.map((each) => {
      const day = moment(each, "day");
      const text = days ? day : moment(each, "time");
      if (days && text === last) return "";
      last = text;
      return text;
    });
  }

  #listen(chart) {
    let from = null;
    chart.over.addEventListener("mousedown", (event) => (from = event.clientX));
    chart.over.addEventListener("click", (event) => {
      if (from !== null && Math.abs(event.clientX - from) > CLICK_PX) return;
      if (event.target !== chart.over) return;
      const at = chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, "x");
      this.asked.at(at);
    });
    chart.over.addEventListener("mouseleave", () => (this.tip.hidden = true));
  }

  #selected(chart) {
    const { left, width } = chart.select;
    if (width <= CLICK_PX) return;
    chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.asked.zoom(chart.posToVal(left, "x"), chart.posToVal(left + width, "x"));
  }

  #hover(chart) {
    const { left, idx } = chart.cursor;
    const hovered = chart.over.matches(":hover");
    if (!hovered || left < 0 || idx === null || idx === undefined) {
      this.tip.hidden = true;
      return;
    }
    const at = chart.posToVal(left, "x");
    put(this.tip, h("div", { class: "tip-time" }, moment(at)), this.#values(idx), this.#words(at));
    this.tip.hidden = false;
    const edge = chart.over.offsetLeft + left;
    const width = this.tip.offsetWidth;
    const flip = edge + width + 24 > this.place.clientWidth;
    this.tip.style.left = `${Math.max(0, flip ? edge - width - 14 : edge + 14)}px`;
  }

  #values(idx) {
    return this.plot.lines.map((line, i) => {
      const value = this.data.plain[i][idx];
      if (value === null || value === undefined) return null;
      const shown = `${number(value, 2)}${this.plot.unit ? ` ${this.plot.unit}` : ""}`;
      return h("div", { class: "tip-line" }, h("i", { class: `dot c-${line.colour}` }), line.label, h("b", {}, shown));
    });
  }

  #words(at) {
    const words = this.asked.words?.(at);
    return words ? h("div", { class: "tip-words" }, words) : null;
  }

  #drawLegend() {
    const shown = this.plot.lines.filter((line, i) => {
      const found = extent(this.data.plain[i]);
      return found !== null && (found.high > 0 || !this.plot.stacked);
    });
    put(this.legend, shown.map((line) =>
      h("span", { class: "legend-item" }, h("i", { class: `dot c-${line.colour}${line.dash ? " dashed" : ""}` }), line.label)));
  }

  #describe() {
    const words = this.plot.lines.map((line, i) => {
      const found = extent(this.data.plain[i]);
      if (!found) return "";
      const values = { low: number(found.low, 1), high: number(found.high, 1), last: number(found.last, 1) };
      return t("chart.summary", { name: line.label, ...values });
    });
    const summary = words.filter(Boolean).join(" ") || t("chart.empty");
    put(this.summary, summary);
    this.place.removeAttribute("aria-labelledby");
    this.place.setAttribute("aria-label", t("chart.region", { title: this.plot.title, summary }));
  }

  #fillTable() {
    if (!this.details.open || !this.data) return;
    const { times, plain } = this.data;
    const step = Math.max(1, Math.ceil(times.length / TABLE_ROWS));
    const head = [t("chart.time"), ...this.plot.lines.map((line) => line.label)];
    const rows = [];
    for (let i = times.length - 1; i >= 0; i -= step) {
      rows.push(h("tr", {}, h("th", { scope: "row" }, timeElement(times[i], "full")), plain.map((column) => h("td", {}, number(column[i], 2)))));
    }
    put(this.table, h("table", {}, h("caption", { class: "visually-hidden" }, this.plot.title),
      h("thead", {}, h("tr", {}, head.map((each) => h("th", { scope: "col" }, each)))), h("tbody", {}, rows)));
  }
}
