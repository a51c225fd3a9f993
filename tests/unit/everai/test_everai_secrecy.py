"""The token is in no error, repr, traceback, log or metric, whatever goes wrong."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from autoscaler.everai import EverAIClient, TimeLimits
from autoscaler.model import AppKey
from autoscaler.model.errors import PlatformError

if TYPE_CHECKING:
    from tests.unit.everai.conftest import Answer, World

APP = AppKey("default", "sd15")
HURRY = TimeLimits(connect_s=0.3, read_s=0.3, total_s=0.6, budget_s=60, attempts=1)

Build = Callable[..., "Answer"]


def everything_said(error: BaseException) -> str:
    """Return all that a log could make of an error, the variables of our frames included."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next  # this test's own frames know the token
    assert frames is not None
    deep = traceback.TracebackException(type(error), error, frames, capture_locals=True)
    told = [str(error), repr(error), repr(error.args), repr(vars(error)), *deep.format()]
    seen: BaseException | None = error
    while seen is not None:
        told += [str(seen), repr(seen), repr(vars(seen))]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(told)


def echoes(build: Build, secret: str) -> list[Answer]:
    """Return replies that quote the token back in every way that a server has."""
    padding = "x" * 150
    replies = [
        build(status, {"code": 16, "message": text})
        for status in (400, 401, 403, 404, 409, 429, 500, 503)
        for text in (f"bad token {secret}", f"{padding} {secret}")
    ]
    replies += [
        build(status, raw=f"<html>{padding[:cut]}{secret}</html>".encode())
        for status in (200, 401, 500)
        for cut in range(120, 150, 3)
    ]
    escaped = json.dumps({"message": secret}).replace("/", "\\/").encode()
    replies += [
        build(200, raw=escaped),
        build(401, raw=escaped),
        build(502, raw=escaped[:-2]),
        build(302, Location=f"https://login.test/{secret}?token={secret}"),
        build(200, {"workers": 7, "token": secret}),
        build(200, raw=f'{{"{secret}":'.encode()),
        build(200, {"error": secret}),
        build(200, {"message": f"{padding} {secret}"}),
    ]
    return replies


def leaks(text: str, secret: str) -> bool:
    """Return whether a text shows the token, or a part that would help to guess it."""
    return any(secret[at : at + 8] in text for at in range(len(secret) - 7))


async def provoke(call: Callable[[], Awaitable[object]]) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await call()
    return caught.value


async def test_no_error_shows_a_token_that_the_server_quotes(
    world: World, answer: Build, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for reply in echoes(answer, secret):
        server = await world.serve(reply)
        client = await world.client(server, limits=TimeLimits(attempts=1))
        error = await provoke(lambda client=client: client.list_workers(APP))  # type: ignore[misc] # bound now
        assert leaks(server.seen[0].headers["authorization"], secret)
        assert not leaks(everything_said(error), secret), reply
        assert not leaks(repr(client), secret)
        await client.aclose()
    assert not leaks(caplog.text, secret)
    assert not leaks(repr(world.calls), secret)


@pytest.mark.parametrize("then", ["reset", "close", "hang"])
@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"SSH-2\r\n"]
)
async def test_no_lost_reply_shows_the_token(
    world: World,
    rude: type[Answer],
    secret: str,
    data: bytes,
    then: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = await world.serve(rude(data, then))  # type: ignore[arg-type] # a Literal parameter
    client = await world.client(server, limits=HURRY)
    for call in (lambda: client.scale_up(APP, 1), lambda: client.list_workers(APP)):
        assert not leaks(everything_said(await provoke(call)), secret)
    assert not leaks(caplog.text, secret)


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://no-such-host.invalid"]
)
async def test_no_failed_connection_shows_the_token(
    world: World, secret: str, endpoint: str
) -> None:
    client = await world.client(endpoint, limits=HURRY)
    error = await provoke(lambda: client.scale_up(APP, 1))
    assert not leaks(everything_said(error), secret)
    assert not leaks(repr(world.calls), secret)


async def test_a_pause_after_a_401_does_not_show_the_token(
    world: World, answer: Build, secret: str
) -> None:
    client: EverAIClient = await world.client(await world.serve(answer(401)))
    await provoke(lambda: client.list_workers(APP))
    error = await provoke(lambda: client.list_workers(APP))
    assert "short while ago" in str(error)
    assert not leaks(everything_said(error), secret)
