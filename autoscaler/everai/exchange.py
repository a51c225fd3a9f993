"""One HTTP request and its reply, with every fault turned into a typed error.

What matters most here is ``maybe_applied``: whether a call that brought no reply may have been
carried out. httpx's error types cannot tell: httpx-aiohttp reports a connection reset after
sending as a ConnectTimeout. So the cause below decides, and only causes known to come before the
first byte was sent count as "not applied".

Errors are raised outside ``except`` blocks on purpose: a chained foreign error would carry request
headers, and with them the token, into tracebacks.
"""

from __future__ import annotations

import asyncio

import aiohttp
import httpx

from autoscaler.everai.call import (
    BODY_HEADERS,
    HEADERS,
    REPLY_BYTES_MAX,
    UNDER_WAY,
    Call,
    Reply,
    agent,
)
from autoscaler.everai.limits import TimeLimits
from autoscaler.everai.text import hide, safe_text
from autoscaler.everai.token import Token
from autoscaler.model.errors import MalformedReply, PlatformError, Unreachable
from autoscaler.ports import Clock

_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_NOT_IN_TIME = (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Exchange:
    """A :class:`~autoscaler.everai.call.Way` over a transport of httpx, within time limits.

    It is taken where a proxy lies between, and for a caller's own transport.
    """

    def __init__(
        self, base: str, transport: httpx.AsyncBaseTransport, limits: TimeLimits, clock: Clock
    ) -> None:
        """Take the endpoint without a slash at its end, and how to get there."""
        self._base = base
        self._transport = transport
        self._limits = limits
        self._clock = clock
        self._closed = False
        self._timeouts = httpx.Timeout(
            connect=limits.connect_s,
            read=limits.read_s,
            write=limits.read_s,
            pool=limits.connect_s,
        ).as_dict()

    async def send(self, call: Call, token: Token, limit_s: float, who: str = "") -> Reply:
        """Send a call with a token; see the protocol."""
        if self._closed:
            raise Unreachable("the client is closed; nothing was sent")
        request = self._request(call)
        UNDER_WAY.set(call.scope)
        request.extensions["timeout"] = self._timeouts
        request.headers["User-Agent"] = agent(who)
        request.headers["Authorization"] = f"Bearer {token.value}"
        try:
            async with asyncio.timeout(limit_s):
                return await self._round_trip(request)
        except PlatformError as error:
            problem: PlatformError = error
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            problem = self._problem(error, request, token, limit_s)
        raise problem

    def _request(self, call: Call) -> httpx.Request:
        """Return a fresh request, without the token."""
        url = f"{self._base}{call.target}"
        if call.body is None:
            return httpx.Request("GET", url, headers=dict(HEADERS))
        headers = {**HEADERS, **BODY_HEADERS}
        return httpx.Request("POST", url, headers=headers, content=call.body)

    async def _round_trip(self, request: httpx.Request) -> Reply:
        sent_at = self._clock.now()
        response = await self._transport.handle_async_request(request)
        try:
            body = await _whole_body(response, changes=request.method != "GET")
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers, body, sent_at, self._clock.now())

    async def aclose(self) -> None:
        """Close every connection; a later call raises Unreachable."""
        self._closed = True
        await self._transport.aclose()

    def _problem(
        self, error: Exception, request: httpx.Request, token: Token, limit_s: float
    ) -> PlatformError:
        """Return our own error for a foreign one."""
        cause = error.__cause__
        root = cause if isinstance(cause, aiohttp.ClientError | OSError) else error
        changes = request.method != "GET"
        if isinstance(root, httpx.DecodingError):
            return MalformedReply("the reply's compression is broken", maybe_applied=changes)
        return Unreachable(
            hide(self._explain(root, limit_s), token.value),
            maybe_applied=changes and not isinstance(root, _NEVER_SENT),
        )

    def _explain(self, root: BaseException, limit_s: float) -> str:
        """Return what happened in words; nothing is quoted that could hold a header."""
        if isinstance(root, _NOT_IN_TIME):
            return f"no connection within {self._limits.connect_s:g} s"
        if isinstance(root, aiohttp.SocketTimeoutError | httpx.ReadTimeout):
            return f"connected, but no reply within {self._limits.read_s:g} s"
        if isinstance(root, TimeoutError):
            return f"no whole reply within {limit_s:.3g} s"
        if isinstance(root, aiohttp.ClientConnectorError):
            return _explain_connector(root)
        return _explain_broken(root)


def _explain_broken(error: BaseException) -> str:
    """Return why a connection that stood brought no reply."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return f"the HTTP proxy refused the connection with status {error.status}"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before a reply came"
        case aiohttp.ClientPayloadError():
            return "the connection was closed in the middle of the reply"
        case aiohttp.ClientResponseError():
            return "the answer is not HTTP"
        case OSError():
            return f"the connection broke: {error.strerror or type(error).__name__}"
    return f"the call failed: {type(error).__name__}"


def _explain_connector(error: aiohttp.ClientConnectorError) -> str:
    """Return why no connection came about."""
    where = f"{error.host}:{error.port}"
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return (
                f"the TLS certificate of {where} is not trusted "
                f"({safe_text(str(error.certificate_error))}). If a private authority "
                "issued it, name that authority's file in everai.ca_bundle."
            )
        case aiohttp.ClientConnectorDNSError():
            return f"the host name of {where} cannot be resolved ({error.os_error.strerror})"
        case aiohttp.ClientProxyConnectionError():
            return f"the HTTP proxy cannot be reached ({error.os_error.strerror})"
        case _:
            why = error.os_error.strerror or type(error.os_error).__name__
            return f"cannot connect to {where} ({safe_text(why)})"


async def _whole_body(response: httpx.Response, *, changes: bool) -> bytes:
    """Return the decompressed body.

    Raises:
        MalformedReply: it is longer than ``REPLY_BYTES_MAX``.
    """
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > REPLY_BYTES_MAX:
            raise MalformedReply(
                f"the reply is larger than {REPLY_BYTES_MAX // 2**20} MiB", maybe_applied=changes
            )
        parts.append(part)
    return b"".join(parts)
