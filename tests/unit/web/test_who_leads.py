"""The index says who leads; a replica that stands by is ready all the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import httpx

from autoscaler.model import AppKey
from autoscaler.ports import Leadership, Term
from autoscaler.web import WebServer, build_app


@dataclass(slots=True)
class Standing:
    """A leadership for show."""

    identity: str = "pod-0_ab"
    leader: str = "pod-1_cd"
    term: Term | None = None
    left: float = 0.0
    parts: tuple[Leadership, ...] = ()

    def of(self, app: AppKey) -> Leadership:
        return self

    def left_s(self) -> float:
        return self.left


async def test_alone_it_leads(client: httpx.AsyncClient) -> None:
    leader = (await client.get("/")).json()["leader"]
    assert leader == {
        "is_leader": True, "identity": "", "leader": "", "term": None, "shards": [],
    }  # fmt: skip


async def test_a_replica_says_who_leads(parts: Any) -> None:
    standing = Standing()
    app = build_app(metrics=parts.metrics, sources=replace(parts.sources(), leadership=standing))
    async with WebServer(app, "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        leader = (await client.get(f"{server.url}/")).json()["leader"]
        assert (leader["is_leader"], leader["leader"]) == (False, "pod-1_cd")
        standing.left, standing.term, standing.leader = 12.0, Term("lease", 7), "pod-0_ab"
        leader = (await client.get(f"{server.url}/")).json()["leader"]
        assert (leader["is_leader"], leader["term"]) == (True, 7)
