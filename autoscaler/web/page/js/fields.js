// The only module that knows how the API names things. Everything else uses the names made here:
// camelCase, times in epoch seconds, `null` for what is not known.

const known = (value) => (value === undefined ? null : value);

/** An app as a line of the overview. */
export function row(item) {
  return {
    key: `${item.namespace}/${item.name}`,
    namespace: item.namespace,
    name: item.name,
    status: item.status,
    action: known(item.action),
    reason: known(item.reason),
    message: item.message ?? "",
    workers: known(item.workers),
    queue: known(item.queue_size),
    desired: known(item.desired),
    min: known(item.min_workers),
    max: known(item.max_workers),
    orders: (item.interventions ?? []).map(order),
    decidedAt: known(item.decided_at_epoch_s),
    seenAt: item.seen_at_epoch_s ?? item.observation?.received_at_epoch_s ?? null,
    costPerHour: known(item.cost_per_hour),
  };
}

/** An app whole. */
export function details(item) {
  const seen = item.observation;
  return {
    ...row(item),
    workerList: (seen?.workers ?? []).map(worker),
    byState: seen?.workers_by_state ?? {},
    problems: seen?.problems ?? [],
    decision: item.decision ? decision(item.decision) : null,
    explanation: item.explanation ? explanation(item.explanation) : null,
    lastScale: item.last_scale_request ? scaleRequest(item.last_scale_request) : null,
    cost: item.cost_24h ? cost(item.cost_24h) : null,
  };
}

export function page(reply, shape) {
  return {
    items: reply.items.map(shape),
    total: reply.total ?? reply.items.length,
    nextOffset: known(reply.next_offset),
    nextCursor: known(reply.next_cursor),
  };
}

function order(item) {
  return {
    kind: item.kind,
    since: known(item.since_epoch_s),
    until: known(item.until_epoch_s),
    who: item.who ?? "",
    why: item.why ?? "",
    direction: item.direction ?? "both",
    workers: item.workers ?? 0,
  };
}

function worker(item) {
  return {
    id: item.id,
    state: item.state,
    createdAt: known(item.created_at_epoch_s),
    servedAt: known(item.last_serve_at_epoch_s),
    successes: item.success_count ?? 0,
    failures: item.failed_count ?? 0,
    sessions: item.session_number ?? 0,
    gpu: item.gpu_model ? `${item.gpu_num > 1 ? `${item.gpu_num} × ` : ""}${item.gpu_model}` : "",
  };
}

function scaleRequest(item) {
  return {
    at: known(item.decided_at_epoch_s),
    action: item.action,
    count: item.count ?? 0,
    outcome: item.outcome,
    detail: item.detail ?? "",
  };
}

export function decision(item) {
  return {
    at: known(item.at_epoch_s),
    action: item.action,
    count: item.count ?? 0,
    reason: item.reason,
    message: item.message ?? "",
    desired: known(item.desired),
    combined: known(item.combined),
    queue: known(item.queue_size),
    census: item.census ?? null,
    candidates: (item.candidates ?? []).map((each) => ({ id: each.worker_id, why: each.why })),
    warnings: item.warnings ?? [],
    raw: item,
  };
}

function explanation(item) {
  return {
    text: item.text,
    steps: item.steps.map((each) => ({ step: each.step, workers: each.workers, why: each.why })),
  };
}

/** A decision with its explanation, of now or of the past. */
export function told(item) {
  return {
    id: known(item.id),
    at: known(item.at_epoch_s),
    decision: decision(item.decision),
    explanation: explanation(item.explanation),
  };
}

export function event(item) {
  const fields = item.fields ?? {};
  return {
    id: item.id,
    at: item.at_epoch_s,
    kind: item.kind,
    action: item.action || null,
    reason: item.reason || null,
    message: item.message ?? "",
    count: fields.count ?? 0,
    desired: known(fields.desired),
    ended: known(fields.ended),
    order: fields.intervention?.kind ?? fields.kind ?? null,
  };
}

export function sample(item) {
  return {
    at: item.at_epoch_s,
    span: item.span_s,
    seen: item.seen_s ?? item.span_s,
    free: item.free,
    busy: item.busy,
    starting: item.in_flight,
    other: item.other,
    workersMax: item.workers_max,
    queue: known(item.queue),
    queueMax: known(item.queue_max),
    desired: known(item.desired),
    max: item.max_workers,
    proposals: item.proposals ?? {},
    arrivals: item.arrivals,
    served: item.served,
    busySeconds: item.busy_s,
    wait: known(item.wait_s),
    workerSeconds: item.worker_s,
    cost: item.cost,
  };
}

export function cost(item) {
  return {
    start: item.start_epoch_s,
    end: item.end_epoch_s,
    seen: item.seen_s,
    workerSeconds: item.worker_s,
    busySeconds: item.busy_s,
    price: known(item.price_per_hour),
    cost: known(item.cost),
    alwaysMax: known(item.always_max),
    savedVsMax: known(item.saved_vs_always_max),
    fixedWorkers: item.fixed_workers,
    fixed: known(item.fixed),
    savedVsFixed: known(item.saved_vs_fixed),
  };
}

export function health(item) {
  return {
    version: item.version,
    uptime: item.uptime_s,
    acting: item.acting === true,
    dryRun: item.dry_run === true,
    circuitOpen: item.platform_circuit_open === true,
    hasHistory: Boolean(item.history),
    historyError: item.history?.error ?? "",
    oldest: item.history?.oldest_epoch_s ?? null,
  };
}

export function acted(item) {
  return { changed: item.changed, warning: item.warning ?? "", orders: item.interventions.map(order) };
}

/** What a problem document says, for people. */
export function problem(body, status) {
  return body?.detail ?? body?.title ?? `HTTP ${status}`;
}

/** The body of an order by hand. */
export function orderBody({ kind, why, by, span, workers, direction }) {
  const body = { why };
  if (by) body.by = by;
  if (kind === "resume") return body;
  if (span) body.for = span;
  if (kind === "pause") body.direction = direction;
  else body.workers = workers;
  return body;
}
