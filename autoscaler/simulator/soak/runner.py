"""Many seeds, side by side in processes of their own."""

from __future__ import annotations

import multiprocessing
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed

from autoscaler.simulator.soak.journal import Broken
from autoscaler.simulator.soak.report import RunReport, Summary
from autoscaler.simulator.soak.world import run_seed


def replay_command(seed: int, hours: float) -> str:
    """Return the command that repeats a run, event by event."""
    return f"autoscaler soak --seed {seed} --hours {hours:g} -v"


def run_many(
    seeds: Iterable[int], hours: float, jobs: int, on_report: Callable[[RunReport], None]
) -> Summary:
    """Run seeds in ``jobs`` processes; ``on_report`` is told of each as it ends."""
    summary = Summary()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        futures = [pool.submit(run_guarded, seed, hours) for seed in seeds]
        for future in as_completed(futures):
            report = future.result()
            summary.add(report)
            on_report(report)
    return summary


def run_guarded(seed: int, hours: float) -> RunReport:
    """Run a seed; an exception of the simulator is a broken run, told with its seed."""
    try:
        return run_seed(seed, hours)
    except Exception:  # noqa: BLE001 - one seed's crash must not hide the others
        where = traceback.format_exc(limit=-4)
        broken = Broken("simulator-crashed", 0.0, "", where)
        return RunReport(seed, 0.0, "", 0.0, Counter(), (broken,))
