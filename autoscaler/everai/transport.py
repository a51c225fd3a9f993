"""The way through a proxy, TLS, and which proxy that is.

aiohttp carries the bytes below httpx's transport interface, because httpx's own pool costs several
milliseconds of CPU per call once many connections are open. Of httpx's client nothing is used but
the transport interface: no cookies, no redirects, no netrc, nothing that could send our token
elsewhere.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import ssl
from pathlib import Path
from types import SimpleNamespace
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from autoscaler.everai.call import UNDER_WAY, MaySend, always
from autoscaler.everai.limits import Pool
from autoscaler.model.errors import ConfigurationError, NotLeader

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


def tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a context that verifies certificate and host name.

    Raises:
        ConfigurationError: the file cannot be read or holds no certificate.
    """
    name = "everai.ca_bundle" if ca_bundle is not None else "SSL_CERT_FILE"
    bundle = ca_bundle or os.environ.get("SSL_CERT_FILE")
    try:
        if not bundle:
            return httpx.create_ssl_context()
        if Path(bundle).is_dir():
            return ssl.create_default_context(capath=bundle)
        return ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise ConfigurationError(
            f"{name} {bundle}: no certificates can be read from it ({error.strerror or error}). "
            "It must be a file of PEM certificates."
        ) from None


def proxy_for(endpoint: httpx.URL) -> httpx.Proxy | None:
    """Return the proxy that the environment names for an endpoint.

    ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` hold in either case of letters;
    ``NO_PROXY`` may also name networks (``10.0.0.0/8``). Loopback never goes through a proxy.

    Raises:
        ConfigurationError: the proxy is no http or https URL.
    """
    proxies = getproxies_environment()
    address = proxies.get(endpoint.scheme) or proxies.get("all")
    if not address or _bypassed(endpoint, proxies):
        return None
    try:
        url = httpx.URL(address if "://" in address else f"http://{address}")
        return httpx.Proxy(url.copy_with(userinfo=b""), headers=_proxy_headers(url))
    except (ValueError, httpx.InvalidURL):
        # the address is not quoted: it may hold a password
        raise ConfigurationError(
            f"the proxy for {endpoint.scheme} in the environment ({endpoint.scheme.upper()}_PROXY "
            "or ALL_PROXY) is no http:// or https:// URL; other kinds are not supported."
        ) from None


def _proxy_headers(url: httpx.URL) -> dict[str, str]:
    """Return the proxy's credentials as a header, since aiohttp's own way is deprecated."""
    if not url.userinfo:
        return {}
    pair = f"{url.username}:{url.password}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}


def _bypassed(endpoint: httpx.URL, proxies: dict[str, str]) -> bool:
    host = endpoint.host
    if proxy_bypass(endpoint.netloc.decode("ascii")):
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return ip.is_loopback or any(_covers(each, ip) for each in proxies.get("no", "").split(","))


def _covers(entry: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return ip in ipaddress.ip_network(entry.strip(), strict=False)
    except ValueError:
        return False
