"""Rules over several values of a configuration: errors, and warnings apart from them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from autoscaler.model import AppKey
from autoscaler.settings.app import AppSettings
from autoscaler.settings.app_rules import app_findings
from autoscaler.settings.custom_resources import custom_resources_findings
from autoscaler.settings.fields import has
from autoscaler.settings.finding import Finding, Place
from autoscaler.settings.leadership import leadership_findings
from autoscaler.settings.model import Settings
from autoscaler.settings.notification_rules import notification_findings
from autoscaler.settings.problems import Path
from autoscaler.settings.sharding import sharding_findings

_SLOW_LOOKS = 3
"""A request that may take longer than this many intervals is worth a warning."""


def cross_check(settings: Settings, data: dict[str, Any]) -> Iterator[Finding]:
    """Yield every finding.

    Args:
        settings: each value is valid by itself.
        data: the configuration as given, to blame the place where a value was written.
    """
    yield from _everai(settings)
    yield from _pace(settings)
    yield from _fleet(settings)
    yield from leadership_findings(settings.leader_election, data)
    yield from sharding_findings(settings)
    yield from _state(settings)
    yield from notification_findings(settings.notifications)
    limit_s = settings.everai.total_timeout
    if has(data, ("defaults",)):
        yield from app_findings(settings.defaults, Place(("defaults",), data), limit_s)
    for index, app in enumerate(settings.apps):
        yield from app_findings(app, Place(("apps", index), data), limit_s)
    for index, rule in enumerate(settings.discover):
        place = Place(("discover", index, "app"), data)
        yield from app_findings(rule.app, place, limit_s)
        if rule.app.max_workers is None:
            message = "is required, here or in defaults"
            yield Finding((*place.at, "max_workers"), message, ())
    yield from custom_resources_findings(settings.custom_resources)
    if not (settings.apps or settings.discover or settings.custom_resources.enabled):
        yield _nothing_to_do(data)
    yield from _same_app_twice(settings)


def _nothing_to_do(data: dict[str, Any]) -> Finding:
    uses: tuple[Path, ...] = (("apps",), ("discover",))
    if has(data, ("apps",)):
        return Finding(("apps",), "must have at least 1 entry", uses)
    hint = "the smallest is apps: [{name: …, max_workers: …}]"
    return Finding(("apps",), "is required", uses, hint=hint)


def is_loopback(endpoint: str) -> bool:
    """Whether an address stays on this machine."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _everai(settings: Settings) -> Iterator[Finding]:
    everai = settings.everai
    if everai.endpoint.lower().startswith("http:") and not is_loopback(everai.endpoint):
        message = "is not encrypted: the token is sent in clear text"
        yield _warn(("everai", "endpoint"), message, hint="use https://")
    for key in ("connect_timeout", "read_timeout"):
        if getattr(everai, key) > everai.total_timeout:
            message = f"is never reached: everai.total_timeout is {everai.total_timeout:g}s"
            yield _warn(("everai", key), message, ("everai", "total_timeout"))
    if everai.concurrency > everai.max_connections:
        message = f"apps wait for connections: everai.max_connections is {everai.max_connections}"
        yield _warn(("everai", "concurrency"), message, ("everai", "max_connections"))


def _pace(settings: Settings) -> Iterator[Finding]:
    """How often apps are looked at, against what the platform and the connection allow."""
    everai, apps, longer = settings.everai, settings.apps, "raise it, or lengthen interval"
    slow = [app for app in apps if app.interval * _SLOW_LOOKS < everai.total_timeout]
    if slow:
        message = f"one slow request costs {_count(slow)} more than {_SLOW_LOOKS} looks in a row"
        hint = "shorten it, or lengthen interval"
        yield _warn(("everai", "total_timeout"), message, ("apps",), hint=hint)
    needed = sum(1 / app.interval for app in apps)
    if everai.requests_per_second is not None and needed > everai.requests_per_second:
        message = f"the apps' intervals alone need {needed:.3g} requests per second"
        yield _warn(("everai", "requests_per_second"), message, ("apps",), hint=longer)
    hasty = [app for app in apps if app.interval < 1.0]
    if hasty and not is_loopback(everai.endpoint):
        message = f"{_count(hasty)} would be looked at more than once a second"
        yield _warn(("apps",), message, ("everai", "endpoint"), hint="set interval to 1s or more")


def _fleet(settings: Settings) -> Iterator[Finding]:
    ceiling, needed = settings.fleet.max_workers, sum(app.min_workers for app in settings.apps)
    if ceiling is not None and needed > ceiling:
        message = f"the apps' min_workers add up to {needed}; not all of them can be kept"
        yield _warn(("fleet", "max_workers"), message, ("apps",))
    unpriced = [app for app in settings.apps if not app.price_per_hour]
    if settings.fleet.max_price_per_hour is not None and unpriced:
        message = f"{_count(unpriced)} would not count, for want of a price"
        hint = "set price_per_hour"
        yield _warn(("fleet", "max_price_per_hour"), message, ("apps",), hint=hint)


def _state(settings: Settings) -> Iterator[Finding]:
    url, file = ("state", "url"), ("state", "url_file")
    if settings.state.url is not None and settings.state.url_file is not None:
        yield Finding(file, "is given together with state.url", (file, url), hint="keep one")


def _same_app_twice(settings: Settings) -> Iterator[Finding]:
    first: dict[AppKey, int] = {}
    for index, app in enumerate(settings.apps):
        key = AppKey(app.namespace, app.name)
        if key in first:
            here, there = ("apps", index), ("apps", first[key])
            uses = tuple((*at, part) for at in (here, there) for part in ("name", "namespace"))
            message = f"app {key} is given twice"
            yield Finding((*here, "name"), message, uses, other=(*there, "name"))
        first.setdefault(key, index)


def _warn(path: Path, message: str, *also: Path, hint: str = "") -> Finding:
    return Finding(path, message, (path, *also), "warning", hint)


def _count(apps: list[AppSettings]) -> str:
    example = f"{apps[0].namespace}/{apps[0].name}"
    return f"app {example}" if len(apps) == 1 else f"{len(apps)} apps ({example}, …)"
