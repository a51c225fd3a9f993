"""The list of apps: searched, filtered, sorted, paged; and what one app tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from autoscaler.model import (
    AppKey,
    Decision,
    Intervention,
    InterventionKind,
    Observation,
    Reason,
    ScaleUp,
    Worker,
    WorkerState,
)
from autoscaler.ports import Sample
from tests.fakes.api_site import NOW

Ask = Callable[..., Any]


@pytest.fixture
def ask(client: httpx.AsyncClient) -> Ask:
    async def get(address: str = "/api/v1/apps", **query: Any) -> dict[str, Any]:
        reply = await client.get(address, params=query)
        assert reply.status_code == 200, reply.text
        body: dict[str, Any] = reply.json()
        return body

    return get


@pytest.fixture
def many(
    parts: Any, observe: Callable[..., Observation], decide: Callable[..., Decision], app: AppKey
) -> None:
    """A dozen apps: workers and queue grow with the number, four reasons go round."""
    parts.snapshot.forget(app)
    reasons = [Reason.AT_TARGET, Reason.PAUSED, Reason.PLATFORM_UNREACHABLE, Reason.COOLDOWN]
    for number in range(12):
        key = AppKey("red" if number % 2 else "blue", f"app-{number:02}")
        workers = tuple(Worker(f"w{i}", WorkerState.FREE) for i in range(number))
        parts.snapshot.observed(observe(app=key, workers=workers, queue_size=100 - number))
        parts.snapshot.decided(decide(app=key, reason=reasons[number % 4], desired=number // 3))
    parts.snapshot.decided(decide(ScaleUp(2), app=AppKey("green", "big")))


def names(body: dict[str, Any]) -> list[str]:
    return [item["name"] for item in body["items"]]


@pytest.mark.usefixtures("many")
class TestMany:
    async def test_pages_follow_each_other(self, ask: Ask) -> None:
        seen: list[str] = []
        offset: int | None = 0
        while offset is not None:
            page = await ask(limit=5, offset=offset)
            assert page["total"] == 13
            assert page["count"] == len(page["items"]) <= 5
            seen += [f"{item['namespace']}/{item['name']}" for item in page["items"]]
            offset = page["next_offset"]
        assert len(seen) == len(set(seen)) == 13
        assert seen == sorted(seen)

    async def test_a_page_behind_the_last_is_empty(self, ask: Ask) -> None:
        page = await ask(offset=13)
        assert (page["total"], page["count"], page["next_offset"], page["items"]) == (
            13,
            0,
            None,
            [],
        )

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"q": "APP-1"}, 2),
            ({"q": "ed/app"}, 6),
            ({"q": "nothing"}, 0),
            ({"q": "%"}, 0),
            ({"namespace": "red"}, 6),
            ({"namespace": "re"}, 0),
            ({"status": "off"}, 3),
            ({"status": ["off", "troubled"]}, 6),
            ({"status": "scaling"}, 1),
            ({"reason": "Cooldown"}, 3),
            ({"reason": ["Cooldown", "Paused"], "namespace": "blue"}, 0),
            ({"reason": ["Cooldown", "Paused"], "namespace": "red"}, 6),
        ],
    )
    async def test_filters(self, ask: Ask, query: dict[str, Any], count: int) -> None:
        body = await ask(**query)
        assert body["total"] == body["count"] == count

    @pytest.mark.parametrize(
        ("sort", "order", "first", "last"),
        [
            ("name", "desc", "app-11", "app-00"),
            ("workers", "asc", "app-00", "big"),
            ("workers", "desc", "app-11", "big"),
            ("queue", "asc", "app-11", "big"),
            ("desired", "desc", "app-10", "app-02"),
            ("status", "asc", "app-03", "app-10"),
            ("decided_at", "asc", "app-00", "app-11"),
        ],
    )
    async def test_orders(self, ask: Ask, sort: str, order: str, first: str, last: str) -> None:
        listed = names(await ask(sort=sort, order=order))
        assert len(listed) == 13
        if sort == "desired":  # equal ones stay in order of their names
            assert set(listed[:3]) == {"app-09", "app-10", "app-11"}
        elif sort == "status":
            assert set(listed[:3]) == {"app-03", "app-07", "app-11"}
        elif sort != "decided_at":
            assert listed[0] == first
            assert listed[-1] == last

    @pytest.mark.parametrize(
        ("query", "name", "words"),
        [
            ({"limit": 1001}, "limit", "less than or equal to 1000"),
            ({"limit": 0}, "limit", "greater than or equal to 1"),
            ({"limit": "10**9"}, "limit", "valid integer"),
            ({"offset": -1}, "offset", "greater than or equal to 0"),
            ({"sort": "colour"}, "sort", "'name'"),
            ({"status": "happy"}, "status.0", "'steady'"),
            ({"reason": "Because"}, "reason.0", "'AtTarget'"),
            ({"limt": 5}, "limt", "is not known here"),
            ({"q": "x" * 254}, "q", "at most 253"),
        ],
    )
    async def test_a_wrong_value_is_named_with_what_is_allowed(
        self, client: httpx.AsyncClient, query: dict[str, Any], name: str, words: str
    ) -> None:
        reply = await client.get("/api/v1/apps", params=query)
        assert reply.status_code == 422
        assert reply.headers["content-type"] == "application/problem+json"
        error = reply.json()["errors"][0]
        assert (error["in"], error["name"]) == ("query", name)
        assert words in error["message"]
        assert len(error["value"]) <= 100


async def test_an_app_that_joins_or_leaves_changes_the_order(
    ask: Ask, parts: Any, decide: Callable[..., Decision], app: AppKey
) -> None:
    assert names(await ask()) == ["sd15"]
    parts.snapshot.decided(decide(app=AppKey("default", "alpha")))
    assert names(await ask()) == ["alpha", "sd15"]
    parts.snapshot.forget(app)
    assert names(await ask()) == ["alpha"]


async def test_an_app_tells_orders_by_hand_and_its_last_day(
    ask: Ask, parts: Any, app: AppKey
) -> None:
    parts.orders.held[app, InterventionKind.BOOST] = Intervention(
        InterventionKind.BOOST, NOW - 1, NOW + 60, "ops (alice)", "a launch", workers=3
    )
    parts.past.price = 3.0
    parts.past.stored[app] = [Sample(NOW - 120, worker_s=120.0, workers_max=2)]
    told = await ask("/api/v1/apps/default/sd15")
    assert told["interventions"][0]["who"] == "ops (alice)"
    assert told["interventions"][0]["until"] == "2025-11-24T16:01:00.000Z"
    assert told["cost_24h"]["cost"] == pytest.approx(0.1)
    assert (await ask())["items"][0]["interventions"] == told["interventions"]
    parts.hand.time += 61
    assert (await ask("/api/v1/apps/default/sd15"))["interventions"] == []


async def test_an_app_is_told_while_its_past_cannot_be(ask: Ask, parts: Any) -> None:
    parts.past.broken = True
    assert (await ask("/api/v1/apps/default/sd15"))["cost_24h"] is None


async def test_an_app_that_is_only_configured_has_nothing_yet(ask: Ask, parts: Any) -> None:
    parts.configure({"name": "new", "max_workers": 1})
    told = await ask("/api/v1/apps/default/new")
    assert (told["status"], told["workers"], told["decision"]) == ("unseen", None, None)


async def test_a_name_that_no_app_can_have_is_a_problem(client: httpx.AsyncClient) -> None:
    for name in ("x" * 254, "%00", "a%20b", "%2e%2e"):
        reply = await client.get(f"/api/v1/apps/default/{name}")
        assert reply.status_code in (404, 422)
        assert reply.headers["content-type"] == "application/problem+json"


async def test_others_get_their_turn_while_thousands_are_looked_at(
    client: httpx.AsyncClient, parts: Any, decide: Callable[..., Decision]
) -> None:
    for number in range(3000):
        parts.snapshot.decided(decide(app=AppKey("default", f"app-{number:04}")))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    busy = asyncio.create_task(others())
    body = (await client.get("/api/v1/apps", params={"q": "app-2999", "sort": "workers"})).json()
    busy.cancel()
    assert body["total"] == 1
    assert turns > 3000 // 250
