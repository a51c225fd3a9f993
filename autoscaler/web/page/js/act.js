// Orders by hand: pause, resume, override, boost. Needs a token, asks why, and says what came of it.

import * as api from "./api.js";
import { openDialog } from "./dialog.js";
import { announce, h, put } from "./dom.js";
import { t } from "./i18n.js";
import { orderWords } from "./status.js";

const SPAN = /^(\d{1,7}[smhd])+$/;

/** The buttons of an app, which `current()` returns; `done()` is called after an order. */
export function actButtons(current, acting, done) {
  const kinds = [...(current().orders.length ? ["resume"] : []), "boost", "override", "pause"];
  return kinds.map((kind) =>
    h("button", {
      type: "button", dataset: { act: kind }, class: kind === "resume" ? "primary" : "",
      "aria-disabled": String(!acting), title: acting ? t(`act.${kind}Hint`) : t("act.off"),
      onclick: () => openAct(current(), kind, acting, done),
    }, t(`act.${kind}`)));
}

function openAct(app, kind, acting, done) {
  const title = t(`act.${kind}Title`, { app: app.name });
  if (!acting) {
    openDialog({ title, body: h("p", {}, t("act.off")) });
    return;
  }
  const form = new ActForm(app, kind, done);
  form.dialog = openDialog({ title, body: form.element });
  form.element.querySelector("input, select").focus();
}

class ActForm {
  constructor(app, kind, done) {
    Object.assign(this, { app, kind, done });
    this.error = h("p", { class: "form-error", role: "alert" });
    this.send = h("button", { class: "primary" }, t(`act.${kind}`));
    this.keep = h("input", { type: "checkbox", id: "act-keep" });
    const cancel = h("button", { type: "button", onclick: () => this.dialog.close() }, t("cancel"));
    this.element = h("form", { class: "form", novalidate: true, onsubmit: (event) => this.#submit(event) },
      h("p", { class: "form-hint" }, t(`act.${kind}Hint`)), this.#own(),
      this.#input("why", { type: "text", maxlength: 500, placeholder: t("act.whyHint") }),
      this.#input("by", { type: "text", maxlength: 100, autocomplete: "name" }),
      this.#input("token", { type: "password", autocomplete: "off", spellcheck: "false", value: api.currentToken() }),
      h("label", { class: "check" }, this.keep, t("act.keep")),
      this.error, h("div", { class: "form-buttons" }, cancel, this.send));
  }

  /** What only this kind of order says. */
  #own() {
    const { app, kind } = this;
    const span = (value, placeholder) => this.#input("for", { type: "text", value, placeholder, maxlength: 32, inputmode: "text" });
    if (kind === "resume") return [];
    if (kind === "pause") {
      const options = ["both", "up", "down"].map((each) => h("option", { value: each }, t(`act.${each}`)));
      this.direction = h("select", { id: "act-direction" }, options);
      return [h("label", { for: "act-direction" }, t("act.direction")), this.direction, span("", t("act.forEnd"))].flat();
    }
    const workers = Math.min(app.max ?? 1, (app.desired ?? app.workers ?? 0) + (kind === "boost" ? 1 : 0));
    const limits = { type: "number", min: kind === "override" ? app.min ?? 0 : 0, max: app.max, value: String(workers) };
    return [this.#input("workers", limits), span("30m", t("act.forHint"))].flat();
  }

  #input(name, attributes) {
    const id = `act-${name}`;
    const input = h("input", { id, ...attributes });
    this[name] = input;
    return [h("label", { for: id }, t(`act.${name}`)), input];
  }

  async #submit(event) {
    event.preventDefault();
    const problem = this.#problem();
    this.#say(problem);
    if (problem) return;
    this.send.disabled = true;
    this.send.textContent = t("act.sending");
    try {
      const acted = await api.act(this.app, this.#order(), this.token.value.trim());
      if (this.keep.checked) api.setToken(this.token.value.trim(), { keep: true });
      this.#finished(acted);
    } catch (error) {
      const wrong = error.status === 401;
      this.#say(wrong ? t("act.wrongToken", { detail: error.message }) : error.message);
      if (wrong) this.token.focus();
    } finally {
      this.send.disabled = false;
      this.send.textContent = t(`act.${this.kind}`);
    }
  }

  #finished(acted) {
    const words = acted.orders.map(orderWords).join(", ") || t("act.resume");
    announce(acted.changed ? t("act.done", { what: words }) : t("act.unchanged"));
    this.done(acted);
    if (acted.warning) this.#say(acted.warning);
    else this.dialog.close();
  }

  #problem() {
    const span = this.for?.value.trim() ?? "";
    const spanNeeded = this.kind === "override" || this.kind === "boost";
    if (!this.why.value.trim()) return t("act.needWhy");
    if ((spanNeeded || span) && !SPAN.test(span)) return t("act.needFor");
    return this.token.value.trim() ? "" : t("act.needToken");
  }

  #order() {
    return {
      kind: this.kind,
      why: this.why.value.trim(),
      by: this.by.value.trim(),
      span: this.for?.value.trim() || null,
      workers: this.workers ? Number(this.workers.value) : null,
      direction: this.direction?.value ?? "both",
    };
  }

  #say(words) {
    put(this.error, words);
  }
}
