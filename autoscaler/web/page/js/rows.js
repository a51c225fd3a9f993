// The lines of the overview's table: made once per app, then only changed cells are written.

import * as api from "./api.js";
import { h, put, setText } from "./dom.js";
import { ago, money, number } from "./format.js";
import { t } from "./i18n.js";
import { draw, sparkline, Sparklines } from "./sparkline.js";
import { orderWords, reasonWords, statusBadge } from "./status.js";

const LATE_S = 120; // a look older than this is shown in the colour of trouble

export class Rows {
  #rows = new Map(); // app key → Row
  #seen = new Set(); // rows on the screen

  constructor(body, signal) {
    this.body = body;
    this.lines = new Sparklines((key) => this.#rows.get(key)?.drawLine(this.lines), signal);
    this.watch = new IntersectionObserver((entries) => this.#moved(entries), { rootMargin: "100px" });
    const timer = setInterval(() => this.#tick(), 1000);
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      this.watch.disconnect();
    });
  }

  /** Show these apps in this order. */
  show(apps, priced) {
    this.body.parentElement.classList.toggle("unpriced", !priced);
    const keep = new Set(apps.map((app) => app.key));
    for (const [key, row] of this.#rows) if (!keep.has(key)) this.#drop(key, row);
    let before = null;
    for (const app of apps) {
      const row = this.#row(app);
      const place = before === null ? this.body.firstElementChild : before.nextElementSibling;
      if (place !== row.element) this.body.insertBefore(row.element, place);
      before = row.element;
      if (row.shown === app) continue; // the very same object: nothing was told of it since
      this.lines.note(app);
      row.update(app);
      if (this.#seen.has(row)) row.drawLine(this.lines);
    }
  }

  #row(app) {
    let row = this.#rows.get(app.key);
    if (!row) {
      row = new Row(app);
      this.#rows.set(app.key, row);
      row.element.row = row;
      this.watch.observe(row.element);
    }
    return row;
  }

  #drop(key, row) {
    this.watch.unobserve(row.element);
    this.#seen.delete(row);
    this.lines.unwant(row.app);
    row.element.remove();
    this.#rows.delete(key);
  }

  #moved(entries) {
    for (const { target, isIntersecting } of entries) {
      const { row } = target;
      if (isIntersecting) {
        this.#seen.add(row);
        this.lines.want(row.app);
        row.drawLine(this.lines);
        row.tick();
      } else {
        this.#seen.delete(row);
        this.lines.unwant(row.app);
      }
    }
  }

  #tick() {
    for (const row of this.#seen) {
      row.tick();
      this.lines.want(row.app);
    }
  }
}

class Row {
  constructor(app) {
    this.app = app;
    const cell = (name, ...children) => h("td", { class: `col-${name}`, role: "cell", dataset: { label: t(`column.${name}`) } }, children);
    const href = `#/apps/${encodeURIComponent(app.namespace)}/${encodeURIComponent(app.name)}`;
    const space = app.namespace === "default" ? null : h("span", { class: "namespace" }, `${app.namespace} /`, h("wbr"));
    this.status = cell("status");
    this.reason = h("span", { class: "reason" });
    this.orders = h("span", { class: "orders" });
    this.workers = h("span", { class: "number" });
    this.max = h("span", { class: "of" });
    this.desired = h("span", { class: "number" });
    this.queue = h("span", { class: "number" });
    this.seen = h("span", { class: "number" });
    this.cost = h("span", { class: "number" });
    this.spark = sparkline();
    this.element = h("tr", { role: "row", dataset: { app: app.key } },
      h("th", { scope: "row", class: "col-name", role: "rowheader" }, h("a", { href }, space, app.name)),
      this.status, cell("reason", this.reason, this.orders), cell("workers", this.workers, this.max),
      cell("desired", this.desired), cell("queue", this.queue), cell("trend", this.spark),
      cell("seen", this.seen), cell("cost", this.cost));
  }

  update(app) {
    this.app = this.shown = app;
    if (this.element.dataset.status !== app.status) {
      this.element.dataset.status = app.status;
      put(this.status, statusBadge(app.status));
    }
    setText(this.reason, app.reason ?? "");
    const hint = [app.message, reasonWords(app.reason)].filter(Boolean).join(" — ");
    if (this.reason.title !== hint) this.reason.title = hint;
    const orders = app.orders.map(orderWords).join(", ");
    setText(this.orders, orders);
    this.orders.hidden = orders === "";
    setText(this.workers, number(app.workers));
    setText(this.max, app.max === null ? "" : ` / ${number(app.max)}`);
    setText(this.desired, number(app.desired));
    const known = app.desired !== null && app.workers !== null;
    const change = known ? Math.sign(app.desired - app.workers) : 0;
    this.desired.dataset.change = change > 0 ? "up" : change < 0 ? "down" : "";
    setText(this.queue, number(app.queue));
    this.queue.classList.toggle("waiting", (app.queue ?? 0) > 0);
    setText(this.cost, money(app.costPerHour));
    this.tick();
  }

  /** Write what time alone changes. */
  tick() {
    const age_s = this.app.seenAt === null ? null : Math.max(0, api.now() - this.app.seenAt);
    setText(this.seen, ago(age_s));
    this.seen.classList.toggle("late", age_s !== null && age_s > LATE_S);
  }

  drawLine(lines) {
    const points = lines.points(this.app.key);
    draw(this.spark, points, 0);
    const workers = points.map((point) => Math.round(point[1]));
    const values = { low: Math.min(...workers), high: Math.max(...workers), now: number(this.app.workers) };
    const words = points.length ? t("column.trendOf", values) : t("column.trend");
    if (this.spark.getAttribute("aria-label") !== words) this.spark.setAttribute("aria-label", words);
  }
}
