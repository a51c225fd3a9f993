"""The last word on a change: asked when the connection stands, before the first byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.model import AppKey
from autoscaler.model.errors import NotLeader

APP = AppKey("default", "a")
World = Any


async def test_a_change_that_may_not_leave_does_not(
    world: World, answer: Callable[..., Any]
) -> None:
    server = await world.serve(answer(200, {"workers": []}), answer(200))
    allowed = True
    client = await world.client(server, may_send=lambda app: allowed and app == APP)
    allowed = False
    with pytest.raises(NotLeader) as caught:
        await client.scale_up(APP, 1)
    assert not caught.value.maybe_applied
    with pytest.raises(NotLeader):
        await client.scale_down(APP, ("x",))
    await client.list_workers(APP)
    assert [request.method for request in server.seen] == ["GET"]
    # The connection that the list left open is used, and asked for as well.
    with pytest.raises(NotLeader):
        await client.scale_up(APP, 1)
    allowed = True
    await client.scale_down(APP, ("x",))
    assert [request.method for request in server.seen] == ["GET", "POST"]


async def test_every_call_is_signed(world: World, answer: Callable[..., Any]) -> None:
    server = await world.serve(*[answer(200, {"workers": []})] * 2)
    who = ["pod-0_ab; term 3", ""]
    client = await world.client(server, signature=lambda app: who.pop(0) if app == APP else "?")
    await client.list_workers(APP)
    await client.list_workers(APP)
    signed, unsigned = (request.headers["user-agent"] for request in server.seen)
    assert signed.endswith(" (pod-0_ab; term 3)")
    assert unsigned == signed.removesuffix(" (pod-0_ab; term 3)")
