// What is known of all apps, kept fresh: the list once and every now and then, changes as they come.

import * as api from "./api.js";
import * as fields from "./fields.js";
import { listen } from "./live.js";

const REFRESH_MS = 10_000;
const REFRESH_MANY_MS = 60_000;
const MANY = 1000;

export class Store extends EventTarget {
  constructor() {
    super();
    this.apps = new Map();
    this.health = null;
    this.connection = "connecting";
    this.loaded = false;
    this.error = null;
  }

  /** Load, then listen; the promise ends when `signal` aborts. */
  run(signal) {
    this.signal = signal;
    const state = (name) => this.#connection(name);
    const event = (kind, data) => this.#event(kind, data);
    this.#later();
    return listen({ state, event }, signal);
  }

  /** Fetch everything anew. */
  async refresh() {
    const seen = new Set();
    try {
      await api.allApps((found) => {
        for (const app of found.items) {
          seen.add(app.key);
          this.apps.set(app.key, app);
        }
      }, this.signal);
      for (const key of [...this.apps.keys()]) if (!seen.has(key)) this.apps.delete(key);
      this.loaded = true;
      this.error = null;
      this.health = await api.health(this.signal);
    } catch (error) {
      if (this.signal?.aborted) return;
      this.error = error;
    }
    this.#changed();
  }

  #later() {
    const wait_ms = this.apps.size > MANY ? REFRESH_MANY_MS : REFRESH_MS;
    setTimeout(async () => {
      if (this.signal.aborted) return;
      if (document.visibilityState === "visible") await this.refresh();
      this.#later();
    }, wait_ms);
  }

  #event(kind, data) {
    if (kind === "hello") {
      this.refresh();
      return;
    }
    if (kind === "app") {
      const app = fields.row(data);
      const before = this.apps.get(app.key);
      this.apps.set(app.key, { ...app, seenAt: app.seenAt ?? app.decidedAt ?? before?.seenAt });
    } else if (kind === "gone") {
      this.apps.delete(`${data.namespace}/${data.name}`);
    }
    this.#changed();
  }

  #connection(name) {
    this.connection = name;
    if (name === "unauthorised") this.error = new api.ApiError(401, "");
    this.dispatchEvent(new Event("connection"));
    if (name === "unauthorised") this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
