// A modal dialog with a title and a way out; the browser keeps the focus inside.

import { h } from "./dom.js";
import { t } from "./i18n.js";

let count = 0;

/** Open; return the element. `closed` is called once, however it ends. */
export function openDialog({ title, body, wide = false, closed = () => {} }) {
  const id = `dialog-${(count += 1)}`;
  const close = () => dialog.close();
  const heading = h("h2", { id }, title);
  const out = h("button", { type: "button", class: "icon-button quiet", "aria-label": t("close"), title: t("close"), onclick: close }, "✕");
  const dialog = h("dialog", { class: wide ? "wide" : "", "aria-labelledby": id },
    h("div", { class: "dialog-head" }, heading, out), h("div", { class: "dialog-body", tabindex: "-1" }, body));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) close(); // outside: the backdrop
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed();
  });
  document.getElementById("dialogs").append(dialog);
  dialog.showModal();
  return dialog;
}

/** Give an open dialog another title and body. */
export function refill(dialog, title, body) {
  dialog.querySelector("h2").textContent = title;
  const place = dialog.querySelector(".dialog-body");
  place.replaceChildren(...[body].flat());
  place.scrollTop = 0;
}
