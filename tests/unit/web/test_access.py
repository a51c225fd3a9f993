"""Who gets in: tokens from files, names of the server, what is always open."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest

from autoscaler.web import Access, TokenFile, WebServer
from autoscaler.web.gate import names_us
from autoscaler.web.limits import Allowance
from autoscaler.web.tokens import TokensUnusable

READ, ACT = "read-token-0123456789", "act-token-0123456789"
READABLE = ["/", "/api/v1/apps", "/api/v1/openapi.json", "/api/v1/config", "/nothing", "/metrics"]


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def closed(parts: Any) -> None:
    """Reading needs a token, also that of metrics."""
    parts.access = Access(
        read=parts.tokens("read", f"# readers\n\ngrafana:{READ}\n"),
        action=parts.tokens("act", f"ops:{ACT}\n"),
        metrics_need_token=True,
    )


@pytest.mark.usefixtures("closed")
class TestClosed:
    @pytest.mark.parametrize("address", READABLE)
    async def test_nothing_is_told_without_a_token(
        self, parts: Any, address: str, server: WebServer
    ) -> None:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            for headers in ({}, bearing("wrong-token-0123456789"), {"Authorization": "Basic eDp5"}):
                reply = await client.get(address, headers=headers)
                assert reply.status_code == 401
                assert reply.headers["www-authenticate"].startswith("Bearer ")
                assert reply.headers["content-type"] == "application/problem+json"
                assert reply.headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize("token", [READ, ACT])
    async def test_both_kinds_of_token_open_reading(
        self, client: httpx.AsyncClient, token: str
    ) -> None:
        for address in READABLE:
            reply = await client.get(address, headers=bearing(token))
            assert reply.status_code in (200, 404)

    async def test_probes_never_need_one(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503

    async def test_a_token_in_the_address_is_none(self, client: httpx.AsyncClient) -> None:
        assert (await client.get(f"/api/v1/apps?token={READ}")).status_code == 401

    async def test_wrong_tokens_are_slowed_down_and_right_ones_are_not(
        self, client: httpx.AsyncClient, parts: Any
    ) -> None:
        statuses = [
            (await client.get("/", headers=bearing("w" * 20))).status_code for _ in range(12)
        ]
        assert statuses == [401] * 10 + [429] * 2
        slowed = await client.get("/", headers=bearing("w" * 20))
        assert slowed.headers["retry-after"] == "6"
        assert (await client.get("/", headers=bearing(READ))).status_code == 200
        parts.hand.time += 7
        assert (await client.get("/", headers=bearing("w" * 20))).status_code == 401

    async def test_a_replaced_file_counts_within_two_seconds(
        self, client: httpx.AsyncClient, parts: Any
    ) -> None:
        assert (await client.get("/", headers=bearing(READ))).status_code == 200
        (parts.folder / "read").write_text("another:fresh-token-0123456789")
        parts.hand.time += 2
        assert (await client.get("/", headers=bearing(READ))).status_code == 401
        assert (await client.get("/", headers=bearing("fresh-token-0123456789"))).is_success

    async def test_a_file_that_goes_closes_the_door(
        self, client: httpx.AsyncClient, parts: Any
    ) -> None:
        (parts.folder / "read").unlink()
        reply = await client.get("/", headers=bearing(READ))
        assert reply.status_code == 503
        assert str(parts.folder) not in reply.text
        assert (await client.get("/", headers=bearing(ACT))).status_code == 200


async def test_metrics_stay_open_unless_closed_too(parts: Any) -> None:
    parts.access = Access(read=parts.tokens("read", READ))
    async with WebServer(parts.site(), "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        assert (await client.get(f"{server.url}/metrics")).status_code == 200
        assert (await client.get(f"{server.url}/")).status_code == 401


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "it holds 0 tokens"),
        ("# nothing\n\n", "it holds 0 tokens"),
        ("short", "the token in line 1 has fewer than 16 characters"),
        (f"ops:{ACT}\nname:short\n", "the token in line 2 has fewer than 16 characters"),
        (f"{ACT} {READ}", "line 1 is neither token nor name:token"),
        (f"a b:{ACT}", "line 1 is neither token nor name:token"),
        (f"a:b:{ACT}", "line 1 is neither token nor name:token"),
        (f"ops:{ACT}ü", "line 1 is neither token nor name:token"),
        ("\n".join(f"{number:020}" for number in range(21)), "it holds 21 tokens; 1 to 20"),
        ("x" * 70_000, "it has 70000 bytes"),
    ],
)
def test_a_file_with_a_mistake_opens_nothing(parts: Any, content: str, why: str) -> None:
    with pytest.raises(TokensUnusable) as caught:
        parts.tokens("file", content).holder(ACT)
    assert why in str(caught.value)
    assert ACT not in str(caught.value)
    assert "short" not in str(caught.value)


def test_what_is_no_file_opens_nothing(parts: Any) -> None:
    os.mkfifo(parts.folder / "pipe")
    for name in ("pipe", "missing", "."):
        file = TokenFile(parts.folder / name, parts.clock, parts.secrets.append)
        with pytest.raises(TokensUnusable):
            file.holder(ACT)


def test_holders_have_the_names_of_the_file(parts: Any) -> None:
    file = parts.tokens("file", f"ops:{ACT}\r\n  {READ}  \n")
    assert file.holder(ACT) == "ops"
    assert file.holder(READ) == "unnamed"
    assert file.holder(f"ops:{ACT}") is None
    assert file.holder("") is None


def test_every_token_is_told_to_the_redaction_and_shown_nowhere(parts: Any) -> None:
    file = parts.tokens("file", f"ops:{ACT}\n{READ}")
    file.holder("x")
    assert parts.secrets == [ACT, READ]
    assert ACT not in repr(file) + repr(vars(file))


@pytest.mark.parametrize(
    ("host", "names", "ours"),
    [
        ("127.0.0.1:8080", (), True),
        ("[::1]:8080", (), True),
        ("10.1.2.3", (), True),
        ("localhost:9", (), True),
        ("LOCALHOST.", (), True),
        ("", (), True),
        ("evil.example", (), False),
        ("127.0.0.1.evil.example", (), False),
        ("localhost.evil.example:80", (), False),
        ("evil.example", ("*",), True),
        ("scaler.example.com:443", ("scaler.example.com",), True),
        ("other.example.com", ("scaler.example.com",), False),
        ("a.b.example.com", ("*.example.com",), True),
        ("example.com", ("*.example.com",), False),
        ("evilexample.com", ("*.example.com",), False),
        ("a:b:c", (), False),
        ("[evil.example]", (), False),
    ],
)
def test_which_names_are_ours(host: str, names: tuple[str, ...], *, ours: bool) -> None:
    assert names_us(host, names) is ours


async def test_another_name_is_refused_and_probes_are_not(parts: Any) -> None:
    parts.access = Access(names=())
    evil = {"Host": "rebound.example"}
    async with WebServer(parts.site(), "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        for address in ("/", "/metrics", "/api/v1/apps", "/api/v1/stream"):
            reply = await client.get(server.url + address, headers=evil)
            assert reply.status_code == 421
            assert "server.allowed_hosts" in reply.json()["detail"]
        assert (await client.get(f"{server.url}/livez", headers=evil)).status_code == 200
        assert (await client.get(f"{server.url}/")).status_code == 200


async def test_the_limit_of_wrong_tokens_can_be_set(parts: Any) -> None:
    parts.access = Access(read=parts.tokens("read", READ))
    parts.wrong = Allowance(burst=1, per_minute=1)
    async with WebServer(parts.site(), "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        got = [
            (await client.get(server.url, headers=bearing("w" * 20))).status_code for _ in range(2)
        ]
    assert got == [401, 429]
