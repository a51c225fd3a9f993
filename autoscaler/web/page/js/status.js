// An app's state as colour, shape and text: colour alone says nothing to some.

import { h, svg } from "./dom.js";
import { has, t } from "./i18n.js";

export const STATUSES = ["troubled", "limited", "scaling", "steady", "off", "unseen"];

const SHAPES = {
  troubled: "M8 1.5 15 14.2H1z",
  limited: "M8 1 15 8l-7 7-7-7z",
  scaling: "M8 2 14 9h-3.6v5H5.6V9H2z",
  steady: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z",
  off: "M3.5 2.5h3.4v11H3.5zM9.1 2.5h3.4v11H9.1z",
  unseen: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
};

/** The shape of a state. */
export function statusIcon(status) {
  const path = svg("path", { d: SHAPES[status] ?? SHAPES.unseen });
  return svg("svg", { viewBox: "0 0 16 16", class: "shape", "aria-hidden": "true" }, path);
}

/** Shape and text in the state's colour. */
export function statusBadge(status) {
  const title = t(`statusHint.${status}`);
  return h("span", { class: `status status-${status}`, title }, statusIcon(status), t(`status.${status}`));
}

/** What a reason code means, in a sentence; empty for one that is not known here. */
export const reasonWords = (reason) => (reason && has(`reason.${reason}`) ? t(`reason.${reason}`) : "");

/** An order by hand in a few words. */
export function orderWords(order) {
  const words = t(`order.${order.kind}`, { n: order.workers });
  if (order.kind !== "pause" || order.direction === "both") return words;
  return `${words} (${t(`order.direction.${order.direction}`)})`;
}
