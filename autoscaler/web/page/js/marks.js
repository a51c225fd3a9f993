// Actions as marks above a chart: real buttons, so that a keyboard and a screen reader reach them.

import { h } from "./dom.js";
import { moment } from "./format.js";
import { t } from "./i18n.js";

const NEAR_PX = 26; // marks that would touch become one with a number
const GLYPHS = { up: "▲", down: "▼", raced: "✕", trouble: "!", intervention: "✋︎", many: "" };

/** What kind of mark an event makes, or `null` for none. */
export function markKind(event) {
  if (event.kind === "decision") {
    if (event.action === "scale_up") return "up";
    return event.action === "scale_down" ? "down" : null;
  }
  return ["raced", "trouble", "intervention"].includes(event.kind) ? event.kind : null;
}

/** An event in a few words. */
export function markWords(event) {
  const kind = markKind(event);
  if (kind === "up" || kind === "down") return t(`mark.${kind}`, { n: event.count });
  return kind ? t(`mark.${kind}`) : event.reason ?? t(`kind.${event.kind}`);
}

export class Marks {
  /** `open(events)` is called with those of the mark that was chosen. */
  constructor(open) {
    this.open = open;
    this.events = [];
  }

  /** Lie over this chart from now on; `frame` is the element around it. */
  attach(chart, frame) {
    this.chart = chart;
    this.layer?.remove();
    this.layer = h("div", { class: "marks", role: "group", "aria-label": t("mark.legend") });
    frame.append(this.layer);
    chart.hooks.draw = [...(chart.hooks.draw ?? []), () => this.#place()];
    this.#place();
  }

  show(events) {
    this.events = events.filter((event) => markKind(event)).sort((a, b) => a.at - b.at);
    this.drawn = "";
    this.#place();
  }

  #place() {
    if (!this.chart) return;
    const { over, width } = this.chart;
    const key = [width, ...this.chart.scales.x.min ? [this.chart.scales.x.min, this.chart.scales.x.max] : [], this.events.length].join();
    this.layer.style.left = `${over.offsetLeft}px`;
    this.layer.style.width = `${over.offsetWidth}px`;
    if (this.drawn === key) return;
    this.drawn = key;
    const focused = this.layer.contains(document.activeElement) ? document.activeElement.dataset.ids : null;
    this.layer.replaceChildren(...this.#clusters().map((cluster) => this.#button(cluster)));
    if (focused) [...this.layer.children].find((each) => each.dataset.ids === focused)?.focus();
  }

  #clusters() {
    const clusters = [];
    for (const event of this.events) {
      const x = this.chart.valToPos(event.at, "x");
      if (x < 0 || x > this.chart.over.offsetWidth) continue;
      const last = clusters.at(-1);
      if (last && x - last.x < NEAR_PX) last.events.push(event);
      else clusters.push({ x, events: [event] });
    }
    return clusters;
  }

  #button({ x, events }) {
    const kinds = new Set(events.map(markKind));
    const kind = kinds.size === 1 ? [...kinds][0] : worst(kinds);
    const what = events.length === 1 ? markWords(events[0]) : t("mark.many", { n: events.length });
    const words = t("mark.label", { what, at: moment(events[0].at) });
    const hint = events.slice(0, 6).map((event) => `${moment(event.at, "clock")} ${markWords(event)}${event.message ? `: ${event.message}` : ""}`).join("\n");
    const glyph = events.length > 1 ? String(events.length) : GLYPHS[kind];
    const button = h("button", {
      type: "button", class: `mark mark-${kind}`, "aria-label": words, title: hint,
      dataset: { kind, ids: events.map((each) => each.id).join() },
      onclick: () => this.open(events),
    }, glyph);
    button.style.left = `${x}px`;
    return button;
  }
}

const worst = (kinds) => ["raced", "trouble", "intervention", "up"].find((each) => kinds.has(each)) ?? "down";
