// An app's page: what it does now and why, charts of the past with its actions as marks, its
// workers, events and costs. Fetched anew when the live stream says that the app changed.

import * as api from "./api.js";
import { actButtons } from "./act.js";
import { Chart, chartsThere } from "./chart.js";
import { Costs } from "./costs.js";
import { headline, openDecision, openEvents, stepsTable } from "./decision.js";
import { h, put, putOnce, setText, throttled } from "./dom.js";
import { EventList } from "./events.js";
import { ago, moment, typedMoment, until } from "./format.js";
import { t } from "./i18n.js";
import { loadMarks } from "./history.js";
import { Marks } from "./marks.js";
import { chartsMissing, errorNotice, showNotices } from "./notices.js";
import { columns, plots, withGaps } from "./plots.js";
import { bounds, freshFor, rangeOf, rangePicker, wishOf } from "./range.js";
import { orderWords, reasonWords, statusBadge } from "./status.js";
import { appTiles } from "./tiles.js";
import { workersTable } from "./workers.js";

const REFRESH_MS = 1500;
const LOOK_MS = 10_000;
const POINTS = 480;

/** Show an app in `view` until `signal` aborts; `wish` holds the range, and `at` a moment to explain. */
export function showApp(context) {
  const page = new AppPage(context);
  page.start();
  return page;
}

class AppPage {
  constructor({ view, store, app, wish, signal, changeWish }) {
    Object.assign(this, { view, store, app, signal, changeWish });
    this.key = `${app.namespace}/${app.name}`;
    this.range = rangeOf(wish);
    this.explainFirst = Number(wish.at) > 0 ? Number(wish.at) : null;
    this.charts = new Map();
    this.fetchedAt = 0;
    this.trouble = null;
    this.refreshNow = throttled(() => this.#refresh(), REFRESH_MS);
  }

  async start() {
    const { signal } = this;
    this.marks = new Marks((events) => (events.length === 1 ? this.#openEvent(events[0]) : openEvents(events, (event) => this.#openEvent(event))));
    this.events = new EventList(this.app, signal, (event) => this.#openEvent(event));
    this.costs = new Costs(this.app, signal);
    this.#layout();
    this.store.addEventListener("change", () => this.#storeChanged(), { signal });
    this.store.addEventListener("theme", () => this.charts.forEach((chart) => chart.rebuild()), { signal });
    const timers = [setInterval(() => this.#tick(), 1000), setInterval(() => this.refreshNow(), LOOK_MS)];
    signal.addEventListener("abort", () => {
      timers.forEach(clearInterval);
      this.charts.forEach((chart) => chart.destroy());
    });
    this.refreshNow();
    this.hasCharts = await chartsThere();
    if (!signal.aborted) await this.#history();
    if (this.explainFirst !== null && !signal.aborted) this.#explain(this.explainFirst);
  }

  #layout() {
    this.notices = h("div", { class: "notices" });
    this.badge = h("span");
    this.look = h("span", { class: "muted" });
    this.buttons = h("div", { class: "act-buttons" });
    this.orders = h("div", { class: "orders-in-force" });
    this.tiles = h("div", { class: "tiles" });
    this.now = h("section", { class: "card now", "aria-labelledby": "now-title" });
    this.picker = h("div");
    this.grid = h("div", { class: "charts" });
    this.hint = h("p", { class: "muted hint" }, t("chart.hint"));
    this.chartNote = h("div", { class: "chart-note" });
    this.workers = h("section", { class: "card", "aria-labelledby": "workers-title" });
    const space = h("span", { class: "namespace" }, `${this.app.namespace} /`, h("wbr"));
    put(this.view,
      h("a", { class: "back", href: "#/" }, "← ", t("back")), this.notices,
      h("div", { class: "head app-head" }, h("h1", {}, space, " ", this.app.name), this.badge, this.look, this.buttons),
      this.orders, this.tiles, this.now,
      h("div", { class: "toolbar" }, this.picker, this.#whyForm()),
      this.chartNote, this.grid,
      this.hint,
      this.events.element, h("div", { class: "two" }, this.costs.element, this.workers));
    put(this.now, h("h2", { id: "now-title" }, t("app.now")), h("p", {}, t("loading")));
    this.#drawPicker();
  }

  #drawPicker() {
    put(this.picker, rangePicker(this.range, (range) => this.#choose(range)));
  }

  #whyForm() {
    const input = h("input", { type: "text", id: "why-at", placeholder: t("app.whyHint"), autocomplete: "off", size: 24 });
    const problem = h("span", { class: "form-error", role: "alert" });
    const submit = (event) => {
      event.preventDefault();
      const at = input.value.trim() ? typedMoment(input.value, api.now()) : null;
      const words = input.value.trim() && at === null ? t("app.whyBad") : at > api.now() ? t("app.whyFuture") : "";
      setText(problem, words);
      if (!words) this.#explain(at);
    };
    return h("form", { class: "why", onsubmit: submit }, h("label", { for: "why-at" }, t("app.why")), input,
      h("button", { class: "primary" }, t("app.explain")), problem);
  }

  #choose(range) {
    this.range = range;
    this.changeWish(wishOf(range));
    this.#drawPicker();
    this.#history();
  }

  #storeChanged() {
    this.#drawNotices();
    if (this.details) this.#drawButtons();
    const row = this.store.apps.get(this.key);
    const word = row ? JSON.stringify([row.decidedAt, row.workers, row.queue, row.orders]) : "gone";
    if (word === this.word) return;
    this.word = word;
    this.refreshNow();
  }

  async #refresh() {
    if (this.signal.aborted || document.visibilityState !== "visible") return;
    try {
      this.details = await api.app(this.app, this.signal);
      this.trouble = null;
      this.#drawNow();
    } catch (error) {
      if (this.signal.aborted) return;
      this.trouble = error.status === 401 ? null : errorNotice(error, () => this.refreshNow());
    }
    this.#drawNotices();
    if (this.range.end === null && api.now() - this.fetchedAt > freshFor(this.range)) this.#history();
  }

  #drawNotices() {
    showNotices(this.notices, this.store, () => this.store.refresh(), this.trouble);
  }

  #drawNow() {
    const app = this.details;
    putOnce(this.badge, app.status, () => statusBadge(app.status));
    this.#drawButtons();
    putOnce(this.orders, JSON.stringify(app.orders), () => app.orders.map((order) => h("p", { class: "notice warn order" }, h("b", {}, orderWords(order)), " ",
      until(order.until), " ", t("order.by", { who: order.who, why: order.why }))));
    put(this.tiles, appTiles(app));
    putOnce(this.now, JSON.stringify(app.explanation), () => [
      h("h2", { id: "now-title" }, t("app.now")), app.decision ? this.#decided(app) : h("p", {}, t("statusHint.unseen"))]);
    this.#drawWorkers(app);
    this.#tick();
  }

  #drawButtons() {
    const acting = this.store.health?.acting ?? false;
    putOnce(this.buttons, `${acting} ${this.details.orders.length}`,
      () => actButtons(() => this.details, acting, () => this.#acted()));
  }

  #acted() {
    this.refreshNow();
    setTimeout(() => this.#history(), REFRESH_MS);
  }

  /** Ages change all the time, so it is drawn each time; who scrolls or reads it stays there. */
  #drawWorkers(app) {
    const before = this.workers.querySelector(".table-scroll");
    const top = before?.scrollTop ?? 0;
    const focused = before !== null && before.contains(document.activeElement);
    put(this.workers, h("h2", { id: "workers-title" }, t("workers.title")), workersTable(app.workerList),
      app.problems.length ? h("p", { class: "notice warn" }, t("app.problems", { text: app.problems.join("; ") })) : null);
    const after = this.workers.querySelector(".table-scroll");
    if (after) after.scrollTop = top;
    if (focused) after?.focus({ preventScroll: true });
  }

  #decided(app) {
    const open = h("details", { class: "values", open: this.stepsOpen, ontoggle: (event) => (this.stepsOpen = event.target.open) },
      h("summary", {}, t("decision.steps")), stepsTable(app.explanation.steps));
    return h("div", {}, headline({ decision: app.decision, at: app.decision.at }), h("p", { class: "paragraph" }, app.explanation.text), open);
  }

  #tick() {
    const seenAt = this.details?.seenAt ?? null;
    setText(this.look, seenAt === null ? "" : t("app.look", { ago: ago(Math.max(0, api.now() - seenAt)) }));
  }

  async #history() {
    const { range, signal } = this;
    this.fetchedAt = api.now();
    const past = this.store.health?.hasHistory ?? true;
    for (const part of [this.grid, this.events.element, this.costs.element, this.hint]) part.hidden = !past;
    if (!past) return;
    const [start, end] = bounds(range);
    this.events.show(start, end, range.end === null);
    this.costs.show(range);
    try {
      const [samples, marks] = await Promise.all([api.samples(this.app, range, POINTS, signal), loadMarks(this.app, range, signal)]);
      if (this.range === range) this.#drawCharts(samples, marks, [start, end]);
    } catch (error) {
      if (!signal.aborted) put(this.chartNote, error.status === 503 ? null : errorNotice(error, () => this.#history()));
      this.grid.hidden = error.status === 503;
    }
  }

  #drawCharts(samples, marks, range) {
    const priced = samples.some((sample) => sample.cost > 0);
    const whole = withGaps(samples);
    const since = marks.since === null ? null : h("p", { class: "muted" }, t("mark.truncated", { at: moment(marks.since) }));
    put(this.chartNote, this.hasCharts ? null : chartsMissing(), since);
    this.told = marks.decisions;
    for (const plot of plots(whole, priced)) {
      const chart = this.#chart(plot);
      chart.show(plot, columns(plot, whole, range[1]), range);
      if (plot.marks) this.marks.show(marks.events);
    }
  }

  #chart(plot) {
    if (!this.charts.has(plot.id)) {
      const asked = { at: (at) => this.#explain(Math.min(at, api.now())), zoom: (start, end) => this.#choose(rangeOf({ start, end: Math.min(end, api.now()) })), words: (at) => this.#words(at) };
      const chart = new Chart(plot, this.key, asked);
      if (plot.marks) chart.marks = this.marks;
      this.charts.set(plot.id, chart);
      this.grid.append(chart.element);
    }
    return this.charts.get(plot.id);
  }

  /** The decision in force at a moment, in a few words, for the hover. */
  #words(at) {
    const found = this.told?.find((event) => event.at <= at); // newest first
    if (!found) return "";
    return `${found.reason}: ${found.message || reasonWords(found.reason)}`;
  }

  #openEvent(event) {
    openDecision(this.app, event.kind === "decision" ? { id: event.id } : { at: event.at }, this.#linked());
  }

  #explain(at) {
    openDecision(this.app, { at }, this.#linked());
  }

  #linked() {
    const link = (at) => {
      const path = `#/apps/${encodeURIComponent(this.app.namespace)}/${encodeURIComponent(this.app.name)}?at=${at.toFixed(3)}`;
      return new URL(path, document.baseURI).href;
    };
    return { link, signal: this.signal };
  }
}
