"""Rate limits move towards the wanted number, never past it, never back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.decision.memory import Change
from autoscaler.decision.rate import limit_rate
from autoscaler.decision.spec import Direction, RatePolicy
from tests.fakes.clock import T0

NUMBERS = st.integers(0, 200)
RATES = st.builds(
    RatePolicy,
    st.sampled_from(["workers", "percent"]),
    st.floats(0, 300, allow_nan=False),
    st.sampled_from([15.0, 60.0, 600.0]),
)
DIRECTIONS = st.builds(
    Direction,
    policies=st.lists(RATES, max_size=3).map(tuple),
    select=st.sampled_from(["max", "min", "disabled"]),
    cooldown_s=st.sampled_from([0.0, 60.0]),
)
CHANGES = st.lists(
    st.builds(
        Change,
        st.floats(T0 - 700, T0, allow_nan=False),
        st.integers(-20, 20).filter(bool),
    ).map(lambda c: c),
    max_size=6,
).map(lambda changes: tuple(sorted(changes, key=lambda c: c.at)))


@given(NUMBERS, NUMBERS, DIRECTIONS, DIRECTIONS, CHANGES)
def test_the_result_lies_between_the_current_and_the_wanted_number(
    wanted: int, current: int, up: Direction, down: Direction, changes: tuple[Change, ...]
) -> None:
    result, limit = limit_rate(wanted, current, up, down, changes, T0)
    assert min(wanted, current) <= result <= max(wanted, current)
    assert (limit is None) == (result == wanted)


@given(NUMBERS, st.integers(1, 50), st.integers(1, 40), st.integers(1, 20))
def test_a_count_is_kept_over_its_period_however_often_it_is_asked(
    current: int, per_period: int, asks: int, gap_s: int
) -> None:
    rate = Direction(policies=(RatePolicy("workers", per_period, 60.0),))
    changes: tuple[Change, ...] = ()
    start = current = current + 1
    history: list[tuple[float, int]] = []
    for number in range(asks):
        now = T0 + number * gap_s
        allowed, _ = limit_rate(10_000, current, rate, Direction(), changes, now)
        if allowed > current:
            changes += (Change(now, allowed - current),)
            history.append((now, allowed - current))
            current = allowed
        in_period = sum(n for at, n in history if at > now - 60)
        assert in_period <= per_period
    assert current > start
