"""The emulator's own endpoints under ``/emulator/``: its books, and switches for faults and events.

GET    /emulator/books            the books of every app
GET    /emulator/faults           the faults in force, and how often each kind has hit
PUT    /emulator/faults           {"faults": […]} puts these in their place
DELETE /emulator/faults           switches all off
POST   /emulator/apps/NS/NAME     {"do": "crash"} and the like happen now
"""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import ValidationError

from autoscaler.emulator.app import App
from autoscaler.emulator.distributions import Strict
from autoscaler.emulator.faults import Fault, Injector, Reply, grpc_error, json_reply
from autoscaler.emulator.fleet import Fleet
from autoscaler.emulator.scenario import Event, explain
from autoscaler.emulator.worker import Phase


class FaultList(Strict):
    """Body of ``PUT /emulator/faults``."""

    faults: tuple[Fault, ...]


class Nudge(Event):
    """Body of ``POST /emulator/apps/…``: a scenario's event that happens at once."""

    at_s: float = 0.0


class Admin:
    """Serves the emulator's own endpoints."""

    def __init__(self, fleet: Fleet, injector: Injector) -> None:
        self._fleet = fleet
        self._injector = injector

    def handle(self, method: str, path: str, body: bytes, now: float) -> Reply:
        """Answer one request at ``now`` (epoch seconds)."""
        try:
            return self._route(method, path, body, now)
        except ValidationError as error:
            return grpc_error(400, 3, explain(error))

    def _route(self, method: str, path: str, body: bytes, now: float) -> Reply:
        match method, path.split("/")[2:]:
            case "GET", ["books"]:
                return json_reply(msgspec.json.encode(books(self._fleet, now)))
            case "GET", ["faults"]:
                return json_reply(self._faults())
            case "PUT", ["faults"]:
                self._injector.switch(FaultList.model_validate_json(body).faults)
                return json_reply(self._faults())
            case "DELETE", ["faults"]:
                self._injector.switch(())
                return json_reply(self._faults())
            case "POST", ["apps", namespace, name]:
                return self._nudge(namespace, name, Nudge.model_validate_json(body), now)
        return grpc_error(404, 5, f"there is no {method} {path}")

    def _faults(self) -> bytes:
        faults = FaultList(faults=self._injector.faults).model_dump(mode="json")
        return msgspec.json.encode({**faults, "hits": self._injector.hits})

    def _nudge(self, namespace: str, name: str, event: Event, now: float) -> Reply:
        app = self._fleet.visit(namespace, name, now)
        if app is None:
            return grpc_error(404, 5, f"app {namespace}/{name} not found")
        app.happen(event)
        return json_reply(b"{}")


def books(fleet: Fleet, now: float) -> dict[str, Any]:
    """Return the books of all apps at ``now`` (epoch seconds), as JSON types."""
    fleet.advance(now)
    return {
        "now": fleet.now,
        "elapsed_s": fleet.now - fleet.epoch_s,
        "apps": {app.label: _report(app) for app in fleet.apps()},
    }


def _report(app: App) -> dict[str, Any]:
    phases = [worker.phase for worker in app.workers.values()]
    report = app.books.report(
        waiting=len(app.queue),
        busy=phases.count(Phase.BUSY),
        open_worker_seconds=app.open_worker_seconds(),
    )
    report["workers"]["now"] = {
        phase.value: phases.count(phase)
        for phase in Phase
        if phase not in (Phase.TERMINATED, Phase.ERROR)
    }
    return report
