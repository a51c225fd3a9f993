"""From the settings of notifications to targets, and how their secrets are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random  # noqa: TID251 - an instance to inject is made here

from autoscaler.app.clock import SystemClock
from autoscaler.notifications import Event, Format, Notifier, Quiet, Severity, Target
from autoscaler.policies.cron_windows import Matching, Starting, When
from autoscaler.policies.schedule import zone_of
from autoscaler.settings import NotificationSettings, Settings
from autoscaler.settings.notifications import QuietSettings, QuietWindowSettings, is_address
from autoscaler.telemetry.decision_log import TROUBLE
from autoscaler.telemetry.redaction import cut_secrets

_SECRET_BYTES_MAX = 65_536


def to_targets(settings: Settings) -> tuple[Target, ...]:
    """Return one target per entry, in the order of the configuration."""
    return tuple(_target(entry) for entry in settings.notifications)


def _target(given: NotificationSettings) -> Target:
    return Target(
        name=given.name,
        format=Format(given.format),
        address=_address(given),
        secret=None if given.secret_file is None else _reader(given.secret_file),
        token_file="" if given.token_file is None else str(given.token_file),
        events=frozenset(Event(name) for name in given.events),
        reasons=frozenset(given.reasons or (reason.value for reason in TROUBLE)),
        apps=given.apps,
        severity=Severity[given.severity.upper()],
        after_s=given.after,
        window_s=given.window,
        quiet=None if given.quiet is None else _quiet(given.quiet),
        timeout_s=given.timeout,
    )


def _quiet(given: QuietSettings) -> Quiet:
    windows = tuple(_window(each) for each in given.windows)
    return Quiet(zone_of(given.timezone), windows, Severity[given.severity.upper()])


def _window(given: QuietWindowSettings) -> When:
    if given.duration is None:
        return Matching(given.cron)
    return Starting(given.cron, given.duration)


def _address(given: NotificationSettings) -> Callable[[], str]:
    if given.url is not None:
        return given.url.get_secret_value
    if given.url_file is None:
        raise ValueError(f"notifications: {given.name} has neither url nor url_file")
    read = _reader(given.url_file)

    def address() -> str:
        url = read()
        if not is_address(url):
            raise ValueError(f"{given.url_file} holds no address")
        return url

    return address


def _reader(path: Path) -> Callable[[], str]:
    """Return what reads a file anew each time; the file may be replaced at any time."""

    def read() -> str:
        with path.open("rb") as file:
            return file.read(_SECRET_BYTES_MAX).decode().strip()

    return read


async def try_out(settings: Settings, names: frozenset[str]) -> dict[str, str]:
    """Send a trial message to these targets; return what went wrong with each, or nothing."""
    chosen = [target for target in to_targets(settings) if target.name in names]
    notifier = Notifier(chosen, SystemClock(), Random())  # noqa: S311 - jitters retries
    try:
        tried = await notifier.try_out()
    finally:
        await notifier.aclose(0)
    return {name: cut_secrets(each.trouble) for name, each in tried.items()}
