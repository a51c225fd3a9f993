"""What an app's policies ask for, against its bounds: numbers that can never come to be.

All of these are warnings. Such a configuration is safe, since the bounds win; but its owner
expects something that will not happen.
"""

from __future__ import annotations

from collections.abc import Iterator

from autoscaler.model import Role
from autoscaler.policies import PolicyParams
from autoscaler.policies.everai_builtin import EverAIFreeWorkerParams, EverAIParams
from autoscaler.policies.fixed import FixedParams
from autoscaler.policies.free_workers import FreeWorkersParams
from autoscaler.policies.predictive import PredictiveParams
from autoscaler.policies.schedule import ScheduleParams
from autoscaler.settings.app import AppSettings, DefaultsSettings
from autoscaler.settings.finding import Finding, Place
from autoscaler.settings.policy import PolicySettings

App = AppSettings | DefaultsSettings
_Key = tuple[str | int, ...]


def policy_findings(app: App, place: Place) -> Iterator[Finding]:
    """Yield warnings about the policies of one app, or of ``defaults``."""
    yield from _nobody_asks(app, place)
    if app.max_workers is None:
        return
    for index, policy in enumerate(app.policies):
        key = ("policies", index)
        yield from _bounds(app, policy.params, key, place)
        if policy.role is not Role.CEILING:
            yield from _buffer(policy.params, key, place, app.max_workers)


def _nobody_asks(app: App, place: Place) -> Iterator[Finding]:
    """Ceilings, forecasts and a schedule's bounds only limit what somebody else wants."""
    if any(_asks(policy) for policy in app.policies):
        return
    message = (
        f"no policy here follows the load: without a floor the app stays at min_workers"
        f" ({app.min_workers})"
    )
    yield place.warning(("policies",), message, "min_workers", hint="add one, such as queue")


def _asks(policy: PolicySettings) -> bool:
    """Whether a policy ever says a number that is wanted, or a floor of its own role."""
    if policy.role is Role.CEILING or isinstance(policy.params, PredictiveParams):
        return False
    if isinstance(policy.params, ScheduleParams):
        return any(window.workers is not None for window in policy.params.windows)
    return True


def _bounds(app: App, params: PolicyParams, key: _Key, place: Place) -> Iterator[Finding]:
    """Yield numbers outside the app's bounds, which win."""
    if isinstance(params, FixedParams):
        yield from _outside(app, params.workers, (*key, "workers"), place)
    if isinstance(params, EverAIParams):
        for name in ("min_workers", "max_workers"):
            yield from _outside(app, getattr(params, name), (*key, name), place)
    if isinstance(params, ScheduleParams):
        for number, window in enumerate(params.windows):
            for name in ("min_workers", "workers", "max_workers"):
                where = (*key, "windows", number, name)
                yield from _outside(app, getattr(window, name), where, place)


def _outside(app: App, value: int | None, key: _Key, place: Place) -> Iterator[Finding]:
    low, high = app.min_workers, app.max_workers
    if value is None or high is None:
        return
    # A window that opens up to more, or down to fewer, than the app allows loses nothing.
    useless_low = value < low and key[-1] != "min_workers"
    useless_high = value > high and key[-1] != "max_workers"
    if useless_low or useless_high:
        message = f"is outside the bounds {low} to {high}, which win"
        yield place.warning(key, message, "min_workers", "max_workers")


def _buffer(params: PolicyParams, key: _Key, place: Place, high: int) -> Iterator[Finding]:
    """A reserve as large as the maximum leaves nothing to scale."""
    name, value = "", 0
    if isinstance(params, FreeWorkersParams):
        name, value = "buffer", params.buffer
    elif isinstance(params, EverAIFreeWorkerParams):
        name, value = "min_free_workers", params.min_free_workers
    if 0 < high <= value:
        message = f"cannot be kept under load: max_workers is {high}, and the app always at it"
        yield place.warning((*key, name), message, "max_workers")
