"""TLS with a private authority, and HTTP proxies, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from autoscaler.everai import EverAIClient, Pool, TimeLimits, TokenSource
from autoscaler.everai.route import proxy_for, tls_context
from autoscaler.model import AppKey
from autoscaler.model.errors import ConfigurationError, Unreachable

if TYPE_CHECKING:
    from tests.unit.everai.conftest import Answer, World

APP = AppKey("default", "sd15")
HURRY = TimeLimits(connect_s=2, read_s=2, total_s=4, budget_s=60, attempts=1)
PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

Build = Callable[..., "Answer"]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXY_NAMES, "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


class Authority:
    """A private certificate authority, its file, and a server's context."""

    def __init__(self, folder: Path, *names: str) -> None:
        ca = trustme.CA()
        self.file = folder / "ca.pem"
        ca.cert_pem.write_to_path(self.file)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(*names).configure_cert(self.server)


class Proxy:
    """An HTTP proxy that sends every tunnel and request to one place, whatever its name."""

    def __init__(self, target_port: int, status: int = 200) -> None:
        self.target_port = target_port
        self.status = status
        self.heads: list[list[str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head.decode().split("\r\n"))
        if self.status != 200:
            writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % self.status)
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            far_writer.write(head)
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def port_of(url: str) -> int:
    port = httpx.URL(url).port
    assert port is not None
    return port


async def test_a_private_authority_is_trusted_where_configured(
    world: World, answer: Build, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "127.0.0.1")
    server = await world.serve(answer(200, {"queueSize": 5}), tls=authority.server)
    client = await world.client(server, ca_bundle=authority.file)
    assert (await client.list_workers(APP)).queue_size == 5
    assert (await client.list_workers(APP)).queue_size == 5
    assert server.connections == 1


async def test_a_private_authority_is_trusted_by_ssl_cert_file(
    world: World, answer: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    server = await world.serve(answer(200, {"queueSize": 5}), tls=authority.server)
    assert (await (await world.client(server)).list_workers(APP)).queue_size == 5


async def test_an_unknown_authority_is_refused_and_nothing_was_sent(
    world: World, answer: Build, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "127.0.0.1")
    server = await world.serve(answer(200), tls=authority.server)
    client = await world.client(server, limits=HURRY)
    with pytest.raises(Unreachable, match=r"not trusted.*everai\.ca_bundle") as caught:
        await client.scale_up(APP, 1)
    assert not caught.value.maybe_applied
    assert server.seen == []


async def test_a_certificate_for_another_name_is_refused(
    world: World, answer: Build, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "elsewhere.example")
    server = await world.serve(answer(200), tls=authority.server)
    client = await world.client(server, ca_bundle=authority.file, limits=HURRY)
    with pytest.raises(Unreachable, match="not trusted") as caught:
        await client.scale_up(APP, 1)
    assert not caught.value.maybe_applied
    assert server.seen == []


async def test_a_server_that_speaks_no_tls_was_never_sent_anything(
    world: World, answer: Build
) -> None:
    server = await world.serve(answer(200))
    client = await world.client(server.url.replace("http:", "https:"), limits=HURRY)
    with pytest.raises(Unreachable) as caught:
        await client.scale_up(APP, 1)
    assert not caught.value.maybe_applied


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_bundle_that_cannot_be_used_is_a_configuration_error(
    tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"everai\.ca_bundle") as caught:
        tls_context(path)
    assert str(path) in str(caught.value)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        tls_context(None)


def test_tls_is_always_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "x")
    for context in (tls_context(None), tls_context(authority.file), tls_context(tmp_path)):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


async def through_proxy(
    world: World, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, credentials: str = ""
) -> None:
    _, port = await world.listen(proxy.serve)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://{credentials}127.0.0.1:{port}")


async def test_https_goes_through_a_tunnel_to_the_name_itself(
    world: World,
    answer: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    secret: str,
) -> None:
    authority = Authority(tmp_path, "everai.test")
    server = await world.serve(answer(200, {"queueSize": 5}), tls=authority.server)
    proxy = Proxy(port_of(server.url))
    await through_proxy(world, proxy, monkeypatch, "me:pa55@")
    client = await world.client("https://everai.test", ca_bundle=authority.file)
    assert (await client.list_workers(APP)).queue_size == 5
    assert (await client.list_workers(APP)).queue_size == 5
    assert len(proxy.heads) == 1
    head = proxy.heads[0]
    assert head[0].startswith("CONNECT everai.test:443 ")
    basic = base64.b64encode(b"me:pa55").decode()
    assert f"proxy-authorization: basic {basic}".lower() in [line.lower() for line in head]
    assert secret not in "".join(head)
    assert "proxy-authorization" not in server.seen[0].headers


async def test_the_certificate_is_verified_inside_the_tunnel(
    world: World, answer: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, "everai.test")
    server = await world.serve(answer(200), tls=authority.server)
    await through_proxy(world, Proxy(port_of(server.url)), monkeypatch)
    client = await world.client("https://everai.test", limits=HURRY)
    with pytest.raises(Unreachable, match="not trusted") as caught:
        await client.scale_up(APP, 1)
    assert not caught.value.maybe_applied
    assert server.seen == []


async def test_plain_http_goes_through_its_proxy(
    world: World, answer: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await world.serve(answer(200, {"queueSize": 5}))
    proxy = Proxy(port_of(server.url))
    await through_proxy(world, proxy, monkeypatch, "me:p%2F5@")
    client = await world.client("http://everai.test")
    assert (await client.list_workers(APP)).queue_size == 5
    basic = base64.b64encode(b"me:p/5").decode()
    assert f"proxy-authorization: Basic {basic}" in proxy.heads[0]
    assert server.seen[0].target.startswith("http://everai.test/api/apps/v1/")


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_refused_tunnel_was_never_applied(
    world: World, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    await through_proxy(world, Proxy(0, status), monkeypatch, "me:pa55@")
    client = await world.client("https://everai.test", limits=HURRY)
    with pytest.raises(Unreachable, match=f"proxy refused.*{status}") as caught:
        await client.scale_up(APP, 1)
    assert not caught.value.maybe_applied
    assert "pa55" not in repr(caught.value)


async def test_a_proxy_that_is_down_was_never_applied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    client = await world.client("https://everai.test", limits=HURRY)
    with pytest.raises(Unreachable, match="proxy cannot be reached") as caught:
        await client.scale_up(APP, 1)
    assert not caught.value.maybe_applied


@pytest.mark.parametrize(
    ("no_proxy", "endpoint", "proxied"),
    [
        ("", "https://everai.test", True),
        ("other.test", "https://everai.test", True),
        ("everai.test", "https://everai.test", False),
        (".test", "https://everai.test", False),
        ("*", "https://everai.test", False),
        ("10.0.0.0/8", "https://10.1.2.3", False),
        ("10.0.0.0/8", "https://11.1.2.3", True),
        ("", "http://127.0.0.1:8080", False),
        ("", "http://[::1]:8080", False),
        ("", "http://localhost:8080", False),
    ],
)
def test_no_proxy(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, endpoint: str, *, proxied: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.test:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    proxy = proxy_for(httpx.URL(endpoint))
    assert (proxy is not None) is proxied
    if proxy is not None:
        assert str(proxy.url) == "http://proxy.test:3128"


def test_a_proxy_that_is_no_url_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://me:pa55@proxy.test")
    with pytest.raises(ConfigurationError, match="ALL_PROXY") as caught:
        proxy_for(httpx.URL("https://everai.test"))
    assert "pa55" not in repr(caught.value)


async def test_the_pool_has_its_limit(world: World) -> None:
    held, full = asyncio.Event(), asyncio.Event()
    connections: list[int] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        if len(connections) == 2:
            full.set()
        await reader.readuntil(b"\r\n\r\n")
        await held.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    _, port = await world.listen(hold)
    client = await world.client(f"http://127.0.0.1:{port}", pool=Pool(max_connections=2))
    calls = [asyncio.create_task(client.list_workers(APP)) for _ in range(4)]
    await full.wait()
    await asyncio.sleep(0.05)
    assert len(connections) == 2
    held.set()
    await asyncio.gather(*calls)
    assert len(connections) == 4


async def test_a_transport_of_the_callers_own_needs_no_socket(world: World) -> None:
    def platform(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "everai.test"
        return httpx.Response(200, json={"queueSize": 6})

    client: EverAIClient = await world.client(
        "http://everai.test",
        TokenSource.from_value("t"),
        transport=httpx.MockTransport(platform),
    )
    assert (await client.list_workers(APP)).queue_size == 6
