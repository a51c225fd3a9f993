"""Orders against a platform that loses replies, lags, crashes workers; and a process that dies.

Whatever the interleaving: never more workers than were wanted, nothing open for longer than its
deadline and three lists, and once the trouble is over exactly as many workers as wanted.
"""

from __future__ import annotations

from math import floor

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from autoscaler.decision.spec import Startup
from autoscaler.model import PRESENT, Observation, ScaleUp, Worker, WorkerState
from autoscaler.state.codec import decode, encode
from tests.fakes.clock import T0
from tests.fakes.stories import KEY, Story, spec, wish

DEADLINE_S = 60.0
STEP_S = 15.0
MAXIMUM = 9
FATES = ("named", "unnamed", "lost-applied", "lost", "refused", "killed-after", "killed-before")


class Ordering(RuleBasedStateMachine):
    """One app that only ever wants more, on a platform seen through lagging lists."""

    @initialize(
        lag_s=st.sampled_from([0.0, 7.0, 40.0]),
        cold_s=st.sampled_from([0.0, 20.0, 200.0]),
        skew_s=st.sampled_from([0.0, 3.7, -500.2]),
        names_time=st.booleans(),
    )
    def begin(self, lag_s: float, cold_s: float, skew_s: float, names_time: bool) -> None:  # noqa: FBT001 - drawn
        self.lag_s, self.cold_s, self.skew_s, self.names_time = lag_s, cold_s, skew_s, names_time
        self.real = 0.0
        self.clock_set_s = 0.0
        self.made = 0
        self.fleet: dict[str, Worker] = {}
        self.scaled_at: float | None = None
        self.story = Story(
            spec(
                max_workers=MAXIMUM,
                paused="down",
                policies=(wish(0),),
                order_deadline_s=DEADLINE_S,
                startup=Startup(failures=1000),
            )
        )

    # The platform

    @property
    def platform_now(self) -> float:
        return T0 + self.real + self.skew_s

    def apply(self, count: int) -> tuple[str, ...]:
        ids = tuple(f"w{self.made + n}" for n in range(count))
        self.made += count
        for worker_id in ids:
            self.fleet[worker_id] = Worker(
                worker_id, WorkerState.IN_FLIGHT, created_at=self.platform_now
            )
        self.scaled_at = self.platform_now
        return ids

    def observe(self, *, show_all: bool) -> Observation:
        shown_until = self.platform_now - self.lag_s
        rows = []
        for worker in self.fleet.values():
            assert worker.created_at is not None
            if worker.created_at > shown_until:
                continue
            if worker.state is WorkerState.ERROR and not show_all:
                continue
            rows.append(worker)
        visible = self.scaled_at
        if visible is not None and (visible > shown_until or not self.names_time):
            visible = self.before if self.names_time else None
        self.before = visible
        now = self.story.now
        return Observation(
            KEY, tuple(rows), 0, now, now, float(floor(self.platform_now)), 100, visible,
            show_all=show_all,
        )  # fmt: skip

    before: float | None = None

    def live(self, seconds: float) -> None:
        self.real += seconds
        for worker in tuple(self.fleet.values()):
            assert worker.created_at is not None
            ready = self.platform_now - worker.created_at >= self.cold_s
            if worker.state is WorkerState.IN_FLIGHT and ready:
                self.fleet[worker.id] = Worker(
                    worker.id, WorkerState.FREE, created_at=worker.created_at
                )

    @property
    def alive(self) -> int:
        return sum(w.state in PRESENT for w in self.fleet.values())

    # Us

    def one_pass(self, fate: str) -> None:
        story = self.story.at(self.real + self.clock_set_s)
        story.decides_on(self.observe(show_all=story.memory.wants_all_workers))
        if story.memory.unconfirmed:
            story.decides_on(self.observe(show_all=True))
        if not isinstance(story.decision.action, ScaleUp):
            return
        count = story.decision.action.count
        applied = fate not in ("lost", "refused", "killed-before")
        ids = self.apply(count) if applied else ()
        if fate == "named":
            story.sends("accepted", ids=ids)
        elif fate == "unnamed":
            story.sends("accepted")
        elif fate == "refused":
            story.sends("refused")
        elif fate.startswith("lost"):
            story.sends("lost")
        else:
            story.sends("killed")
            self.restart(0.0)

    @rule(seconds=st.sampled_from([5.0, STEP_S, STEP_S]), fate=st.sampled_from(FATES))
    def look_and_act(self, seconds: float, fate: str) -> None:
        self.live(seconds)
        self.one_pass(fate)

    @rule(more=st.integers(1, 4))
    def want_more(self, more: int) -> None:
        self.story.wants(min(MAXIMUM + 2, self.story.wish.answer + more))

    @rule(clock_set_s=st.sampled_from([0.0, 0.0, -3600.0, 3600.0]))
    def restart(self, clock_set_s: float) -> None:
        memory = self.story.memory
        assert decode(encode(memory)) == memory
        if memory.restarted_at is None and memory.clock_ahead is not None:
            self.clock_set_s += clock_set_s
        self.story.restarts(self.real + self.clock_set_s)

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        running = [w for w in self.fleet.values() if w.state in PRESENT]
        if running:
            worker = data.draw(st.sampled_from(running))
            self.fleet[worker.id] = Worker(
                worker.id, WorkerState.ERROR, created_at=worker.created_at
            )

    @invariant()
    def never_more_than_wanted(self) -> None:
        if hasattr(self, "story"):
            assert self.alive <= min(MAXIMUM, self.story.wish.answer)

    def teardown(self) -> None:
        if not hasattr(self, "story"):
            return
        opened = len(self.story.memory.up_orders)
        quiet_from = self.real
        while self.real < quiet_from + DEADLINE_S + 3 * STEP_S:
            self.live(STEP_S)
            self.one_pass("refused")
        assert self.story.memory.up_orders == (), f"{opened} orders were open, and still are"
        for _ in range(20):
            self.live(STEP_S)
            self.one_pass("named")
            self.never_more_than_wanted()
        assert self.alive == min(MAXIMUM, self.story.wish.answer)


TestOrdering = Ordering.TestCase
