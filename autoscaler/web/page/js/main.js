// Where the page begins: the frame around it, and which view an address means. Addresses are
// fragments (`#/apps/default/sd15?range=6h`), so that any path prefix of a proxy works.

import { showApp } from "./app.js";
import { h, put, setText, throttled } from "./dom.js";
import { currentLanguage, languages, setLanguage, t } from "./i18n.js";
import { showOverview } from "./overview.js";
import { Store } from "./store.js";
import { label as themeLabel, setUpTheme } from "./theme.js";
import { askToken } from "./token.js";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const FRAME_MS = 500;
const view = document.getElementById("view");
const store = new Store();
const life = new AbortController();
let shown = new AbortController();
let place = "";

function route() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  const wish = Object.fromEntries(new URLSearchParams(query));
  return parts[0] === "apps" && parts.length === 3
    ? { page: "app", app: { namespace: parts[1], name: parts[2] }, wish }
    : { page: "overview", wish };
}

/** Keep a view's wishes in the address, without a new entry in the history of the browser. */
function rewrite(path, wish) {
  const query = new URLSearchParams(Object.entries(wish).filter(([, value]) => value)).toString();
  history.replaceState(null, "", `#${path}${query ? `?${query}` : ""}`);
}

function show({ focus = true } = {}) {
  const to = route();
  if (place === "overview") sessionStorage.setItem("autoscaler-scroll", String(window.scrollY));
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  place = to.page;
  if (to.page === "app") {
    const path = `/apps/${encodeURIComponent(to.app.namespace)}/${encodeURIComponent(to.app.name)}`;
    document.title = `${to.app.name} · Autoscaler`;
    showApp({ view, store, app: to.app, wish: to.wish, signal, changeWish: (wish) => rewrite(path, wish) });
    window.scrollTo(0, 0);
  } else {
    document.title = "Autoscaler";
    const wish = readOverview(to.wish);
    showOverview({ view, store, wish, signal, changeWish: (next) => rewrite("/", writeOverview(next)) });
    window.scrollTo(0, Number(sessionStorage.getItem("autoscaler-scroll")) || 0);
  }
  if (focus) view.focus({ preventScroll: true });
}

function readOverview({ q, status, reason, sort, order, page }) {
  const wish = { q, reason, sort, order, page: page && Number(page) };
  const given = Object.fromEntries(Object.entries(wish).filter(([, value]) => value));
  return { ...given, status: status ? status.split(",") : [] };
}

function writeOverview({ q, status, reason, sort, order, page }) {
  const plain = sort === "status" && order === "asc";
  return { q, status: status.join(","), reason, sort: plain ? "" : sort, order: plain ? "" : order, page: page || "" };
}

function frame() {
  setText(document.getElementById("skip"), t("skip"));
  setText(document.getElementById("language-label"), t("language.label"));
  setText(document.getElementById("foot"), t("foot", { version: store.health?.version ?? "", zone: ZONE }));
  connection();
}

function connection() {
  const live = document.getElementById("live");
  live.dataset.state = store.connection;
  live.title = t("live.hint");
  setText(live, t(`live.${store.connection}`));
}

function setUpLanguage() {
  const select = document.getElementById("language");
  put(select, languages().map(([id, words]) => h("option", { value: id, lang: id }, words)));
  select.value = currentLanguage();
  select.addEventListener("change", () => {
    setLanguage(select.value);
    themeLabel(document.getElementById("theme"));
    frame();
    show({ focus: false });
  });
}

function main() {
  setUpLanguage();
  setUpTheme(document.getElementById("theme"), () => store.dispatchEvent(new Event("theme")));
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    view.focus();
  });
  store.addEventListener("connection", connection);
  const redraw = throttled(frame, FRAME_MS);
  store.addEventListener("change", () => {
    redraw();
    if (store.error?.status === 401) askToken(() => store.refresh().then(() => show({ focus: false })));
  });
  window.addEventListener("hashchange", () => show());
  window.addEventListener("pagehide", () => life.abort());
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  frame();
  show({ focus: false });
  store.run(life.signal);
}

main();
