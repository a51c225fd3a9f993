"""Many simulations at once, in processes, and an interrupt that keeps what is done.

Results come in the order of the jobs, however many processes there are, so that tables do not
depend on the machine.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Generic, TypeVar

from autoscaler.model.errors import AutoscalerError

Job = TypeVar("Job")
Result = TypeVar("Result")


class LostProcessError(AutoscalerError):
    """A process of the laboratory is gone, most likely killed for want of memory."""


@dataclass(frozen=True, slots=True)
class Finished(Generic[Job, Result]):
    """Jobs that were done, with their results, in the order they were given."""

    done: tuple[tuple[Job, Result], ...]
    interrupted: bool

    @property
    def results(self) -> tuple[Result, ...]:
        """Only the results."""
        return tuple(result for _, result in self.done)


def run_all(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    processes: int,
    on_done: Callable[[Result], None] | None = None,
) -> Finished[Job, Result]:
    """Do all jobs.

    Args:
        work: does one; with several processes it must be a function of a module.
        jobs: start in this order.
        processes: 1 works in this very process.
        on_done: told of each result as it comes.

    Ctrl-C ends it: jobs under way are finished (processes) or dropped (this process).

    Raises:
        LostProcessError: a process ended by itself; what ``work`` raises comes through as it is.
    """
    if processes <= 1 or len(jobs) <= 1:
        return _one_by_one(work, jobs, on_done)
    futures: list[Future[Result]] = []
    interrupted = False
    # A fresh interpreter each: a fork would copy the threads of a progress bar half way.
    with ProcessPoolExecutor(
        min(processes, len(jobs)), mp_context=get_context("spawn"), initializer=_leave_interrupts
    ) as pool:
        try:
            futures = [pool.submit(work, job) for job in jobs]
            for future in as_completed(futures):
                result = future.result()
                if on_done is not None:
                    on_done(result)
        except KeyboardInterrupt:
            interrupted = True
            pool.shutdown(wait=True, cancel_futures=True)
        except BrokenProcessPool:
            raise LostProcessError(
                "a process of the laboratory ended by itself; if memory is short, take --jobs 1"
            ) from None
    return Finished(
        tuple(
            (job, future.result())
            for job, future in zip(jobs, futures, strict=False)
            if future.done() and not future.cancelled()
        ),
        interrupted,
    )


def _leave_interrupts() -> None:
    """Let only the parent react to Ctrl-C, which the terminal sends to all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _one_by_one(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    on_done: Callable[[Result], None] | None,
) -> Finished[Job, Result]:
    done: list[tuple[Job, Result]] = []
    try:
        for job in jobs:
            done.append((job, work(job)))
            if on_done is not None:
                on_done(done[-1][1])
    except KeyboardInterrupt:
        return Finished(tuple(done), interrupted=True)
    return Finished(tuple(done), interrupted=False)
