"""One HTTP exchange with limits on time and size, whose every failure is a sentence safe to show.

The errors never hold what a server or a library said in full, no query string, no header and no
body of ours: an address may carry a key, a reply may repeat the token.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

REPLY_BYTES_MAX = 1_000_000
_TOKEN_BYTES_MAX = 65_536
_OK = 200


class SignalError(Exception):
    """A signal could not be fetched; the message is safe to show."""


@dataclass(frozen=True, slots=True)
class Call:
    """What to send. ``content``: a JSON body, for POST; a GET has none."""

    url: str
    timeout_s: float
    token_file: str = ""
    params: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The status, and the JSON of the body (``None`` where it is none)."""

    status: int
    data: Any


async def exchange(client: httpx.AsyncClient, call: Call) -> Reply:
    """Send a call and read the reply.

    Raises:
        SignalError: no reply in time, too large a reply, no token.
    """
    try:
        async with asyncio.timeout(call.timeout_s):
            return await _exchange(client, call)
    except TimeoutError:
        raise SignalError(f"no answer from {host_of(call.url)} in {call.timeout_s:g} s") from None
    except httpx.TransportError as error:
        kind = type(error).__name__
        raise SignalError(f"{host_of(call.url)} cannot be reached ({kind})") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind = type(error).__name__
        raise SignalError(f"the exchange with {host_of(call.url)} failed ({kind})") from None


def host_of(url: str) -> str:
    """Return host and port of an address, without whatever else it holds."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "the address"
    return parsed.netloc.decode("ascii", "replace").rpartition("@")[2]


async def _exchange(client: httpx.AsyncClient, call: Call) -> Reply:
    headers = {"Accept": "application/json"}
    if call.content is not None:
        headers["Content-Type"] = "application/json"
    if call.token_file:
        token = await asyncio.to_thread(read_token, call.token_file)
        headers["Authorization"] = f"Bearer {token}"
    method = "GET" if call.content is None else "POST"
    async with client.stream(
        method, call.url, params=call.params or None, headers=headers, content=call.content
    ) as response:
        body = await _body(response, call.url)
        return Reply(response.status_code, _json(body))


async def _body(response: httpx.Response, url: str) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > REPLY_BYTES_MAX:
            limit_mb = REPLY_BYTES_MAX / 1e6
            raise SignalError(f"the reply of {host_of(url)} is larger than {limit_mb:g} MB")
    return bytes(body)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def read_token(path: str) -> str:
    """Read a bearer token.

    Raises:
        SignalError: the file cannot be read, or holds no token.
    """
    try:
        with Path(path).open("rb") as file:
            token = file.read(_TOKEN_BYTES_MAX).decode("ascii").strip()
    except (OSError, ValueError) as error:
        raise SignalError(f"token_file {path} cannot be read ({type(error).__name__})") from None
    if not token or not token.isprintable() or any(c.isspace() for c in token):
        raise SignalError(f"token_file {path} holds no token of one line")
    return token


def require_ok(reply: Reply, url: str) -> Any:
    """Return the JSON of a good reply.

    Raises:
        SignalError: another status than 200, or no JSON.
    """
    if reply.status != _OK:
        raise SignalError(f"{host_of(url)} answered HTTP {reply.status}")
    if reply.data is None:
        raise SignalError(f"{host_of(url)} answered no JSON")
    return reply.data
