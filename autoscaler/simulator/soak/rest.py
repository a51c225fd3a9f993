"""The end of a run: after a long quiet time everything must have come to rest where it should.

The right number is worked out here anew, from the load and the configuration alone; nothing of the
deciding code is asked.
"""

from __future__ import annotations

from math import ceil

from autoscaler.decision import AppSpec
from autoscaler.emulator import App
from autoscaler.emulator.worker import Phase, SimWorker
from autoscaler.policies import Policy
from autoscaler.policies.fixed import FixedParams
from autoscaler.policies.free_workers import FreeWorkersParams
from autoscaler.policies.queue import QueueParams
from autoscaler.simulator.soak.journal import Journal
from autoscaler.simulator.soak.process import Process


def check_rest(
    spec: AppSpec, app: App, process: Process, journal: Journal, fleet_max: int | None
) -> None:
    """Check that an app has the workers that its policies want, and no order is open."""
    if app.knobs.scaler == "builtin":
        journal.count("rest: scaled by the platform")
        return
    memory = process.memory(spec.key)
    if memory is None or memory.up_orders or memory.down_orders:
        journal.fail("order-stuck", app.label, f"orders are open after the quiet: {memory}")
    free = sum(worker.phase is Phase.FREE for worker in app.workers.values())
    ready = free + sum(worker.phase is Phase.BUSY for worker in app.workers.values())
    stuck = [worker for worker in app.workers.values() if _is_stuck(app, worker)]
    wanted, high = _wanted(spec, app)
    said = f"{ready} ready, {len(stuck)} stuck, {wanted} wanted, maximum {high}"
    if ready == wanted:
        journal.count("rest: as wanted")
    elif ready < wanted and (ready + len(stuck) >= high or fleet_max is not None):
        journal.count("rest: no place for more")
    elif ready > wanted and not free:
        journal.count("rest: everybody is busy")
    elif ready > wanted and any(worker.retiring for worker in app.workers.values()):
        journal.count("rest: an update waits for a busy worker")
    elif ready > wanted and any(worker.replaces for worker in stuck):
        journal.count("rest: an update is stuck")
    else:
        journal.fail("not-converged", app.label, said)


def _is_stuck(app: App, worker: SimWorker) -> bool:
    return worker.phase is Phase.STARTING and app.now > worker.created_at + worker.start_s + 1.0


def _wanted(spec: AppSpec, app: App) -> tuple[int, int]:
    """Return how many workers there should be, and the maximum."""
    busy = sum(worker.phase is Phase.BUSY for worker in app.workers.values())
    numbers = [_number(policy, busy + len(app.queue)) for policy in spec.policies]
    rule = {"max": max(numbers), "min": min(numbers), "first": numbers[0]}
    high = spec.max_workers if app.max_workers is None else min(spec.max_workers, app.max_workers)
    return min(max(rule[spec.combine], min(spec.min_workers, high)), high), high


def _number(policy: Policy, requests: int) -> int:
    match policy.params:
        case QueueParams(target=target):
            return ceil(requests / target)
        case FreeWorkersParams(buffer=buffer):
            return requests + buffer
        case FixedParams(workers=workers):
            return workers
    raise TypeError(f"no number is known for {policy!r}")
