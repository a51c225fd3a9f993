"""The webhook call: the observation goes out as JSON, a number comes back.

Body: ``{"app": {"namespace", "name"}, "at", "queueSize", "maxWorkers", "count": {state: n},
"workers": [{"id", "state", "age", "idle", "successCount", "failedCount", "sessionNumber"}]}``.
Times are seconds; a value that is not known is null. Reply: a number, or ``{"workers": number}``.
"""

from __future__ import annotations

import json
from collections import Counter
from math import isfinite
from typing import Any

import httpx

from autoscaler.model import NoData, Observation, WebhookCall, Worker
from autoscaler.signals.exchange import Call, SignalError, exchange, host_of, require_ok


async def call(client: httpx.AsyncClient, wanted: WebhookCall, observation: Observation) -> float:
    """Post the observation and return the number of the reply.

    Raises:
        SignalError: there is no number.
    """
    content = json.dumps(body(observation), allow_nan=False).encode()
    sent = Call(wanted.url, wanted.timeout_s, wanted.token_file, content=content)
    data = require_ok(await exchange(client, sent), wanted.url)
    value = data.get("workers") if isinstance(data, dict) else data
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        what = 'a number, or {"workers": number}'
        raise SignalError(f"{host_of(wanted.url)} answered something else than {what}")
    return float(value)


def body(observation: Observation) -> dict[str, Any]:
    """Return what is sent."""
    queue = observation.queue_size
    return {
        "app": {"namespace": observation.app.namespace, "name": observation.app.name},
        "at": observation.received_at,
        "queueSize": None if isinstance(queue, NoData) else queue,
        "maxWorkers": observation.max_workers,
        "count": dict(Counter(worker.state.value for worker in observation.workers)),
        "workers": [_worker(observation, worker) for worker in observation.workers],
    }


def _worker(observation: Observation, worker: Worker) -> dict[str, Any]:
    served = worker.last_serve_at
    return {
        "id": worker.id,
        "state": worker.state.value,
        "age": None if worker.created_at is None else observation.age(worker.created_at),
        "idle": None if served is None else observation.age(served),
        "successCount": worker.success_count,
        "failedCount": worker.failed_count,
        "sessionNumber": worker.session_number,
    }
