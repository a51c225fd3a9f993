"""An order by hand on its way: said before, given, confirmed, and how to undo it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any, Literal

import typer

from autoscaler.app.clock import SystemClock
from autoscaler.cli.exits import printable, say
from autoscaler.cli.moments import span, stamp
from autoscaler.cli.remote import Fields, Remote
from autoscaler.model import AppKey

_BY_MAX = 100
_LEAST_S = 60.0


class Order:
    """Gives orders for one app.

    Args:
        remote: the daemon. key: the app. dry_run: only say what would happen.
    """

    def __init__(self, remote: Remote, key: AppKey, *, dry_run: bool) -> None:
        self._remote = remote
        self._key = key
        self._dry_run = dry_run
        self._now = SystemClock().now()

    def give(self, verb: str, body: Mapping[str, Any], lasts: str | None, meaning: str) -> None:
        """Give an order: ``verb`` of the API, what it says, how long, and what it means."""
        seconds = None if lasts is None else span("--for", lasts)
        before = self._remote.app(self._key)
        end = "until resumed" if seconds is None else f"until {stamp(self._now + seconds)}"
        lasting = {} if seconds is None else {"for": f"{round(seconds)}s"}
        if self._send(verb, {**body, **lasting}, f"{self._key}: {meaning}, {end}"):
            self._tell_bounds(before)
            say(f"to undo: autoscaler resume {self._key} --reason …")

    def end(self, why: str) -> None:
        """End every order."""
        held = self._remote.app(self._key).get("interventions") or []
        if not held:
            typer.echo(f"{self._key}: no order by hand holds; nothing to end")
            return
        kinds = ", ".join(str(one["kind"]) for one in held)
        self._send("resume", {"why": why}, f"{self._key}: {kinds} ended, policies decide")

    def end_half(self, why: str, direction: Literal["up", "down"]) -> None:
        """End a pause in one direction; the other half of it holds on, as long as it would."""
        held = self._remote.app(self._key).get("interventions") or []
        pause = next((one for one in held if one["kind"] == "pause"), None)
        if pause is None or pause["direction"] not in (direction, "both"):
            typer.echo(f"{self._key}: scaling {direction} is not paused by hand; nothing to end")
            return
        left = pause["until_epoch_s"]
        seconds = None if left is None else left - self._now
        meaning = f"{self._key}: scaling {direction} resumed"
        if pause["direction"] == direction or (seconds is not None and seconds < _LEAST_S):
            self._send("resume", {"why": why, "kinds": ["pause"]}, meaning)
            return
        other = "down" if direction == "up" else "up"
        lasting = {} if seconds is None else {"for": f"{round(seconds)}s"}
        body = {"why": why, "direction": other, **lasting}
        self._send("pause", body, f"{meaning}; scaling {other} stays paused")

    def _send(self, verb: str, body: Mapping[str, Any], meaning: str) -> bool:
        """Send it, and say what it did; return whether it was sent."""
        if self._dry_run:
            typer.echo(f"{meaning} (dry run: nothing was sent)")
            return False
        done = self._remote.order(self._key, verb, {**body, **_by()})
        typer.echo(meaning if done["changed"] else f"{meaning} (it held already)")
        if done.get("warning"):
            say(f"warning: {done['warning']}")
        for one in done.get("ended") or []:
            say(f"ended: {_words(one)}")
        return True

    def _tell_bounds(self, before: Fields) -> None:
        """Say what is there now, so that the order can be judged."""
        if before["workers"] is not None:
            say(
                f"there are {before['workers']} workers, {before['desired']} wanted so far"
                f" (minimum {before['min_workers']}, maximum {before['max_workers']})"
            )


def _words(one: Fields) -> str:
    number = one["direction"] if one["kind"] == "pause" else one["workers"]
    return printable(f"{one['kind']} {number} of {one['who']}: {one['why']}")


def _by() -> dict[str, str]:
    """Return who is at the keyboard; the token's name is noted by the daemon anyway."""
    try:
        name = printable(getpass.getuser()).strip()
    except (OSError, KeyError):
        return {}
    return {"by": name[:_BY_MAX]} if name else {}
