"""The monotonic queues say what a list of all recommendations says."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from autoscaler.decision.memory import AppMemory
from autoscaler.decision.stabilization import remember, stabilize
from tests.fakes.clock import T0

NUMBERS = st.integers(0, 30)


class Stabilization(RuleBasedStateMachine):
    """Recommendations come, time goes by, bounds change, and a naive copy remembers everything."""

    @initialize(up_s=st.sampled_from([0, 30, 60]), down_s=st.sampled_from([0, 60, 300]))
    def begin(self, up_s: int, down_s: int) -> None:
        self.up_s, self.down_s = up_s, down_s
        self.now = T0
        self.memory = AppMemory()
        self.all: list[tuple[float, int]] = []

    @rule(
        dt=st.sampled_from([0, 1, 15, 30, 60, 299]), wanted=NUMBERS, current=NUMBERS, data=st.data()
    )
    def recommend(self, dt: int, wanted: int, current: int, data: st.DataObject) -> None:
        low = data.draw(st.integers(0, wanted))
        high = data.draw(st.integers(wanted, 40))
        self.now += dt
        self.all.append((self.now, wanted))
        self.memory = remember(
            self.memory, wanted, self.now, up_window_s=self.up_s, down_window_s=self.down_s
        )
        result, limit = stabilize(self.memory, wanted, current, min_workers=low, max_workers=high)
        assert result == self.reference(wanted, current, low, high)
        assert (limit is None) == (result == wanted)
        assert low <= result <= high
        assert min(wanted, current) <= result <= max(wanted, current) or not low <= current <= high

    def reference(self, wanted: int, current: int, low: int, high: int) -> int:
        def window(seconds: float) -> list[int]:
            past = [w for at, w in self.all[:-1] if at > self.now - seconds]
            return [min(max(w, low), high) for w in (*past, wanted)]

        result = current
        result = max(result, min(window(self.up_s)))
        return min(result, max(window(self.down_s)))

    @invariant()
    def queues_are_strictly_monotonic(self) -> None:
        if not hasattr(self, "memory"):
            return
        high = [r.workers for r in self.memory.high]
        low = [r.workers for r in self.memory.low]
        assert high == sorted(set(high), reverse=True)
        assert low == sorted(set(low))


TestStabilization = Stabilization.TestCase
