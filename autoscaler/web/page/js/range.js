// The time range of an app's page: so long back from now (live), or between two moments.

import * as api from "./api.js";
import { h, put } from "./dom.js";
import { inputValue } from "./format.js";
import { t } from "./i18n.js";

const SPANS = { "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 };
const FALLBACK = "6h";

/** The range that an address asks for: {name, span, start, end}; `end` is `null` while live. */
export function rangeOf(wish) {
  const start = Number(wish.start);
  const end = Number(wish.end);
  if (start > 0 && end > start) return { name: "custom", span: end - start, start, end };
  const name = wish.range in SPANS ? wish.range : FALLBACK;
  return { name, span: SPANS[name], start: null, end: null };
}

export const wishOf = (range) =>
  range.end === null
    ? { range: range.name === FALLBACK ? "" : range.name, start: "", end: "" }
    : { range: "", start: range.start.toFixed(0), end: range.end.toFixed(0) };

/** Both ends now, epoch seconds. */
export function bounds(range) {
  if (range.end !== null) return [range.start, range.end];
  const end = api.now();
  return [end - range.span, end];
}

/** Seconds after which a live range is worth fetching again. */
export const freshFor = (range) => Math.min(300, Math.max(15, range.span / 720));

/** The buttons; `choose(range)` is called with each choice. */
export function rangePicker(range, choose) {
  const buttons = Object.keys(SPANS).map((name) =>
    h("button", {
      type: "button", "aria-pressed": String(range.name === name),
      onclick: () => choose(rangeOf({ range: name })),
    }, t(`range.${name}`)));
  const custom = h("button", {
    type: "button", "aria-pressed": String(range.name === "custom"), "aria-expanded": "false",
    onclick: () => {
      form.hidden = !form.hidden;
      custom.setAttribute("aria-expanded", String(!form.hidden));
      if (!form.hidden) form.querySelector("input").focus();
    },
  }, t("range.custom"));
  const form = customForm(range, choose);
  const group = h("div", { class: "segments", role: "group", "aria-label": t("range.label") }, buttons, custom);
  return h("div", { class: "range" }, group, form);
}

function customForm(range, choose) {
  const [start, end] = bounds(range);
  const field = (id, label, at) => [
    h("label", { for: id }, label),
    h("input", { type: "datetime-local", id, value: inputValue(at), required: true }),
  ];
  const problem = h("p", { class: "form-error", role: "alert" });
  const form = h("form", { class: "custom-range", hidden: range.name !== "custom" },
    field("range-from", t("range.from"), start), field("range-to", t("range.to"), end),
    h("button", { class: "primary" }, t("range.show")), problem);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [from, to] = [...form.querySelectorAll("input")].map((each) => new Date(each.value).getTime() / 1000);
    const good = from < to && from < api.now();
    put(problem, good ? "" : t("range.bad"));
    if (good) choose(rangeOf({ start: from, end: Math.min(to, api.now()) }));
  });
  return form;
}
