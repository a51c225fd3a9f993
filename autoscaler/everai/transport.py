"""The way through a proxy.

aiohttp carries the bytes below httpx's transport interface, because httpx's own pool costs several
milliseconds of CPU per call once many connections are open. Of httpx's client nothing is used but
the transport interface: no cookies, no redirects, no netrc, nothing that could send our token
elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from autoscaler.everai.call import UNDER_WAY, MaySend, always
from autoscaler.everai.limits import Pool
from autoscaler.everai.route import proxy_for, tls_context
from autoscaler.model.errors import NotLeader

_DNS_CACHE_S = 10


def make_transport(
    endpoint: httpx.URL,
    *,
    ca_bundle: Path | None = None,
    pool: Pool,
    may_send: MaySend = always,
) -> httpx.AsyncBaseTransport:
    """Return the transport for one endpoint.

    Args:
        endpoint: where the calls go; it decides which proxy of the environment holds.
        ca_bundle: certificates (PEM file, or a directory of them) to trust *instead of* the public
            ones; ``None`` for ``SSL_CERT_FILE`` or ``SSL_CERT_DIR``, else the public ones.
        pool: limits of the connections.
        may_send: the last word on calls that change something.

    Raises:
        ConfigurationError: the certificates or the proxy's address cannot be used.
    """
    context = tls_context(ca_bundle)
    proxy = proxy_for(endpoint)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=pool.max_connections,
            keepalive_timeout=pool.keepalive_s,
            ttl_dns_cache=_DNS_CACHE_S,
            ssl=context,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_fence(may_send)],
        )

    transport = AiohttpTransport(verify=context, client=session, proxy=proxy)
    if proxy is not None and endpoint.scheme == "http":
        return _PlainProxyTransport(transport, proxy.headers)
    return transport


def _fence(may_send: MaySend) -> aiohttp.TraceConfig:
    """Return what stops a change that may not leave any more.

    A connection can take seconds to come about, and a process can be frozen meanwhile. aiohttp
    calls this with the connection in its hands, before it writes.
    """

    async def before_headers(
        _: aiohttp.ClientSession,
        __: SimpleNamespace,
        params: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        if params.method not in ("GET", "CONNECT") and not may_send(UNDER_WAY.get()):
            raise NotLeader("not sent: this replica ceased to lead while it was connecting")

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(before_headers)
    return trace


class _PlainProxyTransport(httpx.AsyncBaseTransport):
    """Puts the proxy's headers on each request: without TLS no tunnel carries them."""

    def __init__(self, transport: httpx.AsyncBaseTransport, headers: httpx.Headers) -> None:
        self._transport = transport
        self._headers = headers

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.update(self._headers)
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()
