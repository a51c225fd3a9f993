"""Which of the objects give an app, beside the file, and why the others do not.

The outcome depends on what stands there and not on the order in which it came: the file goes before
objects, and of two objects the older one goes first. An object whose spec is wrong keeps the last
good one; the daemon remembers it, and the object's own status holds it for the next daemon.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from autoscaler.model import AppKey
from autoscaler.ports import Resource, ResourceKey
from autoscaler.settings.app import AppSettings
from autoscaler.settings.model import Settings
from autoscaler.settings.problems import InvalidConfiguration
from autoscaler.settings.resource.given import Base, check_app
from autoscaler.settings.resource.names import KIND

_LISTED = 5
"""Problems of a spec that are named; the rest are counted."""


class Readiness(StrEnum):
    """Why an object is ready or not, as its condition Ready says."""

    ACCEPTED = "Accepted"
    """Its spec is in force."""
    INVALID_SPEC = "InvalidSpec"
    """Its spec is wrong; the last good one, if any, stays in force."""
    DUPLICATE_APP = "DuplicateApp"
    """The file, or an older object, gives the same app."""


@dataclass(frozen=True, slots=True)
class LastGood:
    """The last spec of an object that was good, and its generation."""

    generation: int
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one object.

    Attributes:
        app: which app its spec in force names; ``None`` where no spec ever was good.
        scales: whether that app is scaled as this object says.
        last_good: what is in force instead of a wrong spec.
    """

    readiness: Readiness
    message: str
    app: AppKey | None = None
    scales: bool = False
    last_good: LastGood | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """Settings with the apps of the objects behind those of the file, and every verdict."""

    settings: Settings
    verdicts: dict[ResourceKey, Verdict]


@dataclass(frozen=True, slots=True)
class _Checked:
    """An object's spec, checked: ``settings`` of the spec in force; ``problem`` of a wrong one."""

    incarnation: tuple[str, int]
    settings: AppSettings | None
    good: LastGood | None
    problem: str = ""


class Judge:
    """Judges all objects each time; what did not change is not checked again."""

    def __init__(self) -> None:
        self._base: Base | None = None
        self._checked: dict[ResourceKey, _Checked] = {}

    def judge(self, settings: Settings, source: str, resources: Iterable[Resource]) -> Judged:
        """Return what is in force.

        Args:
            settings: of the file.
            source: the file's name, for messages.
            resources: every object there is.
        """
        base = Base.of(settings)
        anew = self._base != base
        self._base = base
        before, self._checked = self._checked, {}
        taken = {
            AppKey(app.namespace, app.name): f"{source}: apps[{index}]"
            for index, app in enumerate(settings.apps)
        }
        apps: list[AppSettings] = []
        verdicts: dict[ResourceKey, Verdict] = {}
        for resource in sorted(resources, key=lambda one: (one.created_at, one.key)):
            known = before.get(resource.key)
            if known is None or anew or known.incarnation != resource.incarnation:
                known = _check(resource, base, known)
            self._checked[resource.key] = known
            verdict = verdicts[resource.key] = _verdict(resource, known, taken)
            if verdict.scales and known.settings is not None:
                apps.append(known.settings)
        whole = settings.model_copy(update={"apps": (*settings.apps, *apps)})
        return Judged(whole, verdicts)


def _check(resource: Resource, base: Base, known: _Checked | None) -> _Checked:
    try:
        settings = check_app(resource.key.name, resource.spec, base)
    except InvalidConfiguration as error:
        kept = _kept(resource, base, known)
        return replace(kept, incarnation=resource.incarnation, problem=_words(error))
    good = LastGood(resource.generation, resource.spec)
    return _Checked(resource.incarnation, settings, good)


def _kept(resource: Resource, base: Base, known: _Checked | None) -> _Checked:
    """Return what stays in force: what this daemon knows, else what the status remembers."""
    ours = known if known is not None and known.incarnation[0] == resource.uid else None
    good = ours.good if ours is not None else remembered(resource.status)
    if good is None:
        return _Checked(resource.incarnation, None, None)
    try:
        settings: AppSettings | None = check_app(resource.key.name, good.spec, base)
    except InvalidConfiguration:
        # it was good with other defaults
        settings = None if ours is None else ours.settings
    return _Checked(resource.incarnation, settings, good)


def remembered(status: Mapping[str, Any]) -> LastGood | None:
    """Return the last good spec that a status holds."""
    held = status.get("lastGood")
    if not isinstance(held, Mapping):
        return None
    generation, spec = held.get("generation"), held.get("spec")
    if not isinstance(generation, int) or not isinstance(spec, Mapping):
        return None
    return LastGood(generation, spec)


def _verdict(resource: Resource, checked: _Checked, taken: dict[AppKey, str]) -> Verdict:
    settings, good = checked.settings, checked.good
    if settings is None or good is None:
        message = f"{checked.problem}; nothing is scaled until it is repaired"
        return Verdict(Readiness.INVALID_SPEC, message)
    app = AppKey(settings.namespace, settings.name)
    if app in taken:
        message = f"app {app} is given twice: here and by {taken[app]}, which counts; remove one"
        return Verdict(Readiness.DUPLICATE_APP, message, app)
    taken[app] = f"{KIND} {resource.key}"
    if checked.problem:
        message = f"{checked.problem}; generation {good.generation} stays in force"
        return Verdict(Readiness.INVALID_SPEC, message, app, scales=True, last_good=good)
    return Verdict(Readiness.ACCEPTED, f"app {app} is scaled as it says", app, scales=True)


def _words(error: InvalidConfiguration) -> str:
    problems = list(_texts(error))
    rest = len(problems) - _LISTED
    more = (f"and {rest} more",) if rest > 0 else ()
    return "; ".join((*problems[:_LISTED], *more))


def _texts(error: InvalidConfiguration) -> Iterator[str]:
    for problem in error.problems:
        if problem.severity == "error":
            yield str(problem)
