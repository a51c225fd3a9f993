"""Orders by hand: who may give them, from where, how often; and what they do."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from autoscaler.model import AppKey, InterventionKind
from autoscaler.web import Access, WebServer
from autoscaler.web.limits import Allowance
from tests.fakes.api_site import NOW

TOKEN, NAMELESS, READER = "act-token-0123456789", "another-token-0123", "read-token-0123456789"
APP = "/api/v1/apps/default/sd15"
ORDERS: dict[str, dict[str, Any]] = {
    "pause": {"why": "load test"},
    "resume": {"why": "done"},
    "override": {"why": "launch", "workers": 3, "for": "30m"},
    "boost": {"why": "launch", "workers": 3, "for": "30m"},
}
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def parts(parts: Any) -> Any:
    """Acting is on; reading is open."""
    parts.access = Access(action=parts.tokens("act", f"ops:{TOKEN}\n{NAMELESS}\n"))
    parts.configure({"name": "sd15", "min_workers": 1, "max_workers": 4})
    return parts


@pytest.fixture
async def acting(server: WebServer) -> Any:
    async with httpx.AsyncClient(
        base_url=server.url, trust_env=False, headers=AUTHORIZED
    ) as client:
        yield client


async def test_a_pause_without_end_and_its_end(
    acting: httpx.AsyncClient, parts: Any, app: AppKey
) -> None:
    paused = await acting.post(f"{APP}/pause", json={"why": "load test", "by": "alice"})
    assert paused.status_code == 200, paused.text
    order = paused.json()["interventions"][0]
    assert paused.json()["changed"] is True
    assert (order["kind"], order["until"], order["direction"]) == ("pause", None, "both")
    assert (order["who"], order["why"]) == ("ops (alice)", "load test")
    assert order["since_epoch_s"] == NOW
    assert parts.orders.in_force(app)[0].who == "ops (alice)"
    resumed = (await acting.post(f"{APP}/resume", json={"why": "done"})).json()
    assert (resumed["changed"], resumed["interventions"]) == (True, [])
    assert resumed["ended"] == [order]
    assert parts.orders.ended[0][2:] == ("ops", "done")


async def test_the_same_pause_again_is_harmless(acting: httpx.AsyncClient, parts: Any) -> None:
    first = (await acting.post(f"{APP}/pause", json={"why": "x"})).json()
    parts.hand.time += 5
    again = (await acting.post(f"{APP}/pause", json={"why": "x"})).json()
    other = (await acting.post(f"{APP}/pause", json={"why": "x", "direction": "down"})).json()
    assert (first["changed"], again["changed"], other["changed"]) == (True, False, True)
    assert again["interventions"] == first["interventions"]
    assert other["ended"] == first["interventions"]
    assert parts.orders.calls == 2


async def test_an_override_and_a_boost_end_by_themselves(
    acting: httpx.AsyncClient, parts: Any, app: AppKey
) -> None:
    for kind, order in (("override", ORDERS["override"]), ("boost", ORDERS["boost"])):
        body = (await acting.post(f"{APP}/{kind}", json=order)).json()
        told = next(each for each in body["interventions"] if each["kind"] == kind)
        assert (told["workers"], told["until_epoch_s"]) == (3, NOW + 1800)
    assert {o.kind for o in parts.orders.in_force(app)} == {
        InterventionKind.OVERRIDE, InterventionKind.BOOST,
    }  # fmt: skip
    parts.hand.time += 1801
    assert parts.orders.in_force(app) == ()


async def test_one_kind_can_be_ended_alone(acting: httpx.AsyncClient) -> None:
    await acting.post(f"{APP}/boost", json=ORDERS["boost"])
    await acting.post(f"{APP}/pause", json=ORDERS["pause"])
    body = (await acting.post(f"{APP}/resume", json={"why": "x", "kinds": ["pause"]})).json()
    assert [order["kind"] for order in body["interventions"]] == ["boost"]
    nothing = (await acting.post(f"{APP}/resume", json={"why": "x", "kinds": ["pause"]})).json()
    assert (nothing["changed"], nothing["ended"]) == (False, [])


async def test_a_token_without_a_name_has_no_name(acting: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"bearer {NAMELESS}"}
    body = (await acting.post(f"{APP}/pause", json={"why": "x"}, headers=headers)).json()
    assert body["interventions"][0]["who"] == "unnamed"


async def test_what_could_not_be_written_down_holds_and_is_said(
    acting: httpx.AsyncClient, parts: Any
) -> None:
    parts.orders.disk_full = True
    reply = await acting.post(f"{APP}/pause", json={"why": "x"})
    assert reply.status_code == 200
    assert "restart" in reply.json()["warning"]
    assert reply.json()["interventions"][0]["kind"] == "pause"
    assert "secret-place" not in reply.text


@pytest.mark.parametrize("kind", ORDERS)
class TestEveryOrder:
    async def test_none_without_a_token(self, client: httpx.AsyncClient, kind: str) -> None:
        for headers in ({}, {"Authorization": "Bearer wrong-token-0123456"}):
            reply = await client.post(f"{APP}/{kind}", json=ORDERS[kind], headers=headers)
            assert reply.status_code == 401
            assert "Bearer" in reply.headers["www-authenticate"]

    async def test_a_read_token_does_not_act(self, parts: Any, kind: str) -> None:
        parts.access = Access(
            read=parts.tokens("read", READER), action=parts.tokens("act", f"ops:{TOKEN}")
        )
        async with WebServer(parts.site(), "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
            url, reads = f"{server.url}{APP}", {"Authorization": f"Bearer {READER}"}
            assert (await client.get(url, headers=reads)).status_code == 200
            refused = await client.post(f"{url}/{kind}", json=ORDERS[kind], headers=reads)
            done = await client.post(f"{url}/{kind}", json=ORDERS[kind], headers=AUTHORIZED)
        assert (refused.status_code, done.status_code) == (401, 200)

    async def test_off_unless_tokens_are_configured(self, parts: Any, kind: str) -> None:
        parts.access = Access()
        async with WebServer(parts.site(), "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
            reply = await client.post(f"{server.url}{APP}/{kind}", json={}, headers=AUTHORIZED)
        assert reply.status_code == 403
        assert "server.action_token_file" in reply.json()["detail"]

    async def test_nobody_takes_orders(self, parts: Any, kind: str) -> None:
        parts.interventions = None
        async with WebServer(parts.site(), "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
            url = f"{server.url}{APP}/{kind}"
            reply = await client.post(url, json=ORDERS[kind], headers=AUTHORIZED)
        assert reply.status_code == 503

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1"},  # another port is another site
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site", "Origin": "{url}"},
            {"Origin": "file://"},
            {"Origin": "http://[bad"},
        ],
    )
    async def test_pages_of_other_sites_are_refused(
        self, acting: httpx.AsyncClient, server: WebServer, kind: str, headers: dict[str, str]
    ) -> None:
        sent = {name: value.format(url=server.url) for name, value in headers.items()}
        reply = await acting.post(f"{APP}/{kind}", json=ORDERS[kind], headers=sent)
        assert reply.status_code == 403
        assert "access-control-allow-origin" not in reply.headers

    async def test_our_own_page_may(
        self, acting: httpx.AsyncClient, server: WebServer, kind: str
    ) -> None:
        sent = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
        reply = await acting.post(f"{APP}/{kind}", json=ORDERS[kind], headers=sent)
        assert reply.status_code == 200

    @pytest.mark.parametrize(
        "content_type",
        ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "text/json", ""],
    )
    async def test_what_a_form_can_send_is_refused(
        self, acting: httpx.AsyncClient, kind: str, content_type: str
    ) -> None:
        sent = {"Content-Type": content_type}
        reply = await acting.post(f"{APP}/{kind}", content=b'{"why":"x"}', headers=sent)
        assert reply.status_code == 415

    async def test_a_huge_body_is_refused_with_and_without_its_length(
        self, acting: httpx.AsyncClient, kind: str
    ) -> None:
        async def forever() -> Any:
            for _ in range(40):
                yield b" " * 1000

        sent = {"Content-Type": "application/json"}
        for content in (b" " * 17_000, forever()):
            reply = await acting.post(f"{APP}/{kind}", content=content, headers=sent)
            assert reply.status_code == 413

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 8000, b'{"why":"x"}{"why":"x"}', b"NaN"],
    )
    async def test_what_is_no_order_is_a_problem(
        self, acting: httpx.AsyncClient, parts: Any, kind: str, content: bytes
    ) -> None:
        sent = {"Content-Type": "application/json"}
        reply = await acting.post(f"{APP}/{kind}", content=content, headers=sent)
        assert reply.status_code in (400, 422)
        assert reply.headers["content-type"] == "application/problem+json"
        assert parts.orders.calls == 0

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"why": None}, "why"),
            ({"why": ""}, "why"),
            ({"why": "   "}, "why"),
            ({"why": "two\nlines"}, "why"),
            ({"why": "x" * 501}, "why"),
            ({"by": "x" * 101}, "by"),
            ({"by": "a\x1b[31mb"}, "by"),
            ({"wy": "x"}, "wy"),
        ],
    )
    async def test_why_is_needed_and_one_line(
        self, acting: httpx.AsyncClient, parts: Any, kind: str, change: dict[str, Any], name: str
    ) -> None:
        reply = await acting.post(f"{APP}/{kind}", json={**ORDERS[kind], **change})
        assert reply.status_code == 422
        assert reply.json()["errors"][0]["name"] == name
        assert parts.orders.calls == 0

    async def test_of_an_unknown_app(self, acting: httpx.AsyncClient, kind: str) -> None:
        reply = await acting.post(f"/api/v1/apps/default/no/{kind}", json=ORDERS[kind])
        assert reply.status_code == 404

    async def test_get_does_nothing(self, acting: httpx.AsyncClient, kind: str) -> None:
        reply = await acting.get(f"{APP}/{kind}")
        assert reply.status_code == 405
        assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize("kind", ["override", "boost"])
class TestNumbers:
    async def test_above_the_maximum_is_refused_naming_it(
        self, acting: httpx.AsyncClient, kind: str
    ) -> None:
        reply = await acting.post(f"{APP}/{kind}", json={**ORDERS[kind], "workers": 5})
        assert reply.status_code == 422
        assert "workers = 5: is above max_workers of default/sd15, which is 4" in reply.text

    @pytest.mark.parametrize("workers", [-1, 100_001, 1.5, "3", True, None, 10**30])
    async def test_what_is_no_number_of_workers(
        self, acting: httpx.AsyncClient, kind: str, workers: Any
    ) -> None:
        reply = await acting.post(f"{APP}/{kind}", json={**ORDERS[kind], "workers": workers})
        assert reply.status_code == 422
        assert reply.json()["errors"][0]["name"] == "workers"

    @pytest.mark.parametrize(
        "span", ["59s", "0m", "8d", "7d1s", "", "for ever", "-5m", "1.5h", 1800, None, "9999999d"]
    )
    async def test_an_end_from_a_minute_to_a_week(
        self, acting: httpx.AsyncClient, kind: str, span: Any
    ) -> None:
        reply = await acting.post(f"{APP}/{kind}", json={**ORDERS[kind], "for": span})
        assert reply.status_code == 422
        assert reply.json()["errors"][0]["name"] == "for"

    async def test_just_within(self, acting: httpx.AsyncClient, kind: str) -> None:
        for span in ("60s", "7d"):
            order = {**ORDERS[kind], "for": span, "workers": 4}
            assert (await acting.post(f"{APP}/{kind}", json=order)).status_code == 200


async def test_an_override_below_the_minimum_is_refused(acting: httpx.AsyncClient) -> None:
    order = {**ORDERS["override"], "workers": 0}
    reply = await acting.post(f"{APP}/override", json=order)
    assert reply.status_code == 422
    assert "min_workers of default/sd15: 1" in reply.json()["detail"]
    assert (await acting.post(f"{APP}/boost", json=order)).status_code == 200


async def test_ten_orders_at_once_then_one_every_two_seconds(
    acting: httpx.AsyncClient, parts: Any
) -> None:
    statuses = [
        (await acting.post(f"{APP}/resume", json={"why": "x"})).status_code for _ in range(11)
    ]
    assert statuses == [200] * 10 + [429]
    slowed = await acting.post(f"{APP}/resume", json={"why": "x"})
    assert slowed.headers["retry-after"] == "2"
    assert (await acting.get(APP)).status_code == 200
    parts.hand.time += 2
    assert (await acting.post(f"{APP}/resume", json={"why": "x"})).status_code == 200


async def test_all_together_have_a_limit_too(parts: Any) -> None:
    parts.limits = {"overall": Allowance(burst=2, per_minute=1)}
    async with WebServer(parts.site(), "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        url = f"{server.url}{APP}/resume"
        replies = [await client.post(url, json={"why": "x"}, headers=AUTHORIZED) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[2].headers["retry-after"] == "60"


async def test_a_token_file_with_a_mistake_acts_no_more(
    acting: httpx.AsyncClient, parts: Any
) -> None:
    (parts.folder / "act").write_text(f"ops:{TOKEN}\nshort\n")
    parts.hand.time += 2
    reply = await acting.post(f"{APP}/pause", json={"why": "x"})
    assert reply.status_code == 503
    assert TOKEN not in reply.text
