"""Rules over several values of a target of notifications."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from autoscaler.settings.finding import Finding
from autoscaler.settings.notifications import NotificationSettings
from autoscaler.settings.problems import Path

_SIGNED = ("feishu", "dingtalk")


def notification_findings(targets: tuple[NotificationSettings, ...]) -> Iterator[Finding]:
    """Yield every finding."""
    first: dict[str, int] = {}
    for index, target in enumerate(targets):
        at: Path = ("notifications", index)
        yield from _address(target, at)
        yield from _keys_of_a_format(target, at)
        if target.name in first:
            there: Path = ("notifications", first[target.name], "name")
            uses = ((*at, "name"), there)
            yield Finding((*at, "name"), "name is given twice", uses, other=there)
        first.setdefault(target.name, index)


def _address(target: NotificationSettings, at: Path) -> Iterator[Finding]:
    uses = ((*at, "url"), (*at, "url_file"))
    if target.url is None and target.url_file is None:
        yield Finding((*at, "url_file"), "is required, or url", uses)
    if target.url is None:
        return
    if target.url_file is not None:
        yield Finding((*at, "url_file"), "must not be given beside url", uses)
    if urlsplit(target.url.get_secret_value()).scheme == "http":
        message = "sends messages, and its own secret address, in clear text"
        yield Finding((*at, "url"), message, uses, "warning", "use https://")


def _keys_of_a_format(target: NotificationSettings, at: Path) -> Iterator[Finding]:
    if target.secret_file is not None and target.format not in _SIGNED:
        uses = ((*at, "secret_file"), (*at, "format"))
        yield Finding((*at, "secret_file"), f"goes with {' or '.join(_SIGNED)} only", uses)
    if target.token_file is not None and target.format != "generic":
        uses = ((*at, "token_file"), (*at, "format"))
        yield Finding((*at, "token_file"), "goes with generic only", uses)
