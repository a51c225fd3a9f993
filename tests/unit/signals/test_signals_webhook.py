"""Webhooks: what is posted, and which replies are a number."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.model import NoData, Observation, WebhookCall
from autoscaler.signals import SignalFetcher
from autoscaler.testing.scenes import EPOCH


@pytest.fixture
def call(site: Any, fetcher: SignalFetcher, look: Callable[..., Observation]) -> Callable[..., Any]:
    """Post one observation; return the answer."""

    async def post(timeout_s: float = 5.0, **counts: Any) -> float | NoData:
        request = WebhookCall("hook", site.url + "/decide", timeout_s)
        return (await fetcher.fetch((request,), look(**counts)))["hook"]

    return post


async def test_the_observation_is_posted(site: Any, call: Callable[..., Any]) -> None:
    site.body = b'{"workers": 4}'
    assert await call(busy=1, free=1, in_flight=1, queue=3, idle_s=30, served=7) == 4.0
    head, _, body = site.requests[0].partition("\r\n\r\n")
    assert head.startswith("POST /decide ")
    assert "content-type: application/json" in head.lower()
    posted = json.loads(body)
    assert posted["app"] == {"namespace": "default", "name": "app"}
    assert (posted["at"], posted["queueSize"], posted["maxWorkers"]) == (EPOCH, 3, 100_000)
    assert posted["count"] == {"busy": 1, "free": 1, "in_flight": 1}
    assert [worker["idle"] for worker in posted["workers"]] == [0.0, 30.0, None]
    assert posted["workers"][1]["age"] == 3630.0


async def test_an_unknown_queue_is_null_and_no_zero(site: Any, call: Callable[..., Any]) -> None:
    site.body = b"2"
    assert await call(busy=1, queue=None) == 2.0
    assert json.loads(site.requests[0].partition("\r\n\r\n")[2])["queueSize"] is None


@pytest.mark.parametrize(
    "body",
    [b"true", b'"3"', b"{}", b'{"workers": null}', b"[3]", b"NaN", b"null", b'{"workers": 1'],
)
async def test_anything_else_is_no_number(site: Any, call: Callable[..., Any], body: bytes) -> None:
    site.body = body
    got = await call(busy=1)
    assert isinstance(got, NoData)
    assert got.why.startswith(f"127.0.0.1:{site.port} answered")


async def test_late_is_no_number(site: Any, call: Callable[..., Any]) -> None:
    site.hang = True
    assert isinstance(await call(timeout_s=0.1), NoData)


async def test_an_error_is_no_number(site: Any, call: Callable[..., Any]) -> None:
    site.status, site.body = 500, b"7"
    assert await call() == NoData(f"127.0.0.1:{site.port} answered HTTP 500")
