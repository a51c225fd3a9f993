// The overview: how the fleet does, and every app as a line. Sorted, filtered and paged here, as
// all apps are in memory; only rows on the screen are kept up to date to the second.

import * as api from "./api.js";
import { announce, h, put, settled, setText, throttled } from "./dom.js";
import { number } from "./format.js";
import { t } from "./i18n.js";
import { showNotices } from "./notices.js";
import { Rows } from "./rows.js";
import { reasonWords, STATUSES, statusIcon } from "./status.js";
import { fleetTiles } from "./tiles.js";

const PAGE = 300;
const DRAW_MS = 400;
const COST_MS = 300_000;
const HOUR_S = 3600;
const COLUMNS = ["name", "status", "reason", "workers", "desired", "queue", "trend", "seen", "cost"];
const SORTABLE = new Set(COLUMNS.filter((each) => each !== "trend"));
const DESCENDING_FIRST = new Set(["workers", "desired", "queue", "cost", "seen"]);

const VALUES = {
  name: (app) => app.key,
  status: (app) => STATUSES.indexOf(app.status),
  reason: (app) => app.reason,
  workers: (app) => app.workers,
  desired: (app) => app.desired,
  queue: (app) => app.queue,
  seen: (app) => app.seenAt === null ? null : -app.seenAt,
  cost: (app) => app.costPerHour,
};

/** Show the overview in `view` until `signal` aborts; `wish` holds q, status, reason, sort, page. */
export function showOverview({ view, store, wish, signal, changeWish }) {
  const overview = new Overview({ view, store, wish, signal, changeWish });
  overview.start();
  return overview;
}

class Overview {
  constructor({ view, store, wish, signal, changeWish }) {
    Object.assign(this, { view, store, signal, changeWish });
    this.wish = { q: "", status: [], reason: "", sort: "status", order: "asc", page: 0, ...wish };
    this.cost = null;
    this.draw = throttled(() => !signal.aborted && this.#draw(), DRAW_MS);
  }

  start() {
    this.notices = h("div", { class: "notices" });
    this.summary = h("p", { class: "summary" });
    this.tiles = h("div", { class: "tiles" });
    this.chips = h("div", { class: "chips", role: "group", "aria-label": t("overview.status") });
    this.pager = h("nav", { class: "pager", "aria-label": t("overview.title") });
    const table = this.#table();
    this.rows = new Rows(this.body, this.signal);
    put(this.view, this.notices, h("div", { class: "head" }, h("h1", {}, t("overview.title")), this.summary),
      this.tiles, this.#filters(), h("div", { class: "card flush" }, table, this.empty), this.pager);
    const options = { signal: this.signal };
    this.store.addEventListener("change", this.draw, options);
    document.addEventListener("keydown", (event) => this.#key(event), options);
    this.#askCost();
    const timer = setInterval(() => this.#askCost(), COST_MS);
    this.signal.addEventListener("abort", () => clearInterval(timer));
    this.#draw();
  }

  #filters() {
    const told = settled(() => announce(t("overview.announce", { n: number(this.matching) })), 800);
    this.search = h("input", {
      type: "search", id: "search", class: "search", placeholder: t("overview.searchHint"),
      "aria-label": t("overview.search"), value: this.wish.q, autocomplete: "off",
      oninput: () => { this.#want({ q: this.search.value, page: 0 }); told(); },
    });
    this.reason = h("select", {
      "aria-label": t("overview.reason"), id: "reason",
      onchange: () => { this.#want({ reason: this.reason.value, page: 0 }); told(); },
    });
    return h("div", { class: "filters", role: "search" }, this.search, this.chips, this.reason);
  }

  #table() {
    this.headers = new Map();
    const cells = COLUMNS.map((name) => {
      const sort = () => this.#sort(name);
      const label = t(`column.${name}`);
      const inside = SORTABLE.has(name) ? h("button", { type: "button", class: "sort", onclick: sort }, label) : label;
      const cell = h("th", { scope: "col", class: `col-${name}`, role: "columnheader" }, inside);
      this.headers.set(name, cell);
      return cell;
    });
    this.body = h("tbody", { role: "rowgroup" });
    this.empty = h("div", { class: "empty" });
    const head = h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, cells));
    const caption = h("caption", { class: "visually-hidden" }, t("overview.caption"));
    return h("table", { class: "apps", role: "table" }, caption, head, this.body);
  }

  #key(event) {
    const typing = event.target.closest("input, select, textarea, dialog");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      this.search.focus();
    } else if (event.key === "Escape" && event.target === this.search) {
      this.search.value = "";
      this.#want({ q: "", page: 0 });
    }
  }

  #sort(name) {
    const first = DESCENDING_FIRST.has(name) ? "desc" : "asc";
    const other = first === "asc" ? "desc" : "asc";
    const order = this.wish.sort === name && this.wish.order === first ? other : first;
    this.#want({ sort: name, order, page: 0 });
  }

  #want(change) {
    Object.assign(this.wish, change);
    this.changeWish(this.wish);
    this.#draw();
  }

  async #askCost() {
    try {
      // whole hours: of those the history keeps sums, so that a large fleet is added up quickly
      const end = Math.floor(api.now() / HOUR_S) * HOUR_S;
      const day = { start: end - 24 * HOUR_S, end };
      this.cost = await api.cost(null, day, null, this.signal);
      this.draw();
    } catch {
      this.cost = null; // no history here, or not now: the tile says so
    }
  }

  #draw() {
    const apps = [...this.store.apps.values()];
    const found = matching(apps, this.wish);
    this.matching = found.length;
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    this.wish.page = Math.min(this.wish.page, pages - 1);
    const from = this.wish.page * PAGE;
    showNotices(this.notices, this.store, () => this.store.refresh());
    this.#drawSummary(apps);
    put(this.tiles, fleetTiles(apps, this.cost));
    this.#drawChips(apps);
    this.#drawReasons(apps);
    this.#drawHeaders();
    this.rows.show(found.slice(from, from + PAGE), apps.some((app) => app.costPerHour !== null));
    this.#drawEmpty(apps.length, found.length);
    this.#drawPager(found.length, from, pages);
  }

  #drawSummary(apps) {
    const troubled = apps.filter((app) => app.status === "troubled").length;
    const words = troubled ? t("overview.troubled", { n: number(troubled) }) : t("overview.allWell");
    setText(this.summary, apps.length ? words : "");
    this.summary.classList.toggle("bad", troubled > 0);
  }

  #drawChips(apps) {
    const counts = Object.fromEntries(STATUSES.map((each) => [each, 0]));
    for (const app of apps) counts[app.status] += 1;
    const shown = STATUSES.filter((each) => counts[each] > 0 || this.wish.status.includes(each));
    if (this.chips.dataset.shown !== shown.join()) {
      this.chips.dataset.shown = shown.join();
      put(this.chips, shown.map((status) => this.#chip(status)));
    }
    for (const chip of this.chips.children) {
      const { status } = chip.dataset;
      chip.setAttribute("aria-pressed", String(this.wish.status.includes(status)));
      setText(chip.lastChild, number(counts[status]));
    }
  }

  #chip(status) {
    const toggle = () => {
      const now = new Set(this.wish.status);
      if (!now.delete(status)) now.add(status);
      this.#want({ status: [...now], page: 0 });
    };
    return h("button", {
      type: "button", class: `chip status-${status}`, dataset: { status },
      title: t(`statusHint.${status}`), onclick: toggle,
    }, statusIcon(status), t(`status.${status}`), " ", h("span", { class: "count" }));
  }

  #drawReasons(apps) {
    const reasons = [...new Set(apps.map((app) => app.reason).filter(Boolean))].sort();
    if (this.wish.reason && !reasons.includes(this.wish.reason)) reasons.push(this.wish.reason);
    if (this.reason.dataset.shown === reasons.join()) return;
    this.reason.dataset.shown = reasons.join();
    put(this.reason, h("option", { value: "" }, t("overview.anyReason")),
      reasons.map((each) => h("option", { value: each, title: reasonWords(each) }, each)));
    this.reason.value = this.wish.reason;
  }

  #drawHeaders() {
    for (const [name, cell] of this.headers) {
      if (!SORTABLE.has(name)) continue;
      const sorted = this.wish.sort === name;
      const word = this.wish.order === "asc" ? "ascending" : "descending";
      cell.setAttribute("aria-sort", sorted ? word : "none");
    }
  }

  #drawEmpty(all, found) {
    this.empty.hidden = found > 0;
    if (found > 0) return;
    if (all > 0) {
      const clear = () => {
        this.search.value = this.reason.value = "";
        this.#want({ q: "", status: [], reason: "", page: 0 });
      };
      put(this.empty, t("overview.noMatch"), " ", h("button", { type: "button", onclick: clear }, t("overview.clear")));
    } else put(this.empty, this.store.loaded ? t("overview.empty") : t("loading"));
  }

  #drawPager(total, from, pages) {
    this.pager.hidden = pages < 2;
    if (pages < 2) return;
    const go = (step) => () => {
      this.#want({ page: this.wish.page + step });
      this.view.scrollIntoView();
    };
    const to = Math.min(from + PAGE, total);
    put(this.pager,
      h("button", { type: "button", disabled: this.wish.page === 0, onclick: go(-1) }, t("overview.previous")),
      h("span", {}, t("overview.shown", { from: number(from + 1), to: number(to), total: number(total) })),
      h("button", { type: "button", disabled: this.wish.page >= pages - 1, onclick: go(1) }, t("overview.next")));
  }
}

/** The apps that match a wish, in its order; unknown values come last, equal ones by name. */
export function matching(apps, wish) {
  const words = wish.q.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const found = apps.filter((app) =>
    words.every((word) => app.key.toLowerCase().includes(word)) &&
    (wish.status.length === 0 || wish.status.includes(app.status)) &&
    (wish.reason === "" || app.reason === wish.reason));
  const value = VALUES[wish.sort] ?? VALUES.status;
  const sign = wish.order === "desc" ? -1 : 1;
  return found
    .map((app) => [value(app), app])
    .sort(([a, one], [b, other]) => compare(a, b, sign) || (one.key < other.key ? -1 : 1))
    .map(([, app]) => app);
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (a === b) return 0;
  return a < b ? -sign : sign;
}
