"""An app that an object gives, checked as if it stood in the file.

The same models and rules are used, ``defaults`` of the file fill its gaps, and every problem names
its place from ``spec`` on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from autoscaler.settings import loading
from autoscaler.settings.app import AppSettings, with_defaults
from autoscaler.settings.app_rules import app_findings
from autoscaler.settings.document import Document
from autoscaler.settings.environment import Environment
from autoscaler.settings.finding import Place
from autoscaler.settings.model import Settings
from autoscaler.settings.origin import Layers
from autoscaler.settings.problems import InvalidConfiguration, Path, Problem, path_text
from autoscaler.settings.resource.entries import OF_THE_FILE

_AT = ("apps", 0)
_AS_TEXT = path_text(_AT)
_FILE_SUFFIX = "_file"


@dataclass(frozen=True, slots=True)
class Base:
    """What of the file every object is checked against. Made once, used for thousands.

    Attributes:
        data: the file's values that an app's checks look at, as the file would have them.
        total_timeout_s: longest time of one request to the platform.
    """

    data: dict[str, Any]
    total_timeout_s: float

    @classmethod
    def of(cls, settings: Settings) -> Base:
        """Return what is needed of settings."""
        used = settings.model_dump(exclude_unset=True, include={"everai", "defaults"})
        return cls(used, settings.everai.total_timeout)

    @property
    def defaults(self) -> dict[str, Any]:
        """What fills an app's gaps."""
        return dict(self.data.get("defaults") or {})


def check_app(name: str, spec: Mapping[str, Any], base: Base) -> AppSettings:
    """Return the settings of the app that an object gives.

    Args:
        name: the object's, for a spec that names no app.
        spec: as the API server has it.
        base: what of the file it is checked against.

    Raises:
        InvalidConfiguration: something is wrong; it names every problem.
    """
    foreign = tuple(_foreign(spec))
    if foreign:
        raise InvalidConfiguration(foreign)
    given = {**spec, "name": spec.get("name") or name}
    try:
        checked = AppSettings.model_validate(with_defaults(base.defaults, given))
    except ValidationError:
        raise _explained(given, base) from None
    place = Place(_AT, {**base.data, "apps": [given]})
    findings = app_findings(checked, place, base.total_timeout_s)
    if any(finding.severity == "error" for finding in findings):
        raise _explained(given, base)
    return checked


def _foreign(spec: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what an object must not name: files and code of the daemon's machine.

    The definition refuses them too. But whoever may change the definition must not gain the rights
    of the daemon by it: a policy would send a token that it finds in a file to any address.
    """
    hint = "put this app into the configuration file"
    for path, key, value in _keys(spec, ("spec",)):
        if key.endswith(_FILE_SUFFIX) and value:
            message = "must not be given by an object: it names a file of the daemon's machine"
            yield Problem(path_text((*path, key)), message, hint=hint)
        elif key == "type" and value in OF_THE_FILE:
            message = (
                f"{value} must not be given by an object: it runs code of the daemon's machine"
            )
            yield Problem(path_text((*path, key)), message, hint=hint)


def _keys(value: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    """Yield every key of every mapping, with where it stands and its value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield path, str(key), inner
            yield from _keys(inner, (*path, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _keys(inner, (*path, index))


def _explained(given: dict[str, Any], base: Base) -> InvalidConfiguration:
    """Check once more, slowly, as a file of this one app, for the words of every problem."""
    layers = Layers(
        {}, Environment(), Environment(), Document("", {**base.data, "apps": [given]}), {}
    )
    try:
        loading.validated(layers, [])
    except InvalidConfiguration as error:
        errors = (problem for problem in error.problems if problem.severity == "error")
        return InvalidConfiguration(tuple(_from_spec(problem) for problem in errors))
    return InvalidConfiguration((Problem("spec", "is refused by the configuration's rules"),))


def _from_spec(problem: Problem) -> Problem:
    ours = problem.path.startswith(_AS_TEXT)
    path = f"spec{problem.path.removeprefix(_AS_TEXT)}" if ours else problem.path
    hint = problem.hint.replace(_AS_TEXT, "spec")
    return replace(problem, path=path, hint=hint, source="", line=None)
