"""One message to one target: the address, the signature, the request, and what the reply means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from autoscaler.notifications.formats import body, refusal, signed
from autoscaler.notifications.notice import Notice
from autoscaler.notifications.target import Target
from autoscaler.signals.exchange import Call, SignalError, exchange, host_of
from autoscaler.telemetry import redact

_OK = range(200, 300)
_AGAIN = frozenset({408, 425, 429})
_SERVER_FAULT = 500


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one try. ``trouble`` is empty where it was delivered, and safe to show."""

    trouble: str = ""
    again: bool = False


async def deliver(
    client: httpx.AsyncClient, target: Target, notices: Sequence[Notice], now: float
) -> Tried:
    """Send one message; never raises but when it is cancelled. ``now``: epoch seconds."""
    try:
        url = await _read("address", target.address)
        content = body(target.format, notices)
        if target.secret is not None:
            secret = await _read("signing secret", target.secret)
            url, content = signed(target.format, url, content, secret, now)
        data = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
        call = Call(url, target.timeout_s, target.token_file, content=data)
        reply = await exchange(client, call)
    except SignalError as error:
        return Tried(str(error), again=True)
    if reply.status not in _OK:
        again = reply.status in _AGAIN or reply.status >= _SERVER_FAULT
        return Tried(f"{host_of(url)} answered HTTP {reply.status}", again=again)
    trouble, again = refusal(target.format, reply.data)
    return Tried(f"{host_of(url)} {trouble}" if trouble else "", again=again)


async def _read(what: str, read: Callable[[], str]) -> str:
    """Read a secret, which no log line shows from now on."""
    try:
        value = (await asyncio.to_thread(read)).strip()
    except (OSError, ValueError) as error:
        raise SignalError(f"the {what} cannot be read ({type(error).__name__})") from None
    if not value:
        raise SignalError(f"there is no {what}")
    redact(value)
    return value
