// The marks of a range: actions and troubles, as many as a chart can hold.

import * as api from "./api.js";

const LIMIT = 500;
const PAGES = 3;

/**
 * Events for marks, and decisions for the hover, newest first; `since`: marks before it are left
 * out because there are too many, `null` where none is.
 */
export async function loadMarks(app, range, signal) {
  const query = { ...api.rangeQuery(range), limit: LIMIT };
  const acted = { ...query, action: ["scale_up", "scale_down"] };
  const other = { ...query, kind: ["raced", "intervention"] };
  const trouble = { ...query, kind: "trouble" }; // of the platform, so of no app
  const before = { end: query.start, limit: 1 }; // what was in force as the range began
  const [decisions, first, actions, others, troubles] = await Promise.all([
    api.decisions(app, query, signal),
    api.decisions(app, before, signal),
    pages((cursor) => api.decisions(app, { ...acted, cursor }, signal)),
    pages((cursor) => api.events(app, { ...other, cursor }, signal)),
    pages((cursor) => api.events(null, { ...trouble, cursor }, signal)),
  ]);
  const cut = [actions, others, troubles].filter((each) => each.more).map((each) => each.items.at(-1).at);
  return {
    events: [...actions.items, ...others.items, ...troubles.items],
    decisions: decisions.nextCursor === null ? [...decisions.items, ...first.items] : decisions.items,
    since: cut.length ? Math.max(...cut) : null,
  };
}

async function pages(fetch) {
  const items = [];
  let cursor = null;
  for (let i = 0; i < PAGES; i += 1) {
    const found = await fetch(cursor);
    items.push(...found.items);
    cursor = found.nextCursor;
    if (cursor === null) break;
  }
  return { items, more: cursor !== null };
}
