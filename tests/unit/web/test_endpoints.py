"""The HTTP face over a real socket, as a scraper, a kubelet and a person use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.model import AppKey, Decision, Observation, Reason, ScaleDown, ScaleUp
from autoscaler.ports.recorder import Outcome
from autoscaler.web import WebServer, build_app
from autoscaler.web.responses import accepts_gzip

ADDRESSES = ["/", "/metrics", "/livez", "/readyz", "/api/v1/apps", "/api/v1/apps/default/sd15"]


async def test_metrics_are_what_a_scraper_reads(client: httpx.AsyncClient) -> None:
    reply = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
    families = {family.name for family in text_string_to_metric_families(reply.text)}
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert {"autoscaler_workers", "autoscaler_decisions", "process_cpu_seconds"} <= families


async def test_metrics_in_the_format_that_is_asked_for(client: httpx.AsyncClient) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.2"
    reply = await client.get("/metrics", headers={"Accept": accept})
    assert reply.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert reply.text.endswith("# EOF\n")


@pytest.mark.parametrize("address", ["/metrics", "/api/v1/apps"])
async def test_long_answers_are_compressed_if_wanted(
    client: httpx.AsyncClient, address: str
) -> None:
    plain = await client.get(address, headers={"Accept-Encoding": "identity"})
    packed = await client.get(address, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text[:200] == plain.text[:200]
    assert "Accept-Encoding" in packed.headers["vary"]


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip; q=1.0", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("identity", False),
        ("", False),
    ],
)
def test_who_takes_gzip(header: str, *, taken: bool) -> None:
    assert accepts_gzip(header) is taken


async def test_alive_while_the_loop_goes_round(client: httpx.AsyncClient, parts: Any) -> None:
    parts.hand.time += 29
    assert (await client.get("/livez")).status_code == 200
    parts.hand.time += 2
    stuck = await client.get("/livez")
    assert stuck.status_code == 503
    assert "31.0 s ago" in stuck.json()["detail"]
    parts.health.beat()
    assert (await client.get("/livez")).status_code == 200


async def test_ready_once_each_app_was_tried(
    client: httpx.AsyncClient, parts: Any, app: AppKey
) -> None:
    unread = await client.get("/readyz")
    parts.health.configured([app])
    untried = await client.get("/readyz")
    parts.health.pass_ended(app, duration_s=0.1, lateness_s=0.0)
    ready = await client.get("/readyz")
    assert [reply.status_code for reply in (unread, untried, ready)] == [503, 503, 200]
    assert untried.json() == {"ready": False, "missing": ["Not tried yet: default/sd15."]}
    assert ready.json() == {"ready": True, "missing": []}


async def test_the_list_has_each_apps_last_observation_and_decision(
    client: httpx.AsyncClient, parts: Any, observe: Callable[..., Observation]
) -> None:
    parts.snapshot.observed(observe(app=AppKey("another", "llm"), queue_size=7))
    body = (await client.get("/api/v1/apps")).json()
    llm, sd15 = body["items"]
    assert body["count"] == 2
    assert (llm["namespace"], llm["name"], llm["decision"]) == ("another", "llm", None)
    assert llm["observation"]["queue_size"] == 7
    assert sd15["decision"]["reason"] == "AtTarget"
    assert sd15["observation"]["workers_by_state"]["free"] == 1
    assert sd15["observation"]["received_at"] == "2025-11-24T16:00:00.250Z"


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 35])
async def test_the_list_is_json_for_any_number_of_apps(
    client: httpx.AsyncClient, parts: Any, decide: Callable[..., Decision], app: AppKey, count: int
) -> None:
    parts.snapshot.forget(app)
    names = [f"app-{index:02}" for index in range(count)]
    for name in names:
        parts.snapshot.decided(decide(app=AppKey("default", name)))
    body = (await client.get("/api/v1/apps")).json()
    assert [item["name"] for item in body["items"]] == names
    assert body["count"] == count


async def test_an_app_whole(
    client: httpx.AsyncClient, parts: Any, decide: Callable[..., Decision], removal: ScaleDown
) -> None:
    down = decide(removal, reason=Reason.LOAD_BELOW_CAPACITY)
    parts.snapshot.decided(down)
    parts.snapshot.scaled(down, removal, Outcome.APPLIED, "")
    parts.snapshot.decided(decide(reason=Reason.STABILIZING))
    body = (await client.get("/api/v1/apps/default/sd15")).json()
    assert [worker["id"] for worker in body["observation"]["workers"]] == ["w0", "w1"]
    assert body["decision"]["reason"] == "Stabilizing"
    assert body["last_acting_decision"]["candidates"][0]["worker_id"] == "w0"
    assert body["last_scale_request"]["outcome"] == "applied"
    assert body["last_scale_request"]["action"] == "scale_down"


async def test_a_scale_up_whose_reply_was_lost_is_shown(
    client: httpx.AsyncClient, parts: Any, decide: Callable[..., Decision]
) -> None:
    parts.snapshot.scaled(decide(ScaleUp(2)), ScaleUp(1), Outcome.UNKNOWN, "timed out")
    shown = (await client.get("/api/v1/apps/default/sd15")).json()["last_scale_request"]
    assert (shown["count"], shown["outcome"], shown["detail"]) == (1, "unknown", "timed out")


async def test_a_forgotten_app_is_gone(client: httpx.AsyncClient, parts: Any, app: AppKey) -> None:
    parts.snapshot.forget(app)
    parts.configure({"name": "another", "max_workers": 1})
    assert (await client.get("/api/v1/apps/default/sd15")).status_code == 404


@pytest.mark.parametrize(
    "address",
    ["/nothing", "/api/v1/apps/default/unknown", "/metrics/", "/api/v1/apps/a/b/c", "/%2e%2e/etc"],
)
async def test_what_is_not_there_is_a_problem(client: httpx.AsyncClient, address: str) -> None:
    reply = await client.get(address)
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"
    body = reply.json()
    assert (body["type"], body["title"], body["status"]) == ("about:blank", "Not Found", 404)
    assert "GET /" in body["detail"]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_nothing_can_be_changed(client: httpx.AsyncClient, address: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        reply = await client.request(method, address, content=b"{}")
        assert reply.status_code == 405
        assert reply.headers["content-type"] == "application/problem+json"
        assert set(reply.headers["allow"].split(", ")) == {"GET", "HEAD"}
        assert method in reply.json()["detail"]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_head_is_get_without_the_body(client: httpx.AsyncClient, address: str) -> None:
    head, get = await client.head(address), await client.get(address)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("address", [*ADDRESSES, "/nothing"])
async def test_every_answer_has_the_security_headers(
    client: httpx.AsyncClient, address: str
) -> None:
    headers = (await client.get(address)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in headers


async def test_the_index_names_addresses_that_exist(client: httpx.AsyncClient) -> None:
    body = (await client.get("/")).json()
    assert body["version"] == "1.2.3"
    addresses = [
        address.format(namespace="default", name="sd15") for address in body["addresses"].values()
    ]
    statuses = [(await client.get(address)).status_code for address in addresses]
    assert set(statuses) <= {200, 503}


class BrokenHealth:
    def live(self) -> tuple[bool, str]:
        raise RuntimeError("inside")

    def ready(self) -> tuple[bool, tuple[str, ...]]:
        raise RuntimeError("inside")


async def test_a_fault_is_a_problem_that_tells_nothing_of_its_inside(parts: Any) -> None:
    parts.health = BrokenHealth()
    app = parts.site()
    async with WebServer(app, "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        reply = await client.get(f"{server.url}/livez")
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "inside" not in reply.text


class CountingMetrics:
    """Notes how often the rest of the loop had its turn between two chunks."""

    def __init__(self) -> None:
        self.turns = 0
        self.turns_at_chunk: list[int] = []

    def exposition(self, accept: str = "") -> tuple[str, Iterator[bytes]]:
        def chunks() -> Iterator[bytes]:
            for _ in range(20):
                self.turns_at_chunk.append(self.turns)
                yield b"# a comment\n"

        return "text/plain", chunks()


async def test_others_get_their_turn_during_a_long_scrape(parts: Any) -> None:
    metrics = CountingMetrics()

    async def others() -> None:
        while True:
            metrics.turns += 1
            await asyncio.sleep(0)

    app = build_app(metrics=metrics, sources=parts.sources())
    busy = asyncio.create_task(others())
    async with WebServer(app, "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        reply = await client.get(f"{server.url}/metrics")
    busy.cancel()
    assert reply.text == "# a comment\n" * 20
    assert metrics.turns_at_chunk == sorted(set(metrics.turns_at_chunk))


async def test_an_app_is_explained_in_words_and_steps(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/api/v1/apps/default/sd15")).json()
    text, steps = shown["explanation"]["text"], shown["explanation"]["steps"]
    assert shown["decision"]["reason"] in text
    assert [step["step"] for step in steps][-1] == "desired"
    policies = {proposal["policy"] for proposal in shown["decision"]["proposals"]}
    assert policies <= {step["step"] for step in steps}
