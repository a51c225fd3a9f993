"""Whatever happens between two lists, only a worker that both showed idle goes, and once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autoscaler.decision.drain import choose, confirm
from autoscaler.decision.rollout import find_rollout
from autoscaler.decision.spec import Drain
from autoscaler.model import PRESENT, Observation, Worker, WorkerState
from tests.fakes.clock import T0
from tests.fakes.stories import look

IDS = [f"w{i}" for i in range(8)]
TIMES = st.one_of(st.none(), st.integers(-500, 50).map(lambda s: T0 + s))
WORKERS = st.lists(
    st.builds(
        Worker,
        id=st.sampled_from(IDS),
        state=st.sampled_from(WorkerState),
        created_at=TIMES,
        last_serve_at=TIMES,
        session_number=st.sampled_from([0, 0, 0, 1]),
        app_revision=st.sampled_from(["", "r1", "r2"]),
        replace_worker_id=st.sampled_from(["", "", "", *IDS]),
    ),
    unique_by=lambda w: w.id,
    max_size=8,
)


@given(WORKERS, st.integers(1, 9), st.sampled_from([0.0, 100.0]), st.sets(st.sampled_from(IDS)))
def test_only_free_workers_go_in_order_and_no_more_than_asked(
    listed: list[Worker], count: int, min_lifetime_s: float, leaving: set[str]
) -> None:
    seen = look(*listed)
    rollout = find_rollout(seen, ())
    chosen = choose(count, seen, Drain(min_lifetime_s=min_lifetime_s), rollout, leaving)
    by_id = {w.id: w for w in listed}
    ids = [c.worker_id for c in chosen.candidates]
    assert len(ids) == len(set(ids)) <= count
    for worker_id in ids:
        worker = by_id[worker_id]
        assert worker.state is WorkerState.FREE
        assert worker.session_number == 0
        assert worker_id not in leaving
        assert worker_id not in rollout.protected
        assert not rollout.unpaired
        assert seen.age(worker.created_at) >= min_lifetime_s
    assert (chosen.shortfall is None) == (len(ids) == count)
    same_revision = [c for c in chosen.candidates if "old revision" not in c.why]
    assert [c.idle_s for c in same_revision] == sorted(
        (c.idle_s for c in same_revision), reverse=True
    )


@given(WORKERS)
def test_a_rollout_hides_no_more_workers_than_it_has_partners(listed: list[Worker]) -> None:
    found = find_rollout(look(*listed), ())
    alive = {w.id for w in listed if w.state in PRESENT}
    assert found.newcomers <= alive
    if found.newcomers:
        assert len(found.newcomers) < len(alive)


class Draining(RuleBasedStateMachine):
    """A small fleet that serves while we choose, confirm and remove."""

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.fleet = {
            i: Worker(i, WorkerState.FREE, created_at=T0 - 100, last_serve_at=T0 - n)
            for n, i in enumerate(IDS)
        }
        self.first: Observation | None = None
        self.touched: set[str] = set()
        self.sent: list[str] = []

    def observe(self) -> Observation:
        return look(*self.fleet.values(), at=self.now)

    def change(self, worker_id: str, **fields: object) -> None:
        self.fleet[worker_id] = replace(self.fleet[worker_id], **fields)  # type: ignore[arg-type]  # names are checked by replace
        self.touched.add(worker_id)

    @rule(worker_id=st.sampled_from(IDS))
    def serve(self, worker_id: str) -> None:
        """A request comes and goes, faster than any list."""
        worker = self.fleet.get(worker_id)
        if worker and worker.state is WorkerState.FREE:
            self.now += 0.1
            served = worker.success_count + 1
            self.change(worker_id, success_count=served, last_serve_at=T0 + self.now)

    @rule(worker_id=st.sampled_from(IDS))
    def toggle_busy(self, worker_id: str) -> None:
        worker = self.fleet.get(worker_id)
        if worker:
            busy = worker.state is WorkerState.BUSY
            self.change(
                worker_id,
                state=WorkerState.FREE if busy else WorkerState.BUSY,
                success_count=worker.success_count + busy,
            )

    @rule(worker_id=st.sampled_from(IDS), sessions=st.integers(0, 1))
    def session(self, worker_id: str, sessions: int) -> None:
        if worker_id in self.fleet:
            self.change(worker_id, session_number=sessions)

    @rule(worker_id=st.sampled_from(IDS))
    def crash(self, worker_id: str) -> None:
        self.fleet.pop(worker_id, None)
        self.touched.add(worker_id)

    @rule()
    def take_first_list(self) -> None:
        self.first = self.observe()
        self.touched = set()

    @precondition(lambda self: getattr(self, "first", None) is not None)
    @rule(count=st.integers(1, 8), keep=st.integers(0, 8))
    def confirm_and_send(self, count: int, keep: int) -> None:
        first, self.first = self.first, None
        assert first is not None
        rollout = find_rollout(first, ())
        chosen = choose(count, first, Drain(), rollout, self.sent)
        second = self.observe()
        confirmed = confirm(
            chosen.candidates, first, second, find_rollout(second, ()), keep, leaving=self.sent
        )
        serving = [w for w in second.workers if w.state in (WorkerState.FREE, WorkerState.BUSY)]
        for worker in confirmed.kept:
            now = self.fleet[worker.id]
            assert now.state is WorkerState.FREE
            assert now.session_number == 0
            before = next(w for w in first.workers if w.id == worker.id)
            assert now.success_count == before.success_count
            assert worker.id not in self.sent, "never named twice"
            self.sent.append(worker.id)
            self.change(worker.id, state=WorkerState.REMOVING)
        assert not confirmed.kept or len(serving) - len(confirmed.kept) >= keep
        asked = {c.worker_id for c in chosen.candidates}
        told = {w.id for w in confirmed.kept} | {i for i, _ in confirmed.dropped}
        assert told == asked

    @invariant()
    def nobody_is_sent_twice(self) -> None:
        sent = getattr(self, "sent", [])
        assert len(sent) == len(set(sent))


TestDraining = Draining.TestCase
