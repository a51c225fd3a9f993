"""Certificates, and which proxy of the environment lies between: what every way must know.

Apart from :mod:`autoscaler.everai.transport`: a daemon without a proxy does not load aiohttp.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import ssl
from pathlib import Path
from urllib.request import getproxies_environment, proxy_bypass

import httpx

from autoscaler.model.errors import ConfigurationError


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
