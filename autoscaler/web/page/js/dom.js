// Small helpers that make elements. Text always goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: attributes, `on…` listeners, `class`, `dataset`; then children. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Likewise in the SVG namespace. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Replace what is in an element. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat().filter((c) => c !== null && c !== undefined));
  return element;
}

const drawn = new WeakMap(); // element → the key of what it shows

/** Replace what is in an element where `key` says that it differs: focus and readers stay put. */
export function putOnce(element, key, make) {
  if (drawn.get(element) === key) return;
  drawn.set(element, key);
  put(element, make());
}

/** Set an element's text only where it differs, so that nothing is laid out for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Tell a screen reader, without moving anything. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}

/** Call at most once in `wait_ms`, the last time included. */
export function throttled(act, wait_ms) {
  let timer = 0;
  let last = -Infinity;
  return () => {
    if (timer) return;
    const rest_ms = Math.max(0, last + wait_ms - performance.now());
    timer = setTimeout(() => {
      timer = 0;
      last = performance.now();
      act();
    }, rest_ms);
  };
}

/** Call when nothing was asked for `wait_ms`. */
export function settled(act, wait_ms) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), wait_ms);
  };
}
