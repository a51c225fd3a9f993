// Asks for the token that opens reading, where the server wants one.

import { hasToken, setToken } from "./api.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";

let asking = null;

/** Ask, unless the question is open already; `then` is called with the token in place. */
export function askToken(then) {
  if (asking) return;
  const wrong = hasToken();
  const input = h("input", { type: "password", id: "read-token", autocomplete: "off", required: true, spellcheck: "false" });
  const keep = h("input", { type: "checkbox", id: "read-keep" });
  const submit = (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    setToken(input.value.trim(), { keep: keep.checked });
    asking.close();
    then();
  };
  const form = h("form", { class: "form", onsubmit: submit },
    h("p", {}, t("token.hint")),
    wrong ? h("p", { class: "form-error", role: "alert" }, t("token.wrong")) : null,
    h("label", { for: "read-token" }, t("token.label")), input,
    h("label", { class: "check" }, keep, t("act.keep")),
    h("div", { class: "form-buttons" }, h("button", { class: "primary" }, t("token.open"))));
  asking = openDialog({ title: t("token.title"), body: form, closed: () => (asking = null) });
  input.focus();
}
