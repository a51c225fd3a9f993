// The full decision: the paragraph and the steps that `autoscaler explain` tells, in a dialog.

import * as api from "./api.js";
import { openDialog, refill } from "./dialog.js";
import { announce, h } from "./dom.js";
import { errorNotice } from "./notices.js";
import { moment, number, timeElement } from "./format.js";
import { t } from "./i18n.js";
import { markWords } from "./marks.js";
import { reasonWords } from "./status.js";

/** Open what was decided: {id} of an event, or {at} a moment; neither means now. */
export function openDecision(app, which, { link, signal }) {
  const dialog = openDialog({ title: t("loading"), body: h("p", {}, t("loading")), wide: true });
  signal.addEventListener("abort", () => dialog.close(), { once: true });
  load(dialog, app, which, link);
  return dialog;
}

async function load(dialog, app, which, link) {
  try {
    const told = which.id ? await api.decision(app, which.id) : await api.explainAt(app, which.at ?? null);
    const title = which.at ? t("decision.inForce", { at: moment(which.at) }) : t("decision.title", { at: moment(told.at) });
    refill(dialog, title, body(dialog, app, told, which, link));
  } catch (error) {
    refill(dialog, `${app.name}`, errorNotice(error, () => load(dialog, app, which, link)));
  }
}

function body(dialog, app, told, which, link) {
  return [
    headline(told, which),
    h("p", { class: "paragraph" }, told.explanation.text),
    told.decision.warnings.map((each) => h("p", { class: "notice warn" }, each)),
    h("h3", {}, t("decision.steps")),
    stepsTable(told.explanation.steps),
    h("div", { class: "dialog-tools" }, neighbours(dialog, app, told, link), copyButton(link, told.at)),
    h("details", { class: "raw" }, h("summary", {}, t("decision.raw")),
      h("pre", { tabindex: "0", role: "group", "aria-label": t("decision.raw") }, JSON.stringify(told.decision.raw, null, 2))),
  ].flat();
}

/** What was done, and the code with its meaning. */
export function headline({ decision, at }, which = {}) {
  const done = t(`action.${decision.action}`, { n: number(decision.count) });
  const when = which.at ? [" · ", timeElement(at)] : [];
  return h("div", { class: "headline" },
    h("span", { class: `action action-${decision.action}` }, done),
    h("span", { class: "reason-code", title: reasonWords(decision.reason) }, decision.reason),
    h("span", { class: "reason-words" }, reasonWords(decision.reason), when));
}

export function stepsTable(steps) {
  const rows = steps.map((each) => h("tr", {}, h("th", { scope: "row" }, each.step), h("td", { class: "n" }, each.workers), h("td", {}, each.why)));
  const head = ["decision.step", "decision.workers", "decision.why"].map((key) => h("th", { scope: "col" }, t(key)));
  return h("div", { class: "table-scroll" }, h("table", { class: "steps" },
    h("caption", { class: "visually-hidden" }, t("decision.steps")), h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)));
}

function neighbours(dialog, app, told, link) {
  const go = (find, none) => async () => {
    const found = await find().catch(() => null);
    if (found) load(dialog, app, { id: found.id }, link);
    else announce(none);
  };
  const earlier = async () => {
    const query = told.id ? { cursor: told.id, limit: 1 } : { limit: 1 };
    return (await api.decisions(app, query)).items[0];
  };
  const later = async () => {
    const start = (told.at + 0.001).toFixed(3);
    for (let span_s = 60; span_s < 86_400 * 40; span_s *= 8) {
      const end = Math.min(api.now(), told.at + span_s);
      if (end <= told.at + 0.001) return null;
      const found = (await api.decisions(app, { start, end: end.toFixed(3), limit: 500 })).items;
      if (found.length > 0) return found.at(-1);
      if (end >= api.now()) return null;
    }
    return null;
  };
  return [
    h("button", { type: "button", onclick: go(earlier, t("decision.noEarlier")) }, `← ${t("decision.earlier")}`),
    told.id ? h("button", { type: "button", onclick: go(later, t("decision.noLater")) }, `${t("decision.later")} →`) : null,
  ];
}

function copyButton(link, at) {
  if (!navigator.clipboard || !link) return null;
  const copy = async () => {
    await navigator.clipboard.writeText(link(at));
    button.textContent = t("decision.copied");
  };
  const button = h("button", { type: "button", onclick: copy }, t("decision.copy"));
  return button;
}

/** A list of events to choose from, where a mark stands for several. */
export function openEvents(events, choose) {
  const list = events.map((event) => {
    const open = () => {
      dialog.close();
      choose(event);
    };
    return h("li", {}, h("button", { type: "button", class: "event-choice", onclick: open },
      timeElement(event.at, "full"), h("b", {}, markWords(event)), h("span", {}, event.message)));
  });
  const title = t("mark.list", { from: moment(events[0].at), to: moment(events.at(-1).at) });
  const dialog = openDialog({ title, body: h("ul", { class: "event-list" }, list), wide: true });
}
