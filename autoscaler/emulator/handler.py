"""A request goes in, a reply comes out: the whole API of the platform without a socket.

The HTTP server and an in-process transport use the same handler, so a simulation in virtual time
meets exactly the platform that a process meets over TCP.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from heapq import heappop, heappush
from itertools import count

import msgspec

from autoscaler.emulator import wire
from autoscaler.emulator.admin import Admin
from autoscaler.emulator.app import App
from autoscaler.emulator.books import ScaleCall
from autoscaler.emulator.calls import Refusal, invalid, scale_down, scale_up
from autoscaler.emulator.faults import (
    STILL_SHOWN,
    Fault,
    Injector,
    Reply,
    grpc_error,
    instead_of_serving,
    json_reply,
)
from autoscaler.emulator.fleet import Fleet
from autoscaler.emulator.lists import Lists
from autoscaler.emulator.referee import Referee
from autoscaler.emulator.rng import stream
from autoscaler.emulator.scenario import Scenario

_APP = re.compile(r"/api/apps/v1/namespaces/([^/]+)/apps/([^/:]+)([/:].*)?")
_APPS = re.compile(r"/api/apps/v1(?:/namespaces/([^/]+))?/apps/?")
_OPERATIONS = {
    ("GET", "/workers"): "list",
    ("POST", "/workers:scale-up"): "scale-up",
    ("POST", "/workers:scale-down"): "scale-down",
    ("GET", "/request_queues"): "queue",
    ("GET", ""): "app",
    ("GET", "/events"): "events",
    ("GET", "/request_statistic"): "statistic",
    ("POST", ":pause"): "pause",
    ("POST", ":resume"): "resume",
}
_INTERVALS_S = {
    "INTERVAL_UNSPECIFIED": 3600.0,
    "INTERVAL_HOUR": 3600.0,
    "INTERVAL_DAY": 86400.0,
    "INTERVAL_MOUTH": 30 * 86400.0,
}
_MAX_RECENT_DAYS = 365
Serve = Callable[[Fault | None, float], Reply]
"""Carries out one parsed request, with the fault that hits it, at an epoch second."""
_DIGITS = re.compile(r"-?\d{1,18}")


class Handler:
    """Answers requests from a fleet.

    Args:
        scenario: what the fleet was made from; its seed also draws the faults.
        fleet: whose clock every answer follows.
        token: bearer token that callers must show; may be changed while running.
        now: the fleet's time at this moment, epoch seconds.
        admin: whether ``/emulator/…`` is served (no token needed: for loopback only).
    """

    def __init__(
        self,
        scenario: Scenario,
        fleet: Fleet,
        *,
        token: str,
        now: Callable[[], float],
        admin: bool = True,
    ) -> None:
        self.fleet = fleet
        self.token = token
        self.injector = Injector(scenario.faults, stream(scenario.seed, "faults"))
        self._now = now
        self._admin = Admin(fleet, self.injector) if admin else None
        self._referees = {app.knobs.key: Referee(app) for app in fleet.apps()}
        self._lists = Lists()
        self._late: list[tuple[float, int, Serve]] = []
        self._order = count()
        self._date_s, self._date = -1, ""

    def handle(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> Reply:
        """Answer one request.

        Args:
            method: in capitals.
            path: decoded, without the query.
            query: its parameters.
            headers: with names in lower case.
            body: as received.
        """
        now = self._now()
        self.catch_up(now)
        if self._admin is not None and path.startswith("/emulator/"):
            reply = self._admin.handle(method, path, body, now)
        elif not self._authorised(headers):
            reply = grpc_error(401, 16, "invalid token")
        else:
            reply = self._dispatch(method, path, query, headers, body, now)
        return replace(reply, headers={**reply.headers, "date": self._http_date(now)})

    def catch_up(self, now: float) -> None:
        """Carry out the calls that reach the platform late and are due by ``now``."""
        while self._late and self._late[0][0] <= now:
            at, _, serve = heappop(self._late)
            serve(None, at)

    def _authorised(self, headers: Mapping[str, str]) -> bool:
        shown = headers.get("authorization", "")
        return hmac.compare_digest(shown.encode(), f"Bearer {self.token}".encode())

    def _http_date(self, now: float) -> str:
        if int(now) != self._date_s:
            self._date_s, self._date = int(now), formatdate(int(now), usegmt=True)
        return self._date

    def _dispatch(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        now: float,
    ) -> Reply:
        whole = _APPS.fullmatch(path)
        if whole is not None and method == "GET":
            return self._with_faults("apps", "", now, lambda _, at: self._apps(whole[1], at))
        match = _APP.fullmatch(path)
        if match is None:
            return grpc_error(404, 5, "Not Found")
        operation = _OPERATIONS.get((method, match[3] or ""))
        if operation is None:
            return grpc_error(501, 12, "Method Not Allowed")

        def serve(fault: Fault | None, at: float) -> Reply:
            app = self.fleet.visit(match[1], match[2], at)
            if app is None:
                return grpc_error(404, 5, f"app {match[1]}/{match[2]} not found")
            return self._serve(app, operation, query, headers, body, fault)

        return self._with_faults(operation, f"{match[1]}/{match[2]}", now, serve)

    def _with_faults(self, operation: str, app: str, now: float, serve: Serve) -> Reply:
        fault = self.injector.draw(operation, app, now - self.fleet.epoch_s)
        if fault is None:
            return serve(None, now)
        if fault.kind == "late":
            heappush(self._late, (now + fault.delay_s, next(self._order), serve))
        early = instead_of_serving(fault)
        if early is not None:
            return early
        reply = serve(fault, now)
        if operation == "list":
            return reply  # spoiled already: the referee must know what was shown
        return self.injector.spoil(fault, reply)

    def _apps(self, namespace: str | None, now: float) -> Reply:
        self.fleet.advance(now)
        return json_reply(wire.app_list(self.fleet.apps(namespace)))

    def _serve(
        self,
        app: App,
        operation: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        fault: Fault | None,
    ) -> Reply:
        caller = headers.get("user-agent", "")
        try:
            match operation:
                case "list":
                    return self._list(app, caller, query, fault)
                case "scale-up" | "scale-down":
                    return self._scale(app, operation, caller, body)
                case _:
                    return _answer(app, operation, query)
        except Refusal as refusal:
            return grpc_error(refusal.status, refusal.code, refusal.message)

    def _list(self, app: App, caller: str, query: Mapping[str, str], fault: Fault | None) -> Reply:
        days = _recent_days(query)
        keep = self.injector.keeps_lists
        body, glance = self._lists.answer(app, days, fault=fault, keep=keep)
        reply, referee = json_reply(body), self._referees[app.knobs.key]
        if fault is None:
            referee.saw(caller, glance)
            return reply
        reply = self.injector.spoil(fault, reply)
        if fault.kind in STILL_SHOWN:
            referee.saw(caller, glance)
        elif fault.kind == "unknown-enums":
            referee.saw(caller, self._lists.as_shown(glance, reply.body))
        return reply

    def _scale(self, app: App, operation: str, caller: str, body: bytes) -> Reply:
        app.books.calls.append(ScaleCall(app.now, caller, operation))
        referee, order = self._referees[app.knobs.key], _json_object(body)
        if operation == "scale-up":
            number = _integer(order, "scaleUpWorkersNum")
            return json_reply(wire.scale_up_reply(scale_up(app, referee, caller, number)))
        number = _integer(order, "scaleDownWorkersNum")
        scale_down(app, referee, caller, number, _worker_ids(order))
        return json_reply(b"{}")


def _answer(app: App, operation: str, query: Mapping[str, str]) -> Reply:
    match operation:
        case "queue":
            return json_reply(wire.queue_list(app))
        case "events":
            return json_reply(wire.event_list(app))
        case "statistic":
            return json_reply(wire.request_statistic(app, _interval_s(query)))
        case "pause":
            app.pause()
        case "resume":
            app.resume()
        case _:
            return json_reply(wire.app_reply(app))
    return json_reply(b"{}")


def _recent_days(query: Mapping[str, str]) -> int | None:
    """Return from how many days back the workers that are gone are wanted; ``None`` for not."""
    if query.get("showAll", "false").lower() not in ("true", "1"):
        return None
    days = query.get("recentDays", "2")
    if not _DIGITS.fullmatch(days) or not 0 <= int(days) <= _MAX_RECENT_DAYS:
        raise invalid(f"recentDays {days!r} is not a number of days")
    return int(days)


def _interval_s(query: Mapping[str, str]) -> float:
    name = query.get("interval", "INTERVAL_HOUR")
    if name not in _INTERVALS_S:
        raise invalid(f"interval {name!r} is unknown")
    return _INTERVALS_S[name]


def _json_object(body: bytes) -> dict[str, object]:
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid("the body is not JSON") from None
    if not isinstance(content, dict):
        raise invalid("the body is not a JSON object")
    return content


def _integer(order: Mapping[str, object], name: str) -> int:
    """Take an int64 as proto3 JSON does: a number, or the same in quotes; missing is 0."""
    value = order.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise invalid(f"{name} is not an int64")
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise invalid(f"{name} {value!r} is not an int64")
    return int(value)


def _worker_ids(order: Mapping[str, object]) -> list[str]:
    ids = order.get("workerIds", [])
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise invalid("workerIds is not a list of strings")
    return ids
