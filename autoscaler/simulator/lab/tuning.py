"""A search for the parameters with which a policy is cheapest and still keeps its promise.

The first trials fill the ranges evenly (a scrambled Halton sequence, from scipy, leaves smaller
gaps than as many random points), later ones come near those on the Pareto front of cost and
lateness, most of them near the best, at a distance that shrinks. They come in batches of a fixed
size from one seeded generator, so the result does not depend on how many processes share the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import exp, log
from random import Random  # noqa: TID251 - seeded by the caller
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from autoscaler.model.errors import ConfigurationError

Values = Mapping[str, Any]
BATCH = 8
"""Trials that are chosen together."""

DOWN_WINDOW = "down_window"
"""Not a parameter of any policy: the app's stabilization window downwards, seconds."""

_SPREAD = 10.0
"""A range without bounds goes from a tenth of the default to ten times it."""
_FROM_NOTHING = 10.0
"""Highest value of a range whose default is 0 and that has no upper bound."""
_DRAWS = 200
_TOP, _TOP_SHARE = 3, 0.7
"""Of the trials near others, this share is near the best three; the rest is along the front."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One parameter and its range.

    Attributes:
        name: of the parameter. low, high: both included; for numbers.
        whole: whether only whole numbers make sense. logarithmic: drawn evenly by ratio.
        choices: the values, where it is no number.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    logarithmic: bool = False
    choices: tuple[Any, ...] = ()

    def at(self, place: float) -> Any:
        """Return the value at a place of the range (0..1, the end not included)."""
        if self.choices:
            return self.choices[int(place * len(self.choices))]
        return self._at(place)

    def near(self, value: Any, reach: float, rng: Random) -> Any:
        """Return a value close to another; ``reach``: standard deviation over the range (0..1)."""
        if self.choices:
            return rng.choice(self.choices) if rng.random() < reach else value
        place = min(1.0, max(0.0, self._place(float(value)) + rng.gauss(0.0, reach)))
        return self._at(place)

    def _at(self, place: float) -> float:
        if self.logarithmic:
            value = exp(log(self.low) + place * (log(self.high) - log(self.low)))
        else:
            value = self.low + place * (self.high - self.low)
        value = min(self.high, max(self.low, value))
        return round(value) if self.whole else float(f"{value:.4g}")

    def _place(self, value: float) -> float:
        if self.high <= self.low:
            return 0.0
        if self.logarithmic:
            low = log(self.low)
            return (log(max(value, self.low)) - low) / (log(self.high) - low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Trial:
    """Parameters that were tried, and what came of them.

    Attributes:
        values: the parameters. cost: over work. late: share (0..1) that waited too long.
        actions: scale-ups and scale-downs. unserved: requests that nobody ever served.
    """

    values: Values
    cost: float
    late: float
    actions: int
    unserved: int = 0


def space(
    params: type[BaseModel], given: Mapping[str, Dimension], fixed: Values, *, down_window: bool
) -> tuple[Dimension, ...]:
    """Return what is searched: the ranges given, else every parameter that has a natural one.

    Args:
        params: the policy's parameters.
        given: ranges by name.
        fixed: parameters that keep these values.
        down_window: whether the stabilization window is searched as well.

    Raises:
        ConfigurationError: a range for something the policy does not have, or nothing to search.
    """
    known = {*params.model_fields, DOWN_WINDOW}
    for name in given:
        if name not in known:
            raise ConfigurationError(f"--range {name}: the policy has {', '.join(sorted(known))}")
    if given:
        return tuple(given.values())
    found = [
        dimension
        for name, field in params.model_fields.items()
        if name not in fixed and (dimension := _natural(name, field)) is not None
    ]
    if down_window and DOWN_WINDOW not in fixed:
        found.append(Dimension(DOWN_WINDOW, 0.0, 1800.0, whole=True))
    if not found:
        raise ConfigurationError(
            "there is nothing to search: every parameter is fixed or no number"
        )
    return tuple(found)


def _natural(name: str, field: FieldInfo) -> Dimension | None:
    """Return the range of a parameter as its type, default and bounds suggest it."""
    kind, default = field.annotation, field.default
    if kind is bool:
        return Dimension(name, choices=(False, True))
    if get_origin(kind) is Literal:
        return Dimension(name, choices=get_args(kind))
    if (
        isinstance(default, bool)
        or not isinstance(default, int | float)
        or NoneType in get_args(kind)
    ):
        return None
    floor = max((b for b in _bounds(field, "ge", "gt")), default=0.0)
    ceiling = min((b for b in _bounds(field, "le", "lt")), default=float("inf"))
    whole = kind is int
    if floor > 0 and ceiling < 2 * floor + 1:  # a share: both ends are near, so evenly
        margin = (ceiling - floor) / 100
        return Dimension(name, floor + margin, ceiling - margin, whole=whole)
    if default <= 0:
        return Dimension(name, floor, min(ceiling, floor + _FROM_NOTHING), whole=whole)
    low, high = max(floor, default / _SPREAD), min(ceiling, default * _SPREAD)
    low = max(low, 1.0) if whole and floor > 0 else low
    return Dimension(name, low, high, whole=whole, logarithmic=low > 0)


def _bounds(field: FieldInfo, *names: str) -> list[float]:
    return [
        float(getattr(mark, name))
        for mark in field.metadata
        for name in names
        if getattr(mark, name, None) is not None
    ]


def spread_out(dimensions: int, seed: int) -> Iterator[tuple[float, ...]]:
    """Give places in the unit cube without end, spread evenly however many are taken.

    Raises:
        ConfigurationError: scipy, which knows how, is not installed.
    """
    try:
        qmc: Any = import_module("scipy.stats.qmc")
    except ImportError:
        raise ConfigurationError("the search needs scipy; install the extra 'lab'") from None
    sequence = qmc.Halton(dimensions, scramble=True, rng=seed)
    while True:
        yield from (tuple(map(float, place)) for place in sequence.random(BATCH))


Evaluate = Callable[[Sequence[Values]], tuple[Sequence[Trial], bool]]
"""Runs values; returns the trials that were finished and whether somebody interrupted."""


def search(
    dimensions: Sequence[Dimension],
    valid: Callable[[Values], object],
    evaluate: Evaluate,
    *,
    start: Values,
    trials: int,
    allowed: float,
    rng: Random,
) -> tuple[tuple[Trial, ...], bool]:
    """Return every trial made, and whether it was interrupted.

    Args:
        dimensions: what is searched.
        valid: raises pydantic.ValidationError for values that make no sense together.
        evaluate: runs a batch.
        start: the first trial, usually the defaults.
        trials: how many to make (≥ 1).
        allowed: share (0..1) that may be late.
        rng: the only source of chance.

    Raises:
        ConfigurationError: scipy is not installed.
    """
    places = spread_out(len(dimensions), rng.getrandbits(32))
    made: list[Trial] = []
    batch: list[Values] = [start]
    seen = {_key(start)}
    planned = 1
    while batch:
        found, interrupted = evaluate(batch)
        made += found
        if interrupted:
            return tuple(made), True
        count = min(BATCH, trials - planned)
        progress = planned / trials
        batch = _choose(dimensions, valid, made, count, progress, allowed, seen, rng, places)
        planned += count
    return tuple(made), False


def _choose(
    dimensions: Sequence[Dimension],
    valid: Callable[[Values], object],
    made: Sequence[Trial],
    count: int,
    progress: float,
    allowed: float,
    seen: set[str],
    rng: Random,
    places: Iterator[tuple[float, ...]],
) -> list[Values]:
    chosen: list[Values] = []
    leaders = _leaders(made, allowed)
    reach = 0.25 * (1 - progress) ** 2 + 0.01
    for _ in range(_DRAWS):
        if len(chosen) >= count:
            break
        if (progress < 0.5 and rng.random() < 1 - progress) or not leaders:  # noqa: PLR2004 - half
            values: Values = _anywhere(dimensions, places)
        else:
            around = rng.choice(leaders[:_TOP] if rng.random() < _TOP_SHARE else leaders).values
            anywhere = _anywhere(dimensions, places)
            values = {one.name: one.near(around.get(one.name, anywhere[one.name]), reach, rng)
                      for one in dimensions}  # fmt: skip
        if _key(values) in seen:
            continue
        seen.add(_key(values))
        try:
            valid(values)
        except ValidationError:
            continue
        chosen.append(values)
    return chosen


def _anywhere(
    dimensions: Sequence[Dimension], places: Iterator[tuple[float, ...]]
) -> dict[str, Any]:
    return {one.name: one.at(place) for one, place in zip(dimensions, next(places), strict=True)}


def _key(values: Values) -> str:
    return repr(sorted(values.items()))


def _leaders(made: Sequence[Trial], allowed: float) -> list[Trial]:
    """Return the trials worth searching around: the front, and the best three within the goal."""
    good = sorted((one for one in made if one.late <= allowed), key=lambda one: one.cost)
    return [*good[:_TOP], *(one for one in front(made) if one.late <= 4 * allowed)]


def front(made: Sequence[Trial]) -> tuple[Trial, ...]:
    """Return the trials that no other beats in both cost and lateness, cheapest first.

    Those that left requests unserved are cheap for that reason and do not count.
    """
    found: list[Trial] = []
    served = [one for one in made if not one.unserved]
    for trial in sorted(served, key=lambda one: (one.cost, one.late)):
        if not found or trial.late < found[-1].late:
            found.append(trial)
    return tuple(found)


def best(made: Sequence[Trial], allowed: float) -> Trial:
    """Return the cheapest within the goal, else the one with the fewest late."""
    good = [one for one in made if one.late <= allowed]
    if good:
        return min(good, key=lambda one: (one.cost, one.late))
    return min(made, key=lambda one: (one.late, one.cost))


def snippet(kind: str, fixed: Values, trial: Trial, *, down_window_s: float | None) -> str:
    """Return the part of an app's configuration that says this, as YAML.

    ``down_window_s``: stabilization window, seconds; ``None`` to leave it out.
    """
    values = {k: v for k, v in {**fixed, **trial.values}.items() if k != DOWN_WINDOW}
    entry: dict[str, Any] = {"policies": [{"type": kind, **values}]}
    if down_window_s is not None:
        window = round(down_window_s) if down_window_s == round(down_window_s) else down_window_s
        entry["behavior"] = {"scale_down": {"stabilization_window": window}}
    return yaml.safe_dump(entry, sort_keys=False)
