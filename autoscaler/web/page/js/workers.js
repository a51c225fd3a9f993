// The workers that there are now, one by one.

import * as api from "./api.js";
import { h } from "./dom.js";
import { ago, number } from "./format.js";
import { has, t } from "./i18n.js";

const ORDER = ["busy", "free", "in_flight", "rollin", "removing", "unavailable", "unknown", "error", "gone"];
const SHOWN = 200;

export function workersTable(workers) {
  if (workers.length === 0) return h("p", { class: "empty" }, t("workers.none"));
  const sessions = workers.some((worker) => worker.sessions > 0);
  const gpu = workers.some((worker) => worker.gpu);
  const columns = ["id", "state", "age", "served", "counts", sessions && "sessions", gpu && "gpu"].filter(Boolean);
  const sorted = [...workers].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.id < b.id ? -1 : 1));
  const rows = sorted.slice(0, SHOWN).map((worker) => h("tr", {}, columns.map((name) => cell(name, worker))));
  const head = columns.map((name) => h("th", { scope: "col" }, t(`workers.${name}`)));
  return h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": t("workers.title") },
    h("table", { class: "plain" }, h("caption", { class: "visually-hidden" }, t("workers.title")),
      h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)));
}

function cell(name, worker) {
  const since = (at) => (at === null ? "–" : ago(Math.max(0, api.now() - at)));
  const values = {
    id: () => worker.id,
    state: () => h("span", { class: "worker-state" }, h("i", { class: `dot c-${colourOf(worker.state)}` }), has(`worker.${worker.state}`) ? t(`worker.${worker.state}`) : worker.state),
    age: () => since(worker.createdAt),
    served: () => (worker.successes + worker.failures > 0 ? t("workers.ago", { ago: since(worker.servedAt) }) : t("workers.never")),
    counts: () => `${number(worker.successes)} / ${number(worker.failures)}`,
    sessions: () => number(worker.sessions),
    gpu: () => worker.gpu,
  };
  return name === "id" ? h("th", { scope: "row", class: "mono" }, values.id()) : h("td", {}, values[name]());
}

const colourOf = (state) => ({ busy: "busy", free: "free", in_flight: "starting", rollin: "starting", error: "bad", unavailable: "bad" })[state] ?? "other";
