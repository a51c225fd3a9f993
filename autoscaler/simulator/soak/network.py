"""The network between the processes and the platform: latency, and the ways in which it fails.

A request that has left is the network's, not the sender's: it arrives though the sender has given
up on it or has been killed. That is what makes a lost reply dangerous, and what is simulated here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Literal, Protocol

import httpx
import msgspec

from autoscaler.emulator import Handler, Reply
from autoscaler.emulator.rng import Random
from autoscaler.model import AppKey, Decision
from autoscaler.simulator.soak.journal import Journal
from autoscaler.simulator.soak.limits import LATENCY_MAX_S

STALL_MAX_S = 25.0
"""Longest time that a scale-up may be under way: below the order deadline less the list lag."""
Trouble = Literal["refused", "slow", "stalled", "echo", "contradictory", "emptied"]
Stage = Literal["before", "under-way", "applied"]
_ONLY = {"stalled": "scale-up", "contradictory": "list", "emptied": "list"}
_PATH = re.compile(r"/api/apps/v1/namespaces/([^/]+)/apps/([^/:]+)(?:[:/](.*))?")
_OPERATIONS = {
    "workers": "list",
    "workers:scale-up": "scale-up",
    "workers:scale-down": "scale-down",
    "request_queues": "queue",
    "": "app",
}


@dataclass(frozen=True, slots=True)
class Weather:
    """Trouble of the network itself between two seconds of the run.

    ``refused``: no connection. ``slow``: seconds each way. ``stalled``: a scale-up arrives late.
    ``echo``: a proxy answers with a page that quotes the request's headers, token included.
    ``emptied``: a list comes back without its workers.
    ``contradictory``: a list shows a worker twice, each time in another state.
    """

    trouble: Trouble
    from_s: float
    until_s: float
    probability: float


@dataclass(slots=True)
class Exchange:
    """One request on the wire.

    Attributes:
        process: who sent it. operation: ``list``, ``scale-up``, … app: whose.
        sent_s: loop time of the sending. fault: what hit it; empty if nothing.
        delivered: whether the platform has seen it.
        decision: what a scale call carries out.
    """

    process: str
    operation: str
    app: AppKey
    request: httpx.Request
    sent_s: float
    fault: str = ""
    delivered: bool = False
    decision: Decision | None = None

    @property
    def scales(self) -> bool:
        """Whether it is a scale call."""
        return self.operation.startswith("scale-")


@dataclass(slots=True)
class Trap:
    """Springs once, when a scale call of this kind reaches this stage."""

    operation: str
    stage: Stage
    spring: Callable[[], None]


class Witness(Protocol):
    """Told of each exchange."""

    def sent(self, exchange: Exchange) -> None:
        """A request leaves its process."""

    def may_be_emptied(self, exchange: Exchange) -> bool:
        """Whether a list without workers can be told from the truth."""

    def delivered(self, exchange: Exchange) -> None:
        """A request is about to be carried out."""

    def answered(self, exchange: Exchange, reply: Reply) -> None:
        """The platform has answered a request (which the sender may never learn)."""

    def ended(self, exchange: Exchange, reply: Reply | None) -> None:
        """The sender has its reply, or does without."""


class Network:
    """Carries requests to a handler.

    Attributes:
        trap: springs at the next scale call that fits.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        weather: tuple[Weather, ...],
        rng: Random,
        journal: Journal,
        witness: Witness,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._handler = handler
        self._weather = weather
        self._rng = rng
        self._journal = journal
        self.witness = witness
        self.trap: Trap | None = None

    def send(self, exchange: Exchange, waiter: asyncio.Future[Reply]) -> None:
        """Take a request; the reply, if one comes, becomes the waiter's result.

        Raises:
            httpx.ConnectError: there is no connection; nothing was sent.
        """
        self.witness.sent(exchange)
        if self._sprung(exchange, "before"):
            return
        trouble = self._draw(exchange)
        if trouble is not None:
            exchange.fault = trouble
            self._hit(exchange)
        if trouble == "refused":
            raise httpx.ConnectError("connection refused")
        away_s = self._away_s(trouble)
        self._loop.call_later(away_s, self._deliver, exchange, waiter)
        self._sprung(exchange, "under-way")

    def _sprung(self, exchange: Exchange, stage: Stage) -> bool:
        trap = self.trap
        if trap is None or trap.operation != exchange.operation or trap.stage != stage:
            return False
        self.trap = None
        trap.spring()
        return True

    def _draw(self, exchange: Exchange) -> Trouble | None:
        now = self._loop.time()
        for each in self._weather:
            if not each.from_s <= now < each.until_s:
                continue
            if _ONLY.get(each.trouble, exchange.operation) != exchange.operation:
                continue
            if each.trouble == "emptied" and not self.witness.may_be_emptied(exchange):
                continue
            if self._rng.random() < each.probability:
                return each.trouble
        return None

    def _hit(self, exchange: Exchange) -> None:
        self._journal.count(f"fault {exchange.fault}")

    def _away_s(self, trouble: Trouble | None) -> float:
        if trouble == "stalled":
            return self._rng.uniform(1.0, STALL_MAX_S)
        return self._rng.uniform(0.002, LATENCY_MAX_S)

    def _deliver(self, exchange: Exchange, waiter: asyncio.Future[Reply]) -> None:
        exchange.delivered = True
        self.witness.delivered(exchange)
        reply = self._handle(exchange)
        self.witness.answered(exchange, reply)
        self._sprung(exchange, "applied")
        if reply.then != "hang":
            back_s = self._rng.uniform(0.002, LATENCY_MAX_S) + reply.delay_s
            if exchange.fault == "slow":
                back_s += self._rng.uniform(0.5, 6.0)
            self._loop.call_later(back_s, _settle, waiter, reply)

    def _handle(self, exchange: Exchange) -> Reply:
        request = exchange.request
        headers = {name.lower(): value for name, value in request.headers.items()}
        if exchange.fault == "echo":
            page = f"<html>bad gateway<pre>{headers}</pre></html>"
            return Reply(502, page.encode(), {"content-type": "text/html"})
        # Each process is a caller of its own in the platform's books.
        headers["user-agent"] += f" {exchange.process}"
        hits = self._handler.injector.hits
        before = dict(hits)
        url = request.url
        query = dict(url.params) if url.query else {}
        reply = self._handler.handle(request.method, url.path, query, headers, request.content)
        if hits != before:
            exchange.fault = next(kind for kind in hits if hits[kind] != before.get(kind, 0))
            self._hit(exchange)
        spoil = _SPOILERS.get(exchange.fault)
        return reply if spoil is None else _spoiled(reply, spoil)


def _spoiled(reply: Reply, spoil: Callable[[dict[str, Any]], None]) -> Reply:
    """Return a list with its content changed; what is no list stays as it is."""
    if reply.status != HTTPStatus.OK or reply.then != "send":
        return reply
    try:
        content = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return reply
    spoil(content)
    return replace(reply, body=msgspec.json.encode(content))


def _contradict(content: dict[str, Any]) -> None:
    """Let the first worker stand there twice, at odds with itself."""
    rows = content.get("workers", [])
    if rows:
        rows.append({**rows[0], "detailStatus": "DETAIL_STATUS_FREE", "successCount": 987})
    else:
        content["workers"] = [{"status": "STATUS_RUNNING"}]


def _empty(content: dict[str, Any]) -> None:
    content.pop("workers", None)


_SPOILERS = {"contradictory": _contradict, "emptied": _empty}


def _settle(waiter: asyncio.Future[Reply], reply: Reply) -> None:
    if not waiter.done():
        waiter.set_result(reply)


@dataclass(slots=True)
class ProcessTransport(httpx.AsyncBaseTransport):
    """One process's way to the platform."""

    process: str
    network: Network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for its reply as long as the request's read timeout allows."""
        loop = asyncio.get_running_loop()
        exchange = make_exchange(self.process, request, loop.time())
        waiter: asyncio.Future[Reply] = loop.create_future()
        reply: Reply | None = None
        timer = loop.call_later(
            request.extensions["timeout"]["read"], _fail, waiter, httpx.ReadTimeout("no reply")
        )
        try:
            self.network.send(exchange, waiter)
            reply = await waiter
        finally:
            timer.cancel()
            self.network.witness.ended(exchange, reply)
        return _response(reply)


def make_exchange(process: str, request: httpx.Request, sent_s: float) -> Exchange:
    """Return the exchange that a request begins."""
    match = _PATH.fullmatch(request.url.path)
    if match is None:
        raise ValueError(f"no call of the API: {request.url.path}")
    operation = _OPERATIONS[match[3] or ""]
    return Exchange(process, operation, AppKey(match[1], match[2]), request, sent_s)


def _fail(waiter: asyncio.Future[Reply], error: Exception) -> None:
    if not waiter.done():
        waiter.set_exception(error)


def _response(reply: Reply) -> httpx.Response:
    if reply.then == "reset":
        raise httpx.ReadError("connection reset")
    if reply.then == "truncate":
        half = reply.body[: len(reply.body) // 2]
        return httpx.Response(reply.status, headers=reply.headers, stream=_Half(half))
    return httpx.Response(reply.status, headers=reply.headers, content=reply.body)


class _Half(httpx.AsyncByteStream):
    """A body that breaks off in the middle."""

    def __init__(self, half: bytes) -> None:
        self._half = half

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._half
        raise httpx.RemoteProtocolError("the body broke off")
