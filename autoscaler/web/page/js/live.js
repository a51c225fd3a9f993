// The live stream: server-sent events read through fetch, because EventSource can send no token.
// Reconnects by itself, slower each time, and at once when the machine is online or looked at again.

import { address, headers } from "./api.js";

const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30_000;
const SILENCE_MS = 45_000; // the server says something every 15 s

/** Listen until `signal` aborts. `handlers`: event(kind, data), state("live" | "retrying" | status). */
export async function listen(handlers, signal) {
  let wait_ms = RETRY_MIN_MS;
  while (!signal.aborted) {
    const status = await once(handlers, signal, () => (wait_ms = RETRY_MIN_MS));
    if (signal.aborted) return;
    handlers.state(status === 401 ? "unauthorised" : "retrying");
    await pause(wait_ms * (0.75 + Math.random() / 2), signal);
    wait_ms = Math.min(wait_ms * 2, RETRY_MAX_MS);
  }
}

/** Follow one connection to its end; return the status that refused it, or 0. */
async function once(handlers, signal, opened) {
  const own = new AbortController();
  const stop = () => own.abort();
  signal.addEventListener("abort", stop, { once: true });
  let watch = setTimeout(stop, SILENCE_MS);
  try {
    const options = { headers: headers({ Accept: "text/event-stream" }), signal: own.signal };
    const reply = await fetch(address("stream"), { ...options, cache: "no-store" });
    if (!reply.ok) return reply.status;
    opened();
    handlers.state("live");
    const parse = parser(handlers.event);
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(watch);
      watch = setTimeout(stop, SILENCE_MS);
      parse(part.value);
    }
  } catch {
    // cut off: the loop above connects again
  } finally {
    clearTimeout(watch);
    signal.removeEventListener("abort", stop);
  }
  return 0;
}

/** Return a function that takes text as it comes and calls `tell(kind, data)` per event. */
export function parser(tell) {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      let kind = "message";
      const data = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) kind = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).trim());
      }
      if (data.length > 0) tell(kind, JSON.parse(data.join("\n")));
    }
  };
}

function pause(wait_ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, wait_ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      window.removeEventListener("online", done);
      window.removeEventListener("token", done);
      document.removeEventListener("visibilitychange", seen);
      resolve();
    }
    const seen = () => document.visibilityState === "visible" && done();
    signal.addEventListener("abort", done);
    window.addEventListener("online", done);
    window.addEventListener("token", done);
    document.addEventListener("visibilitychange", seen);
  });
}
