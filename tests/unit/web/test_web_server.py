"""Starting and stopping: a part of the program, never its master."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import suppress

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from autoscaler.model.errors import ConfigurationError
from autoscaler.web import WebServer


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def never(_: Request) -> Response:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture
def app() -> Starlette:
    return Starlette(routes=[Route("/", hello), Route("/never", never)])


async def test_the_port_is_known_after_the_start(app: Starlette) -> None:
    async with WebServer(app, "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        assert server.port > 0
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert (await client.get(server.url)).text == "hello"


async def test_ipv6(app: Starlette) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    async with WebServer(app, "::1", 0) as server, httpx.AsyncClient() as client:
        assert server.url.startswith("http://[::1]:")
        assert (await client.get(server.url)).text == "hello"


async def test_a_taken_port_is_named_with_what_to_do(app: Starlette) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = WebServer(app, "127.0.0.1", port)
        with pytest.raises(ConfigurationError) as caught:
            await server.start()
    message = str(caught.value)
    assert f"127.0.0.1:{port}" in message
    assert "already in use" in message
    assert "server.listen" in message
    await server.stop()


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("127.0.0.1", 70_000)])
async def test_an_impossible_address_is_a_configuration_error(
    app: Starlette, host: str, port: int
) -> None:
    with pytest.raises(ConfigurationError, match=r"server\.listen"):
        await WebServer(app, host, port).start()


async def test_signals_stay_with_the_program(app: Starlette) -> None:
    watched = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in watched]
    async with WebServer(app, "127.0.0.1", 0):
        assert [signal.getsignal(number) for number in watched] == before
    assert [signal.getsignal(number) for number in watched] == before


async def test_requests_are_not_logged(app: Starlette, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with WebServer(app, "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        await client.get(f"{server.url}/?secret=value")
    assert not [record for record in caplog.records if record.name == "uvicorn.access"]


async def test_a_start_that_is_cancelled_leaves_nothing_behind(app: Starlette) -> None:
    server = WebServer(app, "127.0.0.1", 0)
    start = asyncio.create_task(server.start())
    await asyncio.sleep(0)
    start.cancel()
    with suppress(asyncio.CancelledError):
        await start
    assert start.cancelled()
    assert server.port > 0
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_nothing_listens_after_the_stop(app: Starlette) -> None:
    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    await server.stop()
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_the_same_port_can_be_taken_again_at_once(app: Starlette) -> None:
    async with WebServer(app, "127.0.0.1", 0) as first, httpx.AsyncClient() as client:
        await client.get(first.url)
    async with WebServer(app, "127.0.0.1", first.port) as second, httpx.AsyncClient() as client:
        assert (await client.get(second.url)).text == "hello"


async def stop_in_time(server: WebServer) -> None:
    """Fail where the stop takes as long as its promise allows, or longer."""
    async with asyncio.timeout(3.0):
        await server.stop()


async def test_idle_connections_do_not_delay_the_stop(app: Starlette) -> None:
    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    silent = await asyncio.open_connection("127.0.0.1", server.port)
    half = await asyncio.open_connection("127.0.0.1", server.port)
    half[1].write(b"GET / HTTP/1.1\r\nHost: half")
    async with httpx.AsyncClient() as client:
        await client.get(server.url)
        await stop_in_time(server)
    for reader, writer in (silent, half):
        assert await reader.read() == b""
        writer.close()


async def test_a_request_that_never_ends_is_cut_off(app: Starlette) -> None:
    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(0.05)
    await stop_in_time(server)
    answer = b""
    with suppress(ConnectionResetError):
        answer = await reader.read()
    writer.close()
    assert b"hello" not in answer
