"""What can be configured per app, and therefore also under ``defaults``.

The numbers here are the built-in defaults; they agree with those of the core's ``AppSpec``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from autoscaler.policies import Duration, PositiveDuration
from autoscaler.settings.policy import PolicySettings, default_policies
from autoscaler.settings.sections import FilePath, Section, Workers, refuse_bool
from autoscaler.settings.sharing import share_equal

INTERVAL_MIN_S = 0.2
"""Shortest interval. A real platform should not be asked more than once a second; below that is
for demonstrations against the emulator, which may run faster than real time."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""What a name or namespace looks like: it becomes a part of an address."""

Number = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(refuse_bool)]


class RatePolicySettings(Section):
    """One rate limit, as in HPA v2."""

    type: Literal["workers", "percent"] = Field(description="What `value` counts.")
    value: Number = Field(description="Workers, or percent of the workers, per `period`.")
    period: PositiveDuration = Field(description="Time over which the change is limited.")


class DirectionSettings(Section):
    """How one direction behaves. A limit that is not named here is off."""

    stabilization_window: Duration = Field(
        default=0.0, description="The most cautious recommendation of this time holds; 0 is off."
    )
    policies: tuple[RatePolicySettings, ...] = Field(
        default=(), description="Rate limits; none means no limit."
    )
    select: Literal["max", "min", "disabled"] = Field(
        default="max",
        description="Which of several rate limits holds; disabled forbids the direction.",
    )
    cooldown: Duration = Field(
        default=0.0, description="Time after an action in this direction before the next."
    )
    tolerance: Annotated[
        float, Field(ge=0, le=1, allow_inf_nan=False), BeforeValidator(refuse_bool)
    ] = Field(
        default=0.0,
        description="Share of the current number that a change must exceed; HPA's is 0.1.",
    )


class BehaviorSettings(Section):
    """Behaviour per direction, as in HPA v2."""

    scale_up: DirectionSettings = Field(
        default=DirectionSettings(), description="Adding workers. Not given: no limit."
    )
    scale_down: DirectionSettings = Field(
        default=DirectionSettings(stabilization_window=300.0),
        description="Removing workers. Not given: only a stabilization window of 300s. Given: "
        "limits that it does not name are off.",
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_not_given(cls, value: Any) -> Any:
        """``scale_down:`` with nothing after it means the default, not "no limits"."""
        if not isinstance(value, dict):
            return value
        return {key: part for key, part in value.items() if part is not None}


class DisruptionSettings(Section):
    """Budget of removals."""

    type: Literal["workers", "percent"] = Field(description="What `value` counts.")
    value: Number = Field(description="Workers, or percent of the capacity, per `window`.")
    window: PositiveDuration = Field(description="Time over which removals are counted.")


class DrainSettings(Section):
    """Which workers may be removed."""

    min_lifetime: Duration = Field(
        default=0.0, description="A worker younger than this is not removed."
    )
    clear_failed: bool = Field(
        default=False, description="Whether ERROR and UNAVAILABLE workers are removed, first."
    )
    disruption: DisruptionSettings | None = Field(
        default=None, description="Most workers removed per window; null for no budget."
    )


class StartupSettings(Section):
    """How long a start may take, and what happens when starts keep failing."""

    deadline_floor: PositiveDuration = Field(
        default=120.0, description="Least start-up deadline that is learned."
    )
    deadline_ceiling: PositiveDuration = Field(
        default=1800.0,
        description="Largest start-up deadline; holds until a first start was seen.",
    )
    failures: Annotated[int, Field(ge=1, le=1000), BeforeValidator(refuse_bool)] = Field(
        default=3, description="Failed starts in a row after which ordering pauses."
    )
    backoff: PositiveDuration = Field(
        default=60.0, description="First pause of ordering; each further failure doubles it."
    )
    backoff_ceiling: PositiveDuration = Field(
        default=1800.0, description="Longest pause of ordering."
    )


class FallbackSettings(Section):
    """What holds while signals are missing. It never lowers the number of workers."""

    failure_threshold: Annotated[int, Field(ge=1, le=1000), BeforeValidator(refuse_bool)] = Field(
        default=3, description="Passes in a row without signals before the fallback holds."
    )
    mode: Literal["hold", "current-if-higher", "static"] = Field(
        default="hold",
        description="hold: nothing changes; static: `workers`; current-if-higher: `workers`, or "
        "what is there if that is more.",
    )
    workers: Workers = Field(default=0, description="Number for the modes other than hold.")


def _paused(value: object) -> object:
    """Take ``"true"`` and ``"false"`` (as an environment variable has them) for booleans."""
    if isinstance(value, str):
        text = value.strip().lower()
        return {"true": True, "false": False}.get(text, text)
    return value


Paused = Annotated[
    Literal[False, True, "down", "up"],
    BeforeValidator(_paused, json_schema_input_type=Literal[False, True, "down", "up"]),
]


class AppValues(Section):
    """Values that an app and ``defaults`` share."""

    namespace: str = Field(
        default="default",
        pattern=NAME_PATTERN,
        max_length=253,
        description="Platform namespace of the app.",
    )
    min_workers: Workers = Field(
        default=1,
        description="Never fewer workers than this. 0 is allowed, but whether requests queue at "
        "zero workers is not documented by the platform.",
    )
    interval: Annotated[PositiveDuration, Field(ge=INTERVAL_MIN_S, le=86400.0)] = Field(
        default=15.0,
        description="Time between two looks at the app, from 0.2s to 1d. Stay at 1s or above "
        "with a real platform; less is for demonstrations.",
    )
    interval_max: Annotated[PositiveDuration, Field(ge=INTERVAL_MIN_S, le=86400.0)] | None = Field(
        default=None,
        description="Longest time between two looks at an app at rest: nothing served, nothing "
        "waiting, nothing to do. The next look then comes after a quarter of the time it has been "
        "idle. Not given: always `interval`. Apps with a policy that follows the time of day or "
        "the world outside keep their `interval`.",
    )
    policies: Annotated[tuple[PolicySettings, ...], Field(min_length=1)] = Field(
        default_factory=default_policies,
        description="What recommends a number of workers; see the policies below. Not given: "
        "`queue` with target 1.",
    )
    shadow: tuple[PolicySettings, ...] = Field(
        default=(),
        description="Policies that are asked in every pass and have no say: what they would want "
        "is shown beside what is done, in metrics, in the API and in `autoscaler explain`.",
    )
    combine: Literal["max", "min", "first"] = Field(
        default="max", description="How several recommendations become one number."
    )
    behavior: BehaviorSettings = Field(
        default=BehaviorSettings(), description="Limits per direction."
    )
    drain: DrainSettings = Field(default=DrainSettings(), description="Who may be removed.")
    startup: StartupSettings = Field(default=StartupSettings(), description="Start-up rules.")
    fallback: FallbackSettings = Field(
        default=FallbackSettings(), description="What holds while signals are missing."
    )
    paused: Paused = Field(
        default=False,
        description="true: the app is left alone; down or up: only that direction is off.",
    )
    initial_cooldown: Duration = Field(
        default=0.0, description="No scale-down for so long after the app was first seen."
    )
    max_utilization: (
        Annotated[float, Field(gt=0, le=100, allow_inf_nan=False), BeforeValidator(refuse_bool)]
        | None
    ) = Field(
        default=None,
        description="Requests (served or waiting) per worker that a scale-down may lead to; null "
        "for no such check.",
    )
    idle_timeout: Duration | None = Field(
        default=None,
        description="Time without a request before the last worker goes, where min_workers is 0. "
        "Not given: five of the app's own cold starts, at least 5m.",
    )
    price_per_hour: (
        Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(refuse_bool)] | None
    ) = Field(
        default=None,
        description="Price of one worker per hour, in any currency; `fleet.max_price_per_hour` "
        "counts with it.",
    )
    order_deadline: PositiveDuration | None = Field(
        default=None,
        description="Time after which an order whose workers never showed is given up. Not "
        "given: everai.total_timeout + 30s, at least 60s.",
    )
    token_file: FilePath | None = Field(
        default=None, description="File with this app's own API token, for another account."
    )


class DefaultsSettings(AppValues):
    """Values for every app that does not give its own."""

    max_workers: Workers | None = Field(default=None, description="Never more workers than this.")


class AppSettings(AppValues):
    """One app, with the values of ``defaults`` already filled in."""

    name: str = Field(
        pattern=NAME_PATTERN,
        max_length=253,
        description="Name of the app on the platform.",
    )
    max_workers: Workers = Field(
        description="Never more workers than this (the platform's own maximum holds too, the "
        "smaller wins). Required, here or in `defaults`. 0 keeps the app at no workers.",
    )

    @model_validator(mode="after")
    def _share(self) -> Self:
        share_equal(self)
        return self


_MERGED = ("behavior", "drain", "startup", "fallback")
"""Sections that an app completes key by key; every other value replaces that of ``defaults``."""


def with_defaults(defaults: dict[Any, Any], app: dict[Any, Any]) -> dict[Any, Any]:
    """Fill an app's gaps from ``defaults``, both as they stand in the file.

    ``behavior.scale_up`` and ``behavior.scale_down`` are taken whole, so that the limits in force
    can be read in one place.
    """
    merged = {**defaults, **app}
    for key in _MERGED:
        ours, theirs = app.get(key), defaults.get(key)
        if ours is None and theirs is not None:
            merged[key] = theirs
        elif isinstance(ours, dict) and isinstance(theirs, dict):
            skip_none = key == "behavior"
            given = {k: v for k, v in ours.items() if v is not None or not skip_none}
            merged[key] = {**theirs, **given}
    return merged
