"""The conformance suite of policies, for authors of plug-ins: what the engine relies on, as checks.

    from autoscaler.testing import assert_conformant
    from my_package import MyPolicy, MyParams

    def test_my_policy_conforms():
        assert_conformant(MyPolicy, MyParams(target=2))

Checked is that a policy

- is *pure*: the same input and state give the same answer, and it reads no clock, no randomness,
  no file and no socket (a policy with ``pure = False`` is exempt, and must say so to its users);
- answers a whole number of workers, 0 or more, with a sentence, or NoData with a reason;
- raises nothing: not on missing signals, an empty list, or 10,000 workers;
- keeps its promise of ``monotone_in_load``: more requests, all else equal, never fewer workers;
- keeps its promise of ``rests``: while nothing happens at all, its number does not rise;
- keeps a state that a store can write as JSON and give back, and that means the same afterwards.

Every scene is drawn from a seeded generator, so that a violation can be repeated.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random  # noqa: TID251 - seeded here
from typing import Any, Self

from autoscaler.decision import AppMemory
from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.model.errors import StateError
from autoscaler.policies import Answer, Policy, PolicyParams
from autoscaler.state.codec import decode, encode, revive
from autoscaler.testing.scenes import EPOCH, Scene, observe, random_scene

MANY_WORKERS = 10_000
RESTING_LOOKS = 5
_FORBIDDEN_MODULES = frozenset({"time", "random", "_random", "socket", "_socket", "_io", "io"})
_CALENDAR_TIME = frozenset({"strftime", "strptime", "gmtime", "mktime"})
"""Functions of ``time`` that only compute."""
_NOW = frozenset({"now", "utcnow", "today"})


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: which check, and what happened."""

    check: str
    what: str

    def __str__(self) -> str:
        """``check: what``."""
        return f"{self.check}: {self.what}"


def assert_conformant(
    policy: type[Policy], *params: PolicyParams, scenes: int = 200, seed: int = 1
) -> None:
    """Fail a test with every violation that :func:`check` finds.

    Raises:
        AssertionError: there is one.
    """
    found = [
        f"{policy.kind} {each!r}: {violation}"
        for each in params
        for violation in check(policy, each, scenes=scenes, seed=seed)
    ]
    if found:
        raise AssertionError("\n".join(found))


def check(
    policy: type[Policy], params: PolicyParams, *, scenes: int = 200, seed: int = 1
) -> tuple[Violation, ...]:
    """Return each kind of violation once.

    Args:
        policy: the class.
        params: what it is run with.
        scenes: how many random scenes, in a row of passes.
        seed: of the generator that draws them.
    """
    suite = _Suite(policy, params, Random(seed))  # noqa: S311 - draws scenes
    found: dict[str, Violation] = {}
    for violation in suite.run(scenes):
        found.setdefault(violation.check, violation)
    return tuple(found.values())


class _Suite:
    """One policy under test."""

    def __init__(self, policy: type[Policy], params: PolicyParams, rng: Random) -> None:
        self._make: Callable[[], Policy] = lambda: policy(params, "under-test")
        self._policy = self._make()
        self._rng = rng

    def run(self, scenes: int) -> Iterator[Violation]:
        """Yield violations, several of a kind perhaps."""
        try:
            yield from self._extremes()
            yield from self._passes(scenes)
        except _Raised as raised:
            yield Violation("raises nothing", str(raised))

    def _extremes(self) -> Iterator[Violation]:
        extremes = (
            Scene(),
            Scene(queue=None, queue_listed=False),
            Scene(busy=3, queue=None, queue_listed=False, signals=self._signals(NoData("down"))),
            Scene(busy=3, queue=4, signals=self._signals(1e18)),
            Scene(queue=1_000_000, waits_s=(30.0,)),
            Scene(free=MANY_WORKERS // 2, busy=MANY_WORKERS // 2, queue=MANY_WORKERS, idle_s=900.0),
        )
        for scene in extremes:
            answer, _ = self._ask(self._policy, observe(scene), None)
            yield from _bounds(answer)

    def _passes(self, scenes: int) -> Iterator[Violation]:
        now, state = EPOCH, None
        for _ in range(scenes):
            now += self._rng.choice((1.0, 15.0, 15.0, 60.0, 900.0))
            scene = random_scene(self._rng, now, self._names())
            given = observe(scene)
            answer, after = self._ask(self._policy, given, state)
            yield from _bounds(answer)
            if self._policy.pure:
                yield from self._purity(given, state, answer, after)
            yield from self._monotone(scene, state, answer)
            yield from self._rests(scene, after)
            yield from self._storage(given, after)
            state = after

    def _purity(
        self, given: PolicyInput, state: Any, answer: Answer, after: Any
    ) -> Iterator[Violation]:
        with _Watch() as watch:
            again, after_again = self._ask(self._policy, given, state)
        if watch.seen:
            yield Violation("pure", f"it calls {', '.join(sorted(watch.seen))}")
        other, after_other = self._ask(self._make(), given, state)
        if not (answer == again == other and after == after_again == after_other):
            yield Violation(
                "pure", f"the same input and state give {answer!r}, then {again!r} or {other!r}"
            )

    def _monotone(self, scene: Scene, state: Any, answer: Answer) -> Iterator[Violation]:
        if not self._policy.monotone_in_load:
            return
        for more in self._more_load(scene):
            higher, _ = self._ask(self._policy, observe(more), state)
            if _workers(higher) < _workers(answer):
                yield Violation(
                    "monotone in load",
                    f"{_workers(answer)} for {scene!r}, but {_workers(higher)} for {more!r}",
                )

    def _rests(self, scene: Scene, state: Any) -> Iterator[Violation]:
        """Let the scene fall asleep; from then on the number may only fall."""
        if not self._policy.rests:
            return
        asleep = replace(
            scene,
            free=scene.free + scene.busy,
            busy=0,
            in_flight=0,
            unavailable=0,
            on_order=0,
            queue=0,
            waits_s=(),
        )
        before: int | None = None
        for _ in range(RESTING_LOOKS):
            later_s = self._rng.choice((15.0, 60.0, 300.0))
            asleep = replace(asleep, now=asleep.now + later_s, idle_s=asleep.idle_s + later_s)
            answer, state = self._ask(self._policy, observe(asleep), state)
            number = _workers(answer)
            if before is not None and number > before:
                yield Violation("rests", f"{before}, then {number} while nothing happens")
            before = number

    def _more_load(self, scene: Scene) -> Iterator[Scene]:
        waits_s = scene.waits_s or ()
        more = self._rng.randrange(1, 10)
        queue = (scene.queue or 0) + more
        signals = {name: value + more for name, value in self._plain(scene)}
        yield replace(scene, queue=queue, waits_s=(*waits_s, *(60.0,) * more), signals=signals)
        if scene.free:
            yield replace(scene, free=scene.free - 1, busy=scene.busy + 1)

    def _storage(self, given: PolicyInput, state: Any) -> Iterator[Violation]:
        if state is None:
            return
        memory = AppMemory(policy_states={"under-test": state})
        try:
            back = revive(decode(encode(memory)), (self._policy,)).policy_states
        except StateError as error:
            yield Violation("state is JSON", str(error))
            return
        if "under-test" not in back:
            yield Violation(
                "state is JSON", f"{state!r} is no {self._policy.state_type} afterwards"
            )
            return
        if self._policy.pure:
            later = replace(given, now=given.now + 15.0)
            fresh = self._ask(self._policy, later, state)[0]
            stored = self._ask(self._policy, later, back["under-test"])[0]
            if fresh != stored:
                yield Violation("state is JSON", f"{fresh!r}, but {stored!r} once it was stored")

    def _ask(self, policy: Policy, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        try:
            return policy.recommend(given, state)
        except Exception as error:
            what = f"{error!r} with {len(given.observation.workers)} workers"
            raise _Raised(what) from error

    def _names(self) -> tuple[str, ...]:
        return tuple(request.name for request in self._policy.signals_wanted)

    def _signals(self, value: float | NoData) -> dict[str, float | NoData]:
        return dict.fromkeys(self._names(), value)

    @staticmethod
    def _plain(scene: Scene) -> Iterator[tuple[str, float]]:
        for name, value in scene.signals.items():
            if not isinstance(value, NoData):
                yield name, value


class _Raised(Exception):  # noqa: N818 - named for what happened
    """A policy raised."""


class _Watch:
    """Notes calls of clocks, randomness, files and sockets while it is entered."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __enter__(self) -> Self:
        # Others' callbacks of the garbage collector may read a clock: none of the policy's doing.
        self._collected = gc.isenabled()
        gc.disable()
        self._before = sys.getprofile()
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)
        if self._collected:
            gc.enable()

    def _profile(self, _frame: object, event: str, called: Any) -> None:
        if event != "c_call":
            return
        name = getattr(called, "__name__", "")
        module = getattr(called, "__module__", None) or ""
        owner: object = getattr(called, "__self__", None)
        owner_type = owner if isinstance(owner, type) else type(owner)
        if name in _NOW and owner_type.__module__ == "datetime":
            self.seen.add(f"datetime.{name}")
        elif module in _FORBIDDEN_MODULES and name not in _CALENDAR_TIME:
            self.seen.add(f"{module}.{name}")
        elif owner_type.__module__ in ("_random", "random", "_socket"):
            self.seen.add(f"{owner_type.__module__}.{name}")


def _bounds(answer: object) -> Iterator[Violation]:
    if isinstance(answer, NoData):
        if not answer.why:
            yield Violation("explains itself", "NoData without a reason")
        return
    if not isinstance(answer, Recommendation):
        yield Violation("answers", f"{answer!r} is neither Recommendation nor NoData")
        return
    numbers = [answer.workers, answer.floor, answer.ceiling]
    for number in (n for n in numbers if n is not None):
        if type(number) is not int or number < 0:
            yield Violation("bounds", f"{number!r} is no whole number of 0 or more")
    if not answer.why:
        yield Violation("explains itself", "a Recommendation without a sentence")


def _workers(answer: Answer) -> int:
    """Return the number; NoData never lowers one, so it counts as the highest."""
    return sys.maxsize if isinstance(answer, NoData) else max(answer.workers, answer.floor or 0)
