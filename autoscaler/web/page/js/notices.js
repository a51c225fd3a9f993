// What a person should know about the program or the connection, above everything else.

import { h, putOnce } from "./dom.js";
import { t } from "./i18n.js";

function notice(kind, text, ...more) {
  return h("p", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "note" }, text, ...more);
}

/** Show the notices of the program's health and the last error; `trouble`: one of the view's own. */
export function showNotices(element, store, again, trouble = null) {
  const shown = [...notices(store, again), trouble].filter(Boolean);
  putOnce(element, shown.map((each) => each.textContent).join("|"), () => shown);
}

function notices(store, again) {
  const { health, error } = store;
  return [
    error && error.status !== 401 ? errorNotice(error, again) : null,
    health?.circuitOpen ? notice("bad", t("notice.circuit")) : null,
    health?.dryRun ? notice("info", t("notice.dryRun")) : null,
    health && !health.hasHistory ? notice("info", t("notice.noHistory")) : null,
    health?.historyError ? notice("warn", t("notice.history", { detail: health.historyError })) : null,
  ];
}

/** What went wrong with a request, with a button to try again. */
export function errorNotice(error, again) {
  const key = error.status === 0 ? "error.offline" : error.status === 404 ? "error.notFound" : "error.refused";
  const button = again ? h("button", { type: "button", onclick: again }, t("error.again")) : null;
  return notice("bad", t(key, { detail: error.message }), " ", button);
}

export const chartsMissing = () => notice("info", t("notice.noCharts"));
