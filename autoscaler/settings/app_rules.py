"""Rules over several values of one app, or of ``defaults``."""

from __future__ import annotations

from collections.abc import Iterator

from autoscaler.policies import policies as known_policies
from autoscaler.settings.app import AppSettings, AppValues, DefaultsSettings, DirectionSettings
from autoscaler.settings.finding import Finding, Place
from autoscaler.settings.policy_rules import policy_findings

_PERCENT_MAX = 100.0


def app_findings(
    app: AppSettings | DefaultsSettings, place: Place, total_timeout_s: float
) -> Iterator[Finding]:
    """Yield what is wrong within one app.

    Args:
        app: its values.
        place: where they were written.
        total_timeout_s: longest time of one request to the platform.
    """
    yield from _bounds(app, place)
    yield from _pace(app, place)
    yield from _policies(app, place)
    yield from policy_findings(app, place)
    yield from _window(app, app.behavior.scale_up, "scale_up", place)
    yield from _window(app, app.behavior.scale_down, "scale_down", place)
    yield from _percents(app, place)
    yield from _startup(app, place)
    yield from _order_deadline(app, place, total_timeout_s)


def _bounds(app: AppSettings | DefaultsSettings, place: Place) -> Iterator[Finding]:
    low, high = app.min_workers, app.max_workers
    if high is None:
        return
    if low > high and (place.gives("min_workers") or not place.gives("max_workers")):
        message = f"must not be above max_workers ({high})"
        yield place.error(("min_workers",), message, "max_workers")
    elif low > high:
        message = f"must not be below min_workers ({low})"
        hint = "set min_workers for this app too"
        yield place.error(("max_workers",), message, "min_workers", hint=hint)
    fallback = app.fallback
    if fallback.workers > high:
        message = f"must not be above max_workers ({high})"
        yield place.error(("fallback", "workers"), message, "max_workers")
    if fallback.mode == "static" and fallback.workers == 0:
        message = "static does nothing while fallback.workers is 0: it never lowers the number"
        yield place.warning(("fallback", "mode"), message, hint="set fallback.workers")


def _pace(app: AppSettings | DefaultsSettings, place: Place) -> Iterator[Finding]:
    slowest = app.interval_max
    if slowest is None:
        return
    if slowest < app.interval:
        written = (
            "interval_max" if place.gives("interval_max") or not place.gives("interval")
            else "interval"
        )  # fmt: skip
        values = f"{slowest:g}s < {app.interval:g}s"
        yield place.error((written,), f"interval_max must not be below interval ({values})")
    known = known_policies()
    awake = [one.name for one in (*app.policies, *app.shadow) if not known[one.type].rests]
    if awake:
        message = (
            f"has no effect: {awake[0]} follows the time of day or the world outside, so the app "
            "is always looked at every interval"
        )
        yield place.warning(("interval_max",), message, "policies")


def _policies(app: AppSettings | DefaultsSettings, place: Place) -> Iterator[Finding]:
    first: dict[str, tuple[str, int]] = {}
    for key, policies in (("policies", app.policies), ("shadow", app.shadow)):
        for index, policy in enumerate(policies):
            if policy.name in first:
                message = f"policy name {policy.name!r} is used twice; give one of them a name"
                earlier = place.blame(*first[policy.name])
                path = place.blame(key, index)
                yield Finding(path, message, ((*place.at, key),), other=earlier)
            first.setdefault(policy.name, (key, index))


def _window(
    app: AppValues, direction: DirectionSettings, key: str, place: Place
) -> Iterator[Finding]:
    window = direction.stabilization_window
    if 0 < window < app.interval:
        message = f"is shorter than interval ({app.interval:g}s), so it has no effect"
        where = ("behavior", key, "stabilization_window")
        yield place.warning(where, message, "interval", hint="lengthen it, or set it to 0")


def _percents(app: AppValues, place: Place) -> Iterator[Finding]:
    """More than all workers cannot be removed; adding more than as many again is fine."""
    message = f"must be at most {_PERCENT_MAX:g} percent: no more than all can be removed"
    for index, rate in enumerate(app.behavior.scale_down.policies):
        if rate.type == "percent" and rate.value > _PERCENT_MAX:
            yield place.error(("behavior", "scale_down", "policies", index, "value"), message)
    budget = app.drain.disruption
    if budget is not None and budget.type == "percent" and budget.value > _PERCENT_MAX:
        yield place.error(("drain", "disruption", "value"), message)


def _startup(app: AppValues, place: Place) -> Iterator[Finding]:
    startup = app.startup
    for low, high in (("deadline_floor", "deadline_ceiling"), ("backoff", "backoff_ceiling")):
        limit = getattr(startup, high)
        if getattr(startup, low) > limit:
            written = (
                low if place.gives("startup", low) or not place.gives("startup", high) else high
            )
            which = f"{low} must not be above {high}"
            values = f"{getattr(startup, low):g}s > {limit:g}s"
            yield place.error(("startup", written), f"{which} ({values})")


def _order_deadline(app: AppValues, place: Place, total_timeout_s: float) -> Iterator[Finding]:
    if app.order_deadline is not None and app.order_deadline < total_timeout_s:
        message = (
            f"must be at least everai.total_timeout ({total_timeout_s:g}s), or an order could be "
            "given up while its request is still on the way"
        )
        found = place.error(("order_deadline",), message)
        yield Finding(found.path, message, (*found.uses, ("everai", "total_timeout")))
