// Numbers and times in the viewer's language and zone; UTC on hover.

import { h } from "./dom.js";
import { locale, t } from "./i18n.js";

const NONE = "–";
const made = new Map();

function intl(kind, options) {
  const name = `${locale()}|${kind}|${JSON.stringify(options)}`;
  if (!made.has(name)) made.set(name, new Intl[kind](locale(), options));
  return made.get(name);
}

export function number(value, digits = 0) {
  if (value === null || value === undefined) return NONE;
  return intl("NumberFormat", { maximumFractionDigits: digits }).format(value);
}

export function money(value) {
  if (value === null || value === undefined) return NONE;
  const digits = Math.abs(value) >= 1000 ? 0 : 2;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return intl("NumberFormat", options).format(value);
}

export function percent(share) {
  return intl("NumberFormat", { style: "percent", maximumFractionDigits: 0 }).format(share);
}

const UNITS = [
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
];

/** A span of time in its largest unit. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  const whole = Math.max(0, seconds);
  const [size, unit] = UNITS.find(([each]) => whole >= each * 2 || (each === 86_400 && whole >= each)) ?? [1, "second"];
  const digits = unit === "second" && whole < 10 && whole % 1 > 0 ? 1 : 0;
  const options = { style: "unit", unit, unitDisplay: "narrow", maximumFractionDigits: digits };
  return intl("NumberFormat", options).format(whole / size);
}

/** Seconds since, as whole seconds up to two minutes. */
export function ago(seconds) {
  if (seconds === null) return NONE;
  return span(Math.max(0, Math.floor(seconds)));
}

const PARTS = {
  time: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  day: { month: "short", day: "numeric" },
  full: {
    month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
    hourCycle: "h23",
  },
};

/** A moment as text; `parts`: time, clock, day or full. */
export function moment(epoch_s, parts = "full") {
  if (epoch_s === null || epoch_s === undefined) return NONE;
  return intl("DateTimeFormat", PARTS[parts]).format(new Date(epoch_s * 1000));
}

export function utc(epoch_s) {
  return new Date(epoch_s * 1000).toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC");
}

/** A moment as an element that shows UTC on hover. */
export function timeElement(epoch_s, parts = "full") {
  if (epoch_s === null || epoch_s === undefined) return h("span", {}, NONE);
  const attributes = { datetime: new Date(epoch_s * 1000).toISOString(), title: utc(epoch_s) };
  return h("time", attributes, moment(epoch_s, parts));
}

/** "in force until 14:30", or "until somebody resumes it". */
export function until(epoch_s) {
  if (epoch_s === null) return t("order.noEnd");
  return t("order.until", { at: moment(epoch_s, "full") });
}

/** A local moment as an `<input type=datetime-local>` wants it. */
export function inputValue(epoch_s) {
  const at = new Date(epoch_s * 1000);
  const two = (value) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/**
 * A moment as a person types it: 14:05, 14:05:30, yesterday's where it is later than now, or
 * 2026-03-01 14:05, in the viewer's zone; `null` where it is none.
 */
export function typedMoment(text, now_s) {
  const clean = text.trim().replace("：", ":");
  const short = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(clean);
  if (short) {
    const [hour, minute, second] = [short[1], short[2], short[3] ?? "0"].map(Number);
    if (hour > 23 || minute > 59 || second > 59) return null;
    const at = new Date(now_s * 1000);
    at.setHours(hour, minute, second, 0);
    if (at.getTime() / 1000 > now_s) at.setDate(at.getDate() - 1);
    return at.getTime() / 1000;
  }
  if (!/^\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}/.test(clean)) return null;
  const at = Date.parse(clean.replace(" ", "T"));
  return Number.isNaN(at) ? null : at / 1000;
}
