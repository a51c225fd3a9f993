// Asks the API. Addresses are relative to the page, so it works behind any path prefix. A token is
// kept in memory, or for this tab where the person says so; never longer, never in an address.

import * as fields from "./fields.js";

const BASE = new URL("api/v1/", document.baseURI.replace(/#.*$/, ""));
const KEPT = "autoscaler-token";
const TIME_LIMIT_MS = 20_000;

let token = sessionStorage.getItem(KEPT) ?? "";
let offset_ms = 0; // this machine's clock minus the server's

/** What the server answered where it refused, or 0 where there was no answer. */
export class ApiError extends Error {
  constructor(status, message, retryAfter_s = 0) {
    super(message);
    this.status = status;
    this.retryAfter_s = retryAfter_s;
  }
}

export function setToken(value, { keep }) {
  token = value;
  if (keep && value) sessionStorage.setItem(KEPT, value);
  else sessionStorage.removeItem(KEPT);
  window.dispatchEvent(new Event("token")); // the live stream need not wait any longer
}

export const hasToken = () => token !== "";

/** The server's time now, epoch seconds. */
export const now = () => (Date.now() - offset_ms) / 1000;

export function address(path, query = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) {
      if (each !== null && each !== undefined && each !== "") url.searchParams.append(name, each);
    }
  }
  return url;
}

export function headers(extra = {}, own = token) {
  return own ? { ...extra, Authorization: `Bearer ${own}` } : extra;
}

async function ask(path, { query, signal, ...options } = {}) {
  const limit = AbortSignal.timeout(TIME_LIMIT_MS);
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  let reply;
  try {
    reply = await fetch(address(path, query), { headers: headers(), ...options, signal: either });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, String(error.message));
  }
  noteClock(reply);
  const body = await reply.json().catch(() => null);
  if (!reply.ok) {
    const wait_s = Number(reply.headers.get("retry-after")) || 0;
    throw new ApiError(reply.status, fields.problem(body, reply.status), wait_s);
  }
  return body;
}

function noteClock(reply) {
  const date = Date.parse(reply.headers.get("date") ?? "");
  // the header is whole seconds; only a clock that is clearly off is corrected
  const off_ms = Date.now() - date - 500;
  if (Number.isFinite(off_ms)) offset_ms = Math.abs(off_ms) > 2000 ? off_ms : 0;
}

const appPath = (app) => `apps/${encodeURIComponent(app.namespace)}/${encodeURIComponent(app.name)}`;

/** Every app, page after page; `seen` is told each page as it comes. */
export async function allApps(seen, signal) {
  let offset = 0;
  while (offset !== null) {
    const query = { limit: 1000, offset, brief: true };
    const found = fields.page(await ask("apps", { query, signal }), fields.row);
    seen(found);
    offset = found.nextOffset;
  }
}

export const app = async (key, signal) => fields.details(await ask(appPath(key), { signal }));

export const health = async (signal) => fields.health(await ask("health", { signal }));

export async function samples(key, range, points, signal) {
  const query = { ...rangeQuery(range), points };
  return fields.page(await ask(`${appPath(key)}/samples`, { query, signal }), fields.sample).items;
}

/** Events of an app; `null`: of all, and of the platform. */
export async function events(key, query, signal) {
  return fields.page(await ask(key === null ? "events" : `${appPath(key)}/events`, { query, signal }), fields.event);
}

export async function decisions(key, query, signal) {
  return fields.page(await ask(`${appPath(key)}/decisions`, { query, signal }), fields.event);
}

export async function decision(key, id, signal) {
  return fields.told(await ask(`${appPath(key)}/decisions/${id}`, { signal }));
}

export async function explainAt(key, at, signal) {
  const query = at === null ? {} : { at: at.toFixed(3) };
  return fields.told(await ask(`${appPath(key)}/explanation`, { query, signal }));
}

/** What an app (`null`: all) took. */
export async function cost(key, range, fixedWorkers, signal) {
  const query = { ...rangeQuery(range), fixed_workers: fixedWorkers };
  const path = key === null ? "cost" : `${appPath(key)}/cost`;
  return fields.cost(await ask(path, { query, signal }));
}

/** Give an order by hand; `own` is the token to act with. */
export async function act(key, order, own) {
  const reply = await ask(`${appPath(key)}/${order.kind}`, {
    method: "POST",
    headers: headers({ "Content-Type": "application/json" }, own),
    body: JSON.stringify(fields.orderBody(order)),
  });
  return fields.acted(reply);
}

export function rangeQuery(range) {
  return range.end === null
    ? { start: (now() - range.span).toFixed(0) }
    : { start: range.start.toFixed(0), end: Math.min(range.end, now()).toFixed(0) };
}

export const currentToken = () => token;
