"""The roster: what every stage of a decision asks of a worker list, read off it once.

Each walk over a list of 200 workers in Python takes as long as counting it, and a decision used to
make a dozen. Whole columns are compared and counted by C code instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaler.model import PRESENT, Observation, Worker, WorkerState
from autoscaler.model.frozen import maker

_FREE, _BUSY = WorkerState.FREE, WorkerState.BUSY


@dataclass(frozen=True, slots=True)
class Roster:
    """A worker list by columns.

    Attributes:
        observation: the list itself.
        ids: of all workers, in the order of the list. counts: how many are in each state.
        alive: state by id of those that occupy a place under the maximum.
        familiar: whether it names just the workers that were known, in the same order: so at most
            looks, and then nobody came and nobody vanished.
    """

    observation: Observation
    ids: Sequence[str]
    counts: Mapping[WorkerState, int]
    alive: Mapping[str, WorkerState]
    familiar: bool

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The rows."""
        return self.observation.workers


_roster = maker(Roster)


def roster_of(observation: Observation, known: Mapping[str, WorkerState]) -> Roster:
    """Read a list's columns; ``known``: state by id of the workers present in the last one."""
    workers = observation.workers
    ids, states = [w.id for w in workers], [w.state for w in workers]
    alive: Mapping[str, WorkerState]
    familiar = ids == [*known]
    free, busy = states.count(_FREE), states.count(_BUSY)
    if free + busy == len(states):
        unchanged = familiar and states == [*known.values()]
        alive = known if unchanged else dict(zip(ids, states, strict=True))
        return _roster(observation, ids, {_FREE: free, _BUSY: busy}, alive, familiar)
    counts = dict(Counter(states))
    if PRESENT.issuperset(counts):
        alive = dict(zip(ids, states, strict=True))
    else:
        alive = {w.id: w.state for w in workers if w.state in PRESENT}
    return _roster(observation, ids, counts, alive, familiar)
