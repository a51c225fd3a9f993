"""Apps that need not be listed: rules that take every app of the platform that matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from autoscaler.model import AppInfo, AppKey, Scaler
from autoscaler.settings.app import AppSettings
from autoscaler.settings.model import DiscoverSettings, Settings
from autoscaler.settings.sharing import share_equal


@dataclass(frozen=True, slots=True)
class Discovered:
    """What discovery made of a configuration.

    Attributes:
        settings: with the apps that were found behind those that are listed.
        refused: matching apps that were not taken, and why.
    """

    settings: Settings
    refused: tuple[tuple[AppKey, str], ...]


def with_discovered(settings: Settings, found: Iterable[AppInfo]) -> Discovered:
    """Return the settings with every app of ``found`` that a rule takes; the first rule counts.

    A listed app is never discovered. Only apps whose manifest says ``autoscaler.manual`` are taken.
    """
    if not settings.discover:
        return Discovered(settings, ())
    listed = {AppKey(app.namespace, app.name) for app in settings.apps}
    taken: dict[AppKey, AppSettings] = {}
    refused: dict[AppKey, str] = {}
    for info in found:
        rule = next((rule for rule in settings.discover if _matches(rule, info)), None)
        if rule is None or info.key in listed:
            continue
        if info.scaler is Scaler.MANUAL:
            taken[info.key] = _from_rule(rule, info.key)
        elif info.scaler.is_platform:
            refused[info.key] = f"the platform scales it itself (autoscaler.{info.scaler.value})"
        else:
            refused[info.key] = "its manifest does not say autoscaler.manual"
    apps = (*settings.apps, *(taken[key] for key in sorted(taken)))
    return Discovered(settings.model_copy(update={"apps": apps}), tuple(sorted(refused.items())))


def _matches(rule: DiscoverSettings, info: AppInfo) -> bool:
    return (
        (rule.namespace is None or rule.namespace == info.key.namespace)
        and any(fnmatchcase(info.key.name, glob) for glob in rule.names)
        and all(info.labels.get(name) == value for name, value in rule.labels.items())
    )


def _from_rule(rule: DiscoverSettings, key: AppKey) -> AppSettings:
    """Return the rule's values as those of an app; they were validated with the rule."""
    values = dict(rule.app) | {"name": key.name, "namespace": key.namespace}
    app = AppSettings.model_construct(**values)
    share_equal(app)
    return app
