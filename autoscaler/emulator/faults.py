"""Faults of the platform's API, as a pure layer: what goes wrong between a request and its reply.

A fault acts before the platform has seen the request (nothing is applied), or on the reply (it was
applied, and the caller may not learn of it). Which request it hits is drawn from a seeded stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from autoscaler.emulator.distributions import Strict
from autoscaler.emulator.rng import Random
from autoscaler.policies.params import Duration

Then = Literal["send", "hang", "reset", "truncate"]
Operation = Literal[
    "list", "scale-up", "scale-down", "queue", "app", "apps", "events", "statistic",
    "pause", "resume",
]  # fmt: skip
Kind = Literal[
    "delay", "hang", "hang-after", "reset-before", "reset-after", "401", "403", "404", "429",
    "500", "500-after", "503", "html", "html-after", "truncated", "garbage", "stale-list",
    "duplicate-rows", "contradictory-rows", "unknown-enums", "absurd-numbers", "late",
]  # fmt: skip
_LIST_KINDS = frozenset(
    {"stale-list", "duplicate-rows", "contradictory-rows", "unknown-enums", "absurd-numbers"}
)
STILL_SHOWN = frozenset({"delay", "stale-list", "duplicate-rows", "absurd-numbers"})
"""Faults under which a list still tells the caller which workers are FREE."""
_ONLY_FOR = dict.fromkeys(_LIST_KINDS, "list") | {"late": "scale-up"}
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to the caller.

    Attributes:
        delay_s: seconds to wait before it does, on the fleet's clock.
        then: send it whole; say nothing for ever; reset the connection without a byte; or break
            off in the middle of the body.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    then: Then = "send"


class Fault(Strict):
    """One kind of trouble and whom it hits.

    Attributes:
        kind: ``…-after`` means the request was carried out all the same, as it is with ``delay``,
            ``truncated``, ``garbage`` and the list kinds. ``late`` hits scale-ups only: no answer
            ever comes, and the platform carries the call out ``delay_s`` later.
        probability: share of the matching requests that it hits.
        operations, apps: only these (apps as ``namespace/name``); empty means all.
        times: how often at most; nothing means no limit.
        from_s, until_s: only between these seconds from the scenario's start.
        delay_s: of ``delay`` and ``late``. age_s: how old a ``stale-list`` is at least.
        retry_after_s: the header of ``429`` and ``503``; nothing leaves it out.
    """

    kind: Kind
    probability: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)
    operations: frozenset[Operation] = frozenset()
    apps: frozenset[Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")]] = frozenset()
    times: int | None = Field(default=None, ge=0)
    from_s: Duration = 0.0
    until_s: Duration | None = None
    delay_s: Duration = 5.0
    age_s: Duration = 30.0
    retry_after_s: Duration | None = 5.0

    def matches(self, operation: str, app: str, elapsed_s: float) -> bool:
        """Whether it may hit such a request, ``elapsed_s`` after the start."""
        if operation != _ONLY_FOR.get(self.kind, operation):
            return False
        return (
            (not self.operations or operation in self.operations)
            and (not self.apps or app in self.apps)
            and self.from_s <= elapsed_s
            and (self.until_s is None or elapsed_s < self.until_s)
        )


class Injector:
    """Draws which fault hits a request. ``faults``: in order; the first one drawn counts."""

    def __init__(self, faults: Sequence[Fault], rng: Random) -> None:
        self._rng = rng
        self._left: list[float] = []
        self.faults: tuple[Fault, ...] = ()
        self.hits: dict[str, int] = {}
        self.switch(faults)

    def switch(self, faults: Sequence[Fault]) -> None:
        """Put these in the place of all there were."""
        self.faults = tuple(faults)
        self._left = [float("inf") if f.times is None else f.times for f in faults]

    @property
    def keeps_lists(self) -> bool:
        """Whether old lists are needed: some fault serves stale ones."""
        return any(fault.kind == "stale-list" for fault in self.faults)

    def draw(self, operation: str, app: str, elapsed_s: float) -> Fault | None:
        """Return the fault that hits this request, if one does."""
        for index, fault in enumerate(self.faults):
            if not self._left[index] or not fault.matches(operation, app, elapsed_s):
                continue
            if self._rng.random() < fault.probability:
                self._left[index] -= 1
                self.hits[fault.kind] = self.hits.get(fault.kind, 0) + 1
                return fault
        return None

    def spoil(self, fault: Fault, reply: Reply) -> Reply:
        """Return what becomes of the reply of a request that was carried out."""
        if fault.kind in _AFTER:
            return _AFTER[fault.kind](fault, reply)
        if fault.kind == "garbage":
            return replace(reply, body=self._rng.randbytes(max(16, len(reply.body) // 2)))
        if fault.kind in _LIST_KINDS and reply.status == 200:  # noqa: PLR2004 - HTTP OK
            return replace(reply, body=self._spoil_list(fault.kind, reply.body))
        return reply

    def _spoil_list(self, kind: str, body: bytes) -> bytes:
        if kind == "stale-list":
            return body
        content: dict[str, Any] = msgspec.json.decode(body)
        rows: list[dict[str, Any]] = content.get("workers", [])
        if kind == "duplicate-rows":
            rows.extend(row for row in list(rows) if self._rng.random() < 0.5)  # noqa: PLR2004
        elif kind == "contradictory-rows":
            rows.extend({**row, "detailStatus": "DETAIL_STATUS_BUSY"} for row in rows[:1])
            rows.extend({**row, "detailStatus": "DETAIL_STATUS_FREE"} for row in rows[:1])
        elif kind == "absurd-numbers":
            content["queueSize"] = self._rng.choice([-1, -(2**63), "-5", 1e300])
        else:
            self._unknown_enums(rows)
        return msgspec.json.encode(content)

    def _unknown_enums(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            # A row with a time of deletion means the same whatever its enums say.
            if "deletedAt" not in row and self._rng.random() < 0.5:  # noqa: PLR2004
                field_name = self._rng.choice(["status", "detailStatus"])
                row[field_name] = self._rng.choice(["STATUS_HIBERNATED", "SOMETHING_NEW"])


def grpc_error(status: int, code: int, message: str) -> Reply:
    """Return an error as a grpc-gateway sends it."""
    return json_reply(
        msgspec.json.encode({"code": code, "message": message, "details": []}), status
    )


def json_reply(body: bytes, status: int = 200) -> Reply:
    """Return a reply with a JSON body."""
    return Reply(status, body, {"content-type": "application/json"})


def instead_of_serving(fault: Fault) -> Reply | None:
    """Return what a fault answers before the platform sees the request; ``None`` if it is later."""
    make = _BEFORE.get(fault.kind)
    return None if make is None else make(fault)


def _throttled(status: int, code: int, message: str) -> Callable[[Fault], Reply]:
    def make(fault: Fault) -> Reply:
        reply = grpc_error(status, code, message)
        if fault.retry_after_s is None:
            return reply
        retry_after = f"{fault.retry_after_s:.0f}"
        return replace(reply, headers={**reply.headers, "retry-after": retry_after})

    return make


def _html(_: Fault) -> Reply:
    return Reply(502, _HTML, {"content-type": "text/html"})


def _failing(status: int, code: int, message: str) -> Callable[[Fault], Reply]:
    return lambda _: grpc_error(status, code, message)


_NOTHING = Reply(0, b"")
_BEFORE: dict[str, Callable[[Fault], Reply]] = {
    "hang": lambda _: replace(_NOTHING, then="hang"),
    "late": lambda _: replace(_NOTHING, then="hang"),
    "reset-before": lambda _: replace(_NOTHING, then="reset"),
    "401": _failing(401, 16, "invalid token"),
    "403": _failing(403, 7, "permission denied"),
    "404": _failing(404, 5, "app not found"),
    "429": _throttled(429, 8, "too many requests"),
    "500": _failing(500, 13, "internal error"),
    "503": _throttled(503, 14, "service unavailable"),
    "html": _html,
}
_AFTER: dict[str, Callable[[Fault, Reply], Reply]] = {
    "delay": lambda fault, reply: replace(reply, delay_s=fault.delay_s),
    "hang-after": lambda _, reply: replace(reply, then="hang"),
    "reset-after": lambda _, reply: replace(reply, then="reset"),
    "truncated": lambda _, reply: replace(reply, then="truncate"),
    "500-after": lambda *_: grpc_error(500, 13, "internal error"),
    "html-after": lambda fault, _: _html(fault),
}
