"""The past: pages of events, decisions explained, samples, cost; and bad questions."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from autoscaler.model import AppKey
from autoscaler.ports import EventKind, Sample
from tests.fakes.api_site import NOW, event

APP = "/api/v1/apps/default/sd15"
OTHER = AppKey("default", "other")


@pytest.fixture
def told(parts: Any, app: AppKey) -> None:
    """Twenty decisions a minute apart, the odd ones scale up; and one event of each other kind."""
    parts.configure(
        {"name": "sd15", "max_workers": 4, "price_per_hour": 2.5},
        {"name": "other", "max_workers": 4},
    )
    decisions = [event(i, app, NOW - 1260 + 60 * i, EventKind.DECISION) for i in range(1, 21)]
    parts.past.told = [
        *decisions,
        event(21, app, NOW - 50, EventKind.SCALE, outcome="applied", count=1),
        event(22, OTHER, NOW - 40, EventKind.RACED, worker_id="w1"),
        event(23, None, NOW - 30, EventKind.TROUBLE, operation="list_workers", code="503"),
        event(24, app, NOW - 20, EventKind.INTERVENTION, who="ops"),
    ]


def ids(reply: httpx.Response) -> list[int]:
    assert reply.status_code == 200, reply.text
    return [item["id"] for item in reply.json()["items"]]


@pytest.mark.usefixtures("told")
class TestTold:
    async def test_pages_of_decisions_newest_first(self, client: httpx.AsyncClient) -> None:
        seen: list[int] = []
        query: dict[str, Any] = {"limit": 7}
        while True:
            reply = await client.get(f"{APP}/decisions", params=query)
            seen += ids(reply)
            if reply.json()["next_cursor"] is None:
                break
            query["cursor"] = reply.json()["next_cursor"]
        assert seen == list(range(20, 0, -1))

    async def test_a_page_that_just_fits_has_no_next(self, client: httpx.AsyncClient) -> None:
        reply = await client.get(f"{APP}/decisions", params={"limit": 20})
        assert len(ids(reply)) == 20
        assert reply.json()["next_cursor"] is None

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"action": "scale_up"}, 10),
            ({"action": ["scale_up", "hold"]}, 20),
            ({"action": "scale_down"}, 0),
            ({"reason": "AtTarget"}, 20),
            ({"reason": "Cooldown"}, 0),
            ({"start": "-10m"}, 10),
            ({"start": "-10m", "end": "-5m"}, 5),
            ({"start": str(NOW - 600), "end": "2025-11-24T15:55:00Z"}, 5),
        ],
    )
    async def test_filters(
        self, client: httpx.AsyncClient, query: dict[str, Any], count: int
    ) -> None:
        assert len(ids(await client.get(f"{APP}/decisions", params=query))) == count

    async def test_a_list_has_numbers_and_full_has_all(self, client: httpx.AsyncClient) -> None:
        brief = (await client.get(f"{APP}/decisions", params={"limit": 1})).json()["items"][0]
        full = (await client.get(f"{APP}/decisions", params={"limit": 1, "full": True})).json()
        assert set(brief["fields"]) == {
            "desired", "combined", "queue_size", "min_workers", "max_workers", "count",
        }  # fmt: skip
        assert full["items"][0]["fields"]["proposals"][0]["policy"] == "queue"

    async def test_events_of_an_app_and_of_all(self, client: httpx.AsyncClient) -> None:
        assert ids(await client.get(f"{APP}/events", params={"limit": 3})) == [24, 21, 20]
        assert ids(await client.get("/api/v1/events", params={"limit": 3})) == [24, 23, 22]
        kinds = {"kind": ["raced", "trouble"]}
        reply = await client.get("/api/v1/events", params=kinds)
        assert ids(reply) == [23, 22]
        assert [item["app"] for item in reply.json()["items"]] == [None, "other"]
        assert reply.json()["items"][0]["fields"]["code"] == "503"

    async def test_a_decision_explains_itself(self, client: httpx.AsyncClient) -> None:
        body = (await client.get(f"{APP}/decisions/7")).json()
        assert body["id"] == 7
        assert "order 1 more, for 3 in all" in body["explanation"]["text"]
        assert [row["step"] for row in body["explanation"]["steps"]][-1] == "desired"

    @pytest.mark.parametrize("number", [0, 21, 22, 99, 2**63 - 2])
    async def test_what_is_no_decision_of_the_app_is_not_found(
        self, client: httpx.AsyncClient, number: int
    ) -> None:
        assert (await client.get(f"{APP}/decisions/{number}")).status_code in (404, 422)

    async def test_the_decision_in_force_at_a_moment(self, client: httpx.AsyncClient) -> None:
        then = (await client.get(f"{APP}/explanation", params={"at": "10m ago"})).json()
        now = (await client.get(f"{APP}/explanation")).json()
        assert (then["id"], then["at"]) == (11, "2025-11-24T15:50:00.000Z")
        assert (now["id"], now["decision"]["reason"]) == (None, "AtTarget")
        before = await client.get(f"{APP}/explanation", params={"at": "-2h"})
        assert before.status_code == 404
        assert "at or before -2h" in before.json()["detail"]

    async def test_a_decision_of_an_older_version_is_told_all_the_same(
        self, client: httpx.AsyncClient, parts: Any, app: AppKey
    ) -> None:
        parts.past.told = [event(1, app, NOW - 9, EventKind.SCALE)]
        parts.past.told[0] = parts.past.told[0].__class__(
            1, app, NOW - 9, EventKind.DECISION, message="held", fields={"desired": 1}
        )
        body = (await client.get(f"{APP}/decisions/1")).json()
        assert body["explanation"] == {"text": "held", "steps": []}


async def test_samples_and_how_many(client: httpx.AsyncClient, parts: Any, app: AppKey) -> None:
    parts.past.stored[app] = [Sample(NOW - 60.0 * i, free=1.5) for i in range(100, 0, -1)]
    body = (await client.get(f"{APP}/samples", params={"start": "-1h", "points": 50})).json()
    assert body["count"] == len(body["items"]) == 50
    assert body["items"][0]["at"] == "2025-11-24T15:00:00.000Z"
    assert body["items"][0]["free"] == 1.5
    assert (body["start"], body["end"]) == ("2025-11-24T15:00:00.000Z", "2025-11-24T16:00:00.000Z")
    assert parts.past.asked_points == [50]


async def test_cost_of_an_app_and_of_all(
    client: httpx.AsyncClient, parts: Any, app: AppKey
) -> None:
    parts.past.price = 3.6
    parts.past.stored = {
        app: [Sample(NOW - 1000, worker_s=1000.0, workers_max=2, span_s=500.0)],
        OTHER: [Sample(NOW - 1000, worker_s=2000.0, workers_max=4, span_s=500.0)],
    }
    one = (await client.get(f"{APP}/cost", params={"fixed_workers": 6})).json()
    assert one["cost"] == pytest.approx(1.0)
    assert (one["fixed_workers"], one["fixed"]) == (6, pytest.approx(3.0))
    assert one["saved_vs_fixed"] == pytest.approx(2.0)
    assert one["saved_vs_always_max"] == pytest.approx(one["always_max"] - 1.0)
    both = (await client.get("/api/v1/cost")).json()
    assert both["cost"] == pytest.approx(3.0)
    assert both["fixed_workers"] == 4
    short = (await client.get("/api/v1/cost", params={"start": "-10m"})).json()
    assert (short["cost"], short["seen_s"]) == (0, 0)


async def test_no_price_no_money(client: httpx.AsyncClient, parts: Any, app: AppKey) -> None:
    parts.past.stored[app] = [Sample(NOW - 100, worker_s=60.0, workers_max=1)]
    body = (await client.get(f"{APP}/cost")).json()
    assert body["worker_s"] == 60
    money = ("cost", "always_max", "fixed", "saved_vs_fixed", "saved_vs_always_max")
    assert {body[name] for name in (*money, "price_per_hour")} == {None}


PAST = ["decisions", "events", "samples", "cost"]


@pytest.mark.parametrize("what", PAST)
@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ({"start": "2030-01-01T00:00:00Z"}, "start", "2030-01-01T00:00:00Z"),
        ({"end": "2030-01-01T00:00:00Z"}, "end", "2030-01-01T00:00:00Z"),
        ({"start": "-1h", "end": "-2h"}, "start", "-1h"),
        ({"start": "yesterday"}, "start", "yesterday"),
        ({"start": "-1h;drop"}, "start", "-1h;drop"),
    ],
)
async def test_a_bad_range_is_named_with_its_value(
    client: httpx.AsyncClient, what: str, query: dict[str, str], name: str, value: str
) -> None:
    reply = await client.get(f"{APP}/{what}", params=query)
    assert reply.status_code == 422
    problem = reply.json()
    assert (problem["errors"][0]["name"], problem["errors"][0]["value"]) == (name, value)
    assert f"{name} = {value}" in problem["detail"]


@pytest.mark.parametrize(
    ("address", "limit"),
    [
        (f"{APP}/decisions?limit=501", "500"),
        (f"{APP}/events?limit=100000000000", "500"),
        ("/api/v1/events?limit=501", "500"),
        (f"{APP}/samples?points=2001", "2000"),
        (f"{APP}/cost?fixed_workers=100001", "100000"),
    ],
)
async def test_too_much_at_once_is_refused_with_the_limit(
    client: httpx.AsyncClient, address: str, limit: str
) -> None:
    reply = await client.get(address)
    assert reply.status_code == 422
    assert f"less than or equal to {limit}" in reply.json()["detail"]


@pytest.mark.parametrize("what", [*PAST, "decisions/1", "explanation", "config"])
async def test_an_unknown_app_is_not_found(client: httpx.AsyncClient, what: str) -> None:
    reply = await client.get(f"/api/v1/apps/default/unknown/{what}")
    assert reply.status_code == 404
    assert "default/unknown" in reply.json()["detail"]


class TestBroken:
    async def test_a_history_that_cannot_be_read_is_a_problem_without_its_inside(
        self, client: httpx.AsyncClient, parts: Any
    ) -> None:
        parts.past.broken = True
        for what in PAST:
            reply = await client.get(f"{APP}/{what}")
            assert reply.status_code == 503
            assert "secret-place" not in reply.text
        assert (await client.get("/api/v1/health")).json()["history"]["error"] == "disk full"


class TestOff:
    @pytest.fixture
    def parts(self, parts: Any) -> Any:
        parts.history = None
        return parts

    async def test_without_a_history_it_says_how_to_turn_it_on(
        self, client: httpx.AsyncClient
    ) -> None:
        for what in PAST:
            reply = await client.get(f"{APP}/{what}")
            assert reply.status_code == 503
            assert "`history`" in reply.json()["detail"]
        assert (await client.get(f"{APP}/explanation")).status_code == 200
        assert (await client.get("/api/v1/health")).json()["history"] is None
