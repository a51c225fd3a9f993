"""An app's EverAI manifest, its ``autoscaler.builtin`` section turned into our configuration.

The platform's policies keep their names and parameters here (``everai-simple``,
``everai-free-worker``). Its decorators become what does their job: ``time-match`` a ``schedule``,
``average`` a stabilization window.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.model.errors import ConfigurationError

_POLICIES = {"simple": "everai-simple", "free-worker": "everai-free-worker"}
_BOUNDS = ("min_workers", "max_workers")
_MATCH = re.compile(r"match\((.+)\)")
SAMPLE_S = 15
"""Seconds that one of ``used_histories`` stands for: the interval between two of our looks."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A configuration with one app, and what a person should know of the translation."""

    configuration: dict[str, Any]
    notes: tuple[str, ...]


def from_manifest(manifest: object) -> Imported:
    """Translate a manifest, as parsed from its YAML.

    Raises:
        ConfigurationError: it is no app manifest, or the platform's policy in it is not known.
    """
    root = _mapping(manifest, "the manifest")
    metadata = _mapping(root.get("metadata"), "metadata")
    scaler = _mapping(_mapping(root.get("spec"), "spec").get("autoscaler"), "spec.autoscaler")
    if "builtin" not in scaler:
        has = ", ".join(sorted(scaler)) or "nothing"
        raise ConfigurationError(f"spec.autoscaler has no builtin section to import; it has {has}")
    builtin = _mapping(scaler["builtin"], "spec.autoscaler.builtin")
    kind = _POLICIES.get(str(builtin.get("name")))
    if kind is None:
        raise ConfigurationError(
            f"spec.autoscaler.builtin.name {builtin.get('name')!r} is not known; known are"
            f" {', '.join(_POLICIES)}"
        )
    notes: list[str] = []
    arguments = _arguments(builtin.get("arguments"), "spec.autoscaler.builtin.arguments", notes)
    app: dict[str, Any] = {"name": str(metadata.get("name", ""))}
    if metadata.get("namespace", "default") != "default":
        app["namespace"] = str(metadata["namespace"])
    app |= {"min_workers": arguments.pop("min_workers", 1)}
    app |= {"max_workers": arguments.pop("max_workers", 1)}
    app["policies"] = [{"type": kind, **arguments}]
    _decorate(app, _mapping(builtin.get("decorators") or {}, "decorators"), notes)
    notes.append("say `autoscaler: {manual: …}` in the manifest, or two autoscalers would fight")
    return Imported({"apps": [app]}, tuple(notes))


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{where} is missing or no mapping; is this an app's manifest?")
    return value


def _arguments(given: object, where: str, notes: list[str]) -> dict[str, Any]:
    """Return arguments as numbers and texts; those that come from a secret cannot be read here."""
    found: dict[str, Any] = {}
    for name, value in _mapping(given or {}, where).items():
        plain = value.get("value") if isinstance(value, dict) else value
        if plain is None:
            notes.append(f"{where}.{name} comes from a secret or config map; fill it in by hand")
            continue
        found[name] = _number(plain)
    return found


def _number(value: object) -> object:
    text = str(value)
    return int(text) if re.fullmatch(r"-?\d+", text) else value


def _decorate(app: dict[str, Any], decorators: Mapping[str, Any], notes: list[str]) -> None:
    for item in decorators.get("factors") or []:
        name, arguments = _decorator(item, notes)
        if name == "average":
            window_s = int(arguments.get("used_histories", 5)) * SAMPLE_S
            app["behavior"] = {"scale_up": {"stabilization_window": f"{window_s}s"}}
        else:
            notes.append(f"decorator {name!r} is not known and was left out")
    for item in decorators.get("arguments") or []:
        name, arguments = _decorator(item, notes)
        if name == "time-match":
            app["policies"].append(_schedule(arguments, notes))
        else:
            notes.append(f"decorator {name!r} is not known and was left out")


def _decorator(item: object, notes: list[str]) -> tuple[str, dict[str, Any]]:
    decorator = _mapping(item, "a decorator")
    name = str(decorator.get("name"))
    return name, _arguments(decorator.get("arguments"), f"decorator {name}", notes)


def _schedule(arguments: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Return a schedule with a window per ``match(…)`` and the bounds under its prefix."""
    zone = arguments.pop("timezone", None)
    matches = {key: str(prefix) for key, prefix in arguments.items() if _MATCH.fullmatch(key)}
    windows = []
    for key, prefix in matches.items():
        match = _MATCH.fullmatch(key)
        prefixed = {k.removeprefix(prefix): v for k, v in arguments.items() if k.startswith(prefix)}
        bounds = {name: prefixed.pop(name) for name in _BOUNDS if name in prefixed}
        notes += [f"{prefix}{name}: a schedule cannot change it; left out" for name in prefixed]
        if match is not None and bounds:
            windows.append({"cron": match[1], **bounds})
    notes.append(
        "a schedule's min_workers and max_workers hold within the app's own bounds: raise the app's"
        " max_workers where a window needs more"
    )
    return {"type": "schedule", "timezone": zone or "UTC", "windows": windows}
