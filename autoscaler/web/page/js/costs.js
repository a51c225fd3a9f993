// What a range cost, beside two other ways: the maximum always on, and a fixed size.

import * as api from "./api.js";
import { h, put, settled } from "./dom.js";
import { money, number, percent, span } from "./format.js";
import { t } from "./i18n.js";

const HOUR_S = 3600;

export class Costs {
  constructor(app, signal) {
    Object.assign(this, { app, signal, fixedWorkers: null });
    const again = settled(() => this.refresh(), 400);
    this.fixed = h("input", {
      type: "number", min: 0, class: "small", "aria-label": t("cost.fixedLabel"),
      oninput: () => {
        this.fixedWorkers = this.fixed.value === "" ? null : Number(this.fixed.value);
        again();
      },
    });
    this.body = h("div", { class: "costs" });
    this.element = h("section", { class: "card", "aria-labelledby": "cost-title" }, h("h2", { id: "cost-title" }, t("cost.title")), this.body);
  }

  show(range) {
    this.range = range;
    return this.refresh();
  }

  async refresh() {
    try {
      const cost = await api.cost(this.app, this.range, this.fixedWorkers, this.signal);
      this.element.hidden = false;
      this.#draw(cost);
    } catch (error) {
      if (!this.signal.aborted) this.element.hidden = error.status === 503;
    }
  }

  #draw(cost) {
    if (this.fixedWorkers === null && document.activeElement !== this.fixed) this.fixed.value = cost.fixedWorkers;
    const priced = cost.cost !== null;
    const busy = cost.workerSeconds > 0 ? cost.busySeconds / cost.workerSeconds : 0;
    const hours = t("cost.tookHint", { hours: number(cost.workerSeconds / HOUR_S, 1), share: percent(busy) });
    const fixedLabel = [t("cost.fixed"), " ", this.fixed];
    const focused = document.activeElement === this.fixed;
    put(this.body,
      figure(t("cost.took"), priced ? money(cost.cost) : number(cost.workerSeconds / HOUR_S, 1), hours, 1, "took"),
      priced ? figure(t("cost.max"), money(cost.alwaysMax), saved(cost.savedVsMax, cost.alwaysMax), share(cost.cost, cost.alwaysMax), "max") : null,
      priced ? figure(fixedLabel, money(cost.fixed), saved(cost.savedVsFixed, cost.fixed), share(cost.cost, cost.fixed), "fixed") : null,
      h("p", { class: "muted" }, priced ? "" : t("cost.noPrice"), " ", t("cost.seen", { span: span(cost.seen) })));
    if (focused) this.fixed.focus();
  }
}

const share = (part, whole) => (whole > 0 ? Math.min(1, part / whole) : 0);

function saved(money_, whole) {
  const values = { money: money(Math.abs(money_)), share: whole > 0 ? percent(Math.abs(money_) / whole) : "–" };
  return h("span", { class: money_ >= 0 ? "good" : "bad" }, t(money_ >= 0 ? "cost.saves" : "cost.costs", values));
}

function figure(label, value, hint, part, name) {
  const fill = h("span");
  fill.style.width = `${(part * 100).toFixed(1)}%`;
  return h("div", { class: "cost-figure", dataset: { cost: name } }, h("div", { class: "tile-label" }, label), h("div", { class: "tile-value" }, value),
    h("div", { class: "cost-bar", "aria-hidden": "true" }, fill), h("div", { class: "tile-hint" }, hint));
}
