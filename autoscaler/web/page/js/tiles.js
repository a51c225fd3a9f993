// The big numbers: of the fleet on the overview, of one app on its page.

import { h } from "./dom.js";
import { money, number, percent } from "./format.js";
import { t } from "./i18n.js";
import { STATUSES } from "./status.js";

function tile(name, label, value, hint, extra = null) {
  return h("div", { class: "tile", dataset: { tile: name } },
    h("div", { class: "tile-label" }, label), h("div", { class: "tile-value" }, value), extra,
    h("div", { class: "tile-hint" }, hint));
}

const sum = (apps, value) => apps.reduce((total, app) => total + (value(app) ?? 0), 0);

/** What the fleet does. */
export function fleetTiles(apps, cost) {
  const workers = sum(apps, (app) => app.workers);
  const desired = sum(apps, (app) => app.desired);
  const queue = sum(apps, (app) => app.queue);
  const waiting = apps.filter((app) => (app.queue ?? 0) > 0).length;
  const max = sum(apps, (app) => app.max);
  return [
    tile("apps", t("tile.apps"), number(apps.length), "", statusBar(apps)),
    tile("workers", t("tile.workers"), number(workers), t("tile.workersHint", { max: number(max) })),
    tile("desired", t("tile.desired"), number(desired), difference(desired - workers)),
    tile("queue", t("tile.queue"), number(queue), waiting ? t("tile.queueHint", { n: number(waiting) }) : t("tile.queueNone")),
    costTile(apps, cost),
    ...savedTile(cost),
  ];
}

function costTile(apps, cost) {
  const priced = apps.some((app) => app.costPerHour !== null);
  const day = cost?.cost != null ? t("tile.costDay", { cost: money(cost.cost) }) : "";
  return tile("cost", t("tile.costNow"), priced ? money(sum(apps, (app) => app.costPerHour)) : "–",
    priced ? day : t("tile.noPrice"));
}

function savedTile(cost) {
  if (!cost || cost.savedVsMax === null || !(cost.alwaysMax > 0)) return [];
  const hint = t("tile.savedHint", { share: percent(cost.savedVsMax / cost.alwaysMax) });
  return [tile("saved", t("tile.saved"), money(cost.savedVsMax), hint)];
}

const difference = (change) => {
  if (change === 0) return t("tile.desiredSame");
  return t(change > 0 ? "tile.desiredUp" : "tile.desiredDown", { n: number(Math.abs(change)) });
};

function statusBar(apps) {
  const bar = h("div", { class: "status-bar", "aria-hidden": "true" });
  for (const status of STATUSES) {
    const count = apps.filter((app) => app.status === status).length;
    if (count === 0) continue;
    const part = h("span", { class: `status-${status}`, title: `${t(`status.${status}`)}: ${number(count)}` });
    part.style.flexGrow = count;
    bar.append(part);
  }
  return bar;
}

/** What one app does. */
export function appTiles(app) {
  const busy = app.byState.busy ?? 0;
  const free = app.byState.free ?? 0;
  const starting = (app.byState.in_flight ?? 0) + (app.byState.rollin ?? 0);
  const split = t("tile.split", { busy: number(busy), free: number(free), starting: number(starting) });
  const change = app.desired === null || app.workers === null ? 0 : app.desired - app.workers;
  const bounds = app.min === null ? "" : t("tile.bounds", { min: number(app.min), max: number(app.max) });
  return [
    tile("workers", t("tile.workers"), number(app.workers), app.workers === null ? "" : split),
    tile("desired", t("tile.desired"), number(app.desired), [change ? difference(change) : bounds]),
    tile("queue", t("tile.queue"), number(app.queue), app.queue === null ? t("tile.unknown") : app.queue ? "" : t("tile.queueNone")),
    tile("cost", t("tile.cost"), money(app.cost?.cost), app.costPerHour === null ? t("tile.noPrice") : t("tile.perHour", { cost: money(app.costPerHour) })),
    ...savedTile(app.cost),
  ];
}
