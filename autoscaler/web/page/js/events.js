// What happened, as a list: filtered, newest first, older on demand.

import * as api from "./api.js";
import { h, put } from "./dom.js";
import { moment, timeElement } from "./format.js";
import { t } from "./i18n.js";
import { markKind, markWords } from "./marks.js";
import { errorNotice } from "./notices.js";
import { reasonWords } from "./status.js";

const LIMIT = 30;
const FILTERS = {
  "": {},
  acted: { kind: "decision", action: ["scale_up", "scale_down"] },
  decision: { kind: "decision" },
  scale: { kind: "scale" },
  raced: { kind: "raced" },
  trouble: { kind: "trouble" },
  intervention: { kind: "intervention" },
};

export class EventList {
  /** `open(event)` shows a decision. */
  constructor(app, signal, open) {
    Object.assign(this, { app, signal, open, items: [], cursor: null });
    this.filter = h("select", { id: "event-kind", onchange: () => this.refresh() },
      Object.keys(FILTERS).map((name) => h("option", { value: name }, t(name ? `kind.${name}` : "events.anyKind"))));
    this.reason = h("select", { id: "event-reason", onchange: () => this.refresh() });
    this.body = h("tbody");
    this.note = h("div", { class: "empty" });
    this.more = h("button", { type: "button", onclick: () => this.#fetch(this.cursor) }, t("events.more"));
    const head = ["at", "what", "reason", "message"].map((name) => h("th", { scope: "col" }, t(`events.${name}`)));
    const table = h("table", { class: "plain events" }, h("caption", { class: "visually-hidden" }, t("events.title")),
      h("thead", {}, h("tr", {}, head)), this.body);
    this.element = h("section", { class: "card", "aria-labelledby": "events-title" },
      h("div", { class: "chart-head" }, h("h2", { id: "events-title" }, t("events.title")),
        h("div", { class: "inline-filters" }, h("label", { class: "visually-hidden", for: "event-kind" }, t("events.kind")), this.filter,
          h("label", { class: "visually-hidden", for: "event-reason" }, t("events.reason")), this.reason)),
      h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": t("events.title") }, table), this.note, this.more);
    this.#reasons();
  }

  /** Show the events of [start, end]; `live` keeps the end open. */
  show(start, end, live) {
    this.range = { start: start.toFixed(0), end: live ? "" : end.toFixed(0) };
    return this.refresh();
  }

  refresh() {
    return this.#fetch(null);
  }

  async #fetch(cursor) {
    const query = { ...this.range, ...FILTERS[this.filter.value], reason: this.reason.value, limit: LIMIT, cursor };
    try {
      const of = query.kind === "trouble" ? null : this.app; // the platform's troubles are of no app
      const found = await api.events(of, query, this.signal);
      const kept = cursor === null ? this.#keep(found) : { items: [...this.items, ...found.items], cursor: found.nextCursor };
      Object.assign(this, kept);
      this.#draw();
    } catch (error) {
      if (!this.signal.aborted) put(this.note, errorNotice(error, () => this.refresh()));
    }
  }

  /** Keep the older ones that were asked for where the newest ones still join them. */
  #keep(found) {
    const fresh = { items: found.items, cursor: found.nextCursor };
    const same = this.lastFilter === `${this.filter.value}|${this.reason.value}|${this.range.start}`;
    this.lastFilter = `${this.filter.value}|${this.reason.value}|${this.range.start}`;
    if (!same || this.items.length <= LIMIT || found.nextCursor === null) return fresh;
    const oldest = found.items.at(-1)?.id;
    const place = this.items.findIndex((each) => each.id === oldest);
    return place < 0 ? fresh : { items: [...found.items, ...this.items.slice(place + 1)], cursor: this.cursor };
  }

  #draw() {
    const focused = document.activeElement?.dataset.event;
    put(this.body, this.items.map((event) => this.#row(event)));
    if (focused) this.body.querySelector(`[data-event="${focused}"]`)?.focus();
    put(this.note, this.items.length ? "" : t("events.none"));
    this.note.hidden = this.items.length > 0;
    this.more.hidden = this.cursor === null;
    this.#reasons();
  }

  #row(event) {
    const kind = markKind(event) ?? "plain";
    const what = h("span", { class: `what what-${kind}` }, event.kind === "decision" && kind === "plain" ? t("action.hold") : this.#words(event));
    const open = event.kind === "decision"
      ? h("button", { type: "button", class: "link", dataset: { event: event.id }, "aria-label": t("events.open", { at: moment(event.at) }), onclick: () => this.open(event) }, timeElement(event.at))
      : timeElement(event.at);
    return h("tr", {}, h("th", { scope: "row" }, open), h("td", {}, what),
      h("td", {}, h("span", { class: "reason-code", title: reasonWords(event.reason) }, event.reason ?? "")), h("td", { class: "message" }, event.message));
  }

  #words(event) {
    return markKind(event) ? markWords(event) : t(`kind.${event.kind}`);
  }

  #reasons() {
    const reasons = new Set([...this.reason.options].map((each) => each.value).filter(Boolean));
    for (const event of this.items) if (event.reason) reasons.add(event.reason);
    const now = [...reasons].sort();
    if (this.reason.options.length === now.length + 1) return;
    const { value } = this.reason;
    put(this.reason, h("option", { value: "" }, t("overview.anyReason")), now.map((each) => h("option", { value: each, title: reasonWords(each) }, each)));
    this.reason.value = value;
  }
}
