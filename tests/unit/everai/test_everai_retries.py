from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autoscaler.everai import TimeLimits, TokenSource
from autoscaler.model import AppKey
from autoscaler.model.errors import (
    PlatformError,
    Rejected,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)

if TYPE_CHECKING:
    from tests.unit.everai.conftest import Answer, Seen, World

APP = AppKey("default", "sd15")
OTHER = AppKey("default", "other")
PATIENT = TimeLimits(attempts=4, backoff_s=1.0, backoff_ceiling_s=2.0, budget_s=30.0)

Build = Callable[..., "Answer"]


def replaces(path: Path) -> Callable[[Seen], None]:
    """Return a step that puts a new token into the file while a request is under way."""

    def step(_: Seen) -> None:
        path.write_text("new")

    return step


async def test_a_read_is_tried_again_after_passing_trouble(
    world: World, answer: Build, rude: type[Answer]
) -> None:
    server = await world.serve(
        answer(503), answer(429), rude(b"", "reset"), answer(200, {"queueSize": 2})
    )
    client = await world.client(server, limits=PATIENT)
    # a lost GET on a kept connection is repeated once below us, before our own retry
    assert (await client.list_workers(APP)).queue_size == 2
    assert len(world.clock.sleeps) >= 2
    assert all(0 <= pause <= 2.0 for pause in world.clock.sleeps)


async def test_pauses_grow_to_the_ceiling_with_full_jitter(world: World, answer: Build) -> None:
    server = await world.serve(answer(500))
    limits = TimeLimits(attempts=40, backoff_s=0.1, backoff_ceiling_s=0.8, budget_s=1000)
    client = await world.client(server, limits=limits)
    with pytest.raises(ServerFault):
        await client.list_workers(APP)
    pauses = world.clock.sleeps
    assert len(pauses) == 39
    assert pauses[0] <= 0.1
    assert pauses[1] <= 0.2
    assert 0.7 < max(pauses) <= 0.8
    assert min(pauses[5:]) < 0.2
    assert len(server.seen) == 40


async def test_a_read_gives_up_after_its_attempts(world: World, answer: Build) -> None:
    server = await world.serve(answer(500))
    with pytest.raises(ServerFault):
        await (await world.client(server, limits=PATIENT)).list_workers(APP)
    assert len(server.seen) == len(world.calls) == 4


async def test_a_read_gives_up_within_its_budget(world: World, answer: Build) -> None:
    server = await world.serve(answer(500))
    limits = TimeLimits(attempts=1000, backoff_s=1.0, backoff_ceiling_s=1.0, budget_s=10.0)
    started = world.clock.now()
    with pytest.raises(ServerFault):
        await (await world.client(server, limits=limits)).list_workers(APP)
    assert world.clock.now() - started <= 10.0
    assert len(server.seen) > 10


@pytest.mark.parametrize("status", [400, 403, 404, 409])
async def test_a_refused_read_is_not_tried_again(world: World, answer: Build, status: int) -> None:
    server = await world.serve(answer(status))
    with pytest.raises(PlatformError):
        await (await world.client(server, limits=PATIENT)).list_workers(APP)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_scale_call_is_never_repeated(world: World, answer: Build, status: int) -> None:
    server = await world.serve(answer(status, {}, Retry_After="0"))
    client = await world.client(server, limits=PATIENT)
    with pytest.raises(PlatformError) as caught:
        await client.scale_up(APP, 1)
    with pytest.raises(PlatformError):
        await client.scale_down(APP, ("a",))
    assert len(server.seen) == 2
    assert world.clock.sleeps == []
    assert caught.value.retry_after_s == 0.0  # type: ignore[attr-defined] # 429 and 5xx have it


async def test_retry_after_in_seconds_is_obeyed(world: World, answer: Build) -> None:
    server = await world.serve(answer(429, {}, Retry_After="7"), answer(200))
    await (await world.client(server, limits=PATIENT)).list_workers(APP)
    assert 7.0 <= world.clock.sleeps[0] <= 8.0


async def test_retry_after_as_a_date_is_measured_on_the_platforms_clock(
    world: World, answer: Build
) -> None:
    server = await world.serve(
        answer(
            503,
            {},
            Date="Sun, 29 Sep 2024 09:35:35 GMT",
            Retry_After="Sun, 29 Sep 2024 09:35:44 GMT",
        ),
        answer(200),
    )
    await (await world.client(server, limits=PATIENT)).list_workers(APP)
    assert 9.0 <= world.clock.sleeps[0] <= 10.0


@pytest.mark.parametrize("value", ["soon", "-5", "1.5", "Sun, 29 Sep 2004 09:35:35 GMT", "9" * 30])
async def test_a_senseless_retry_after_is_none(world: World, answer: Build, value: str) -> None:
    server = await world.serve(answer(429, {}, Retry_After=value), answer(200))
    await (await world.client(server, limits=PATIENT)).list_workers(APP)
    assert world.clock.sleeps[0] <= 1.0


@pytest.mark.parametrize(("status", "kind"), [(429, Throttled), (503, ServerFault)])
async def test_a_retry_after_beyond_the_budget_is_handed_up(
    world: World, answer: Build, status: int, kind: type[Throttled | ServerFault]
) -> None:
    server = await world.serve(answer(status, {}, Retry_After="120"))
    with pytest.raises(kind, match="asks to wait 120 s") as caught:
        await (await world.client(server, limits=PATIENT)).list_workers(APP)
    assert caught.value.retry_after_s == 120.0
    assert len(server.seen) == 1
    assert world.clock.sleeps == []


async def test_a_401_is_tried_again_at_once_with_a_new_token(
    world: World, answer: Build, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    server = await world.serve(answer(401), answer(200, {"workerIds": ["n"]}))
    server.on_request = replaces(path)
    client = await world.client(server, TokenSource.from_file(path))
    assert await client.scale_up(APP, 1) == ("n",)
    sent = [seen.headers["authorization"] for seen in server.seen]
    assert sent == ["Bearer old", "Bearer new"]
    assert [code for _, code, _ in world.calls] == ["401", "200"]
    assert world.clock.sleeps == []


async def test_a_refused_token_is_tried_again_once_a_minute(world: World, answer: Build) -> None:
    server = await world.serve(answer(401))
    client = await world.client(server)
    for _ in range(5):
        with pytest.raises(Unauthorized) as caught:
            await client.list_workers(APP)
    assert len(server.seen) == 1
    assert "EVERAI_TOKEN" in str(caught.value)
    assert caught.value.status == 401
    world.clock.at += 59.9
    with pytest.raises(Unauthorized):
        await client.scale_up(APP, 1)
    assert len(server.seen) == 1
    world.clock.at += 0.2
    with pytest.raises(Unauthorized):
        await client.list_workers(APP)
    assert len(server.seen) == 2


async def test_a_401_of_one_app_leaves_the_others_alone(world: World, answer: Build) -> None:
    server = await world.serve(answer(401), answer(200))
    client = await world.client(server)
    with pytest.raises(Unauthorized):
        await client.list_workers(APP)
    await client.list_workers(OTHER)
    with pytest.raises(Unauthorized):
        await client.list_workers(APP)
    assert len(server.seen) == 2


async def test_a_changed_token_ends_the_pause(world: World, answer: Build, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    server = await world.serve(answer(401), answer(200))
    client = await world.client(server, TokenSource.from_file(path))
    with pytest.raises(Unauthorized):
        await client.list_workers(APP)
    path.write_text("newer")
    world.clock.at += 1.1
    await client.list_workers(APP)
    assert server.seen[1].headers["authorization"] == "Bearer newer"


async def test_without_a_token_nothing_is_sent(world: World, answer: Build, tmp_path: Path) -> None:
    server = await world.serve(answer(200))
    client = await world.client(server, TokenSource.from_file(tmp_path / "none"))
    with pytest.raises(Unauthorized, match="none"):
        await client.list_workers(APP)
    assert server.seen == []


async def test_trouble_after_the_renewed_token_is_that_trouble(
    world: World, answer: Build, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    server = await world.serve(answer(401), answer(409))
    server.on_request = replaces(path)
    client = await world.client(server, TokenSource.from_file(path))
    with pytest.raises(Rejected):
        await client.scale_up(APP, 1)
    assert len(server.seen) == 2


async def test_unreachable_reads_are_retried_too(world: World) -> None:
    client = await world.client("http://127.0.0.1:1", limits=PATIENT)
    with pytest.raises(Unreachable):
        await client.list_workers(APP)
    assert len(world.calls) == 4
    assert {code for _, code, _ in world.calls} == {"Unreachable"}
