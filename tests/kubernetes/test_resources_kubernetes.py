"""ports.Resources over a real API server: what is listed, followed, written, and refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from urllib.parse import urlsplit

import pytest
from lightkube import AsyncClient, KubeConfig

from autoscaler.app.clock import SystemClock
from autoscaler.kubernetes import Cluster, KubernetesResources
from autoscaler.kubernetes import resources as adapter
from autoscaler.model.errors import (
    ResourceError,
    ResourceGone,
    ResourceRefused,
    ResourcesExpired,
    ResourcesUndefined,
)
from autoscaler.ports import Changed, Deleted, EventType, Occurrence, Resource, ResourceKind
from autoscaler.resources import Watching
from autoscaler.settings.resource import CUSTOM_RESOURCE, Age, age_of
from tests.kubernetes.api_server import ApiServer
from tests.kubernetes.object_life import ObjectLife, chart_account
from tests.process.process_support import eventually
from tests.process.replicas import Gate

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

AT = 1_764_000_000.0


def connected(
    life: ObjectLife, kubeconfig: Path, kind: ResourceKind = CUSTOM_RESOURCE
) -> KubernetesResources:
    client = AsyncClient(KubeConfig.from_file(kubeconfig).get())
    return KubernetesResources(Cluster(client, life.namespace), kind, "autoscaler")


@pytest.fixture
def life(worker_autoscalers: ApiServer) -> ObjectLife:
    namespace = worker_autoscalers.make_namespace("resources")
    account = chart_account(worker_autoscalers, namespace)
    return ObjectLife(worker_autoscalers, namespace, account)


@pytest.fixture
def kubeconfig(life: ObjectLife) -> Path:
    token = life.server.token(life.namespace, life.account)
    return life.server.kubeconfig_for(token, life.namespace)


@pytest.fixture
async def resources(life: ObjectLife, kubeconfig: Path) -> AsyncIterator[KubernetesResources]:
    made = connected(life, kubeconfig)

    async def watched() -> bool:
        """Whether a watch is held: right after its definition a kind's are turned away with 429."""
        _, version = await made.list(life.namespace)
        try:
            async with asyncio.timeout(0.3):
                await anext(aiter(made.watch(life.namespace, version)))
        except TimeoutError:
            return True
        except ResourceError:
            return False
        return True

    await eventually(watched)
    yield made
    await made.aclose()


async def one(resources: KubernetesResources, life: ObjectLife, name: str) -> Resource:
    found, _ = await resources.list(life.namespace)
    return next(each for each in found if each.key.name == name)


async def test_a_list_has_what_is_used_of_each_object_page_by_page(
    resources: KubernetesResources, life: ObjectLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "CHUNK", 2)
    for number in range(5):
        life.apply(f"app-{number}", max_workers=number)
    found, version = await resources.list(life.namespace)
    assert [each.spec["max_workers"] for each in found] == list(range(5))
    made = life.get("app-3")
    seen = found[3]
    assert (seen.uid, seen.generation) == (made["metadata"]["uid"], 1)
    assert seen.created_at > AT
    assert set(seen.spec) == {"max_workers"}
    assert int(version) > 0


async def test_a_watch_tells_what_changes_after_a_list(
    resources: KubernetesResources, life: ObjectLife
) -> None:
    life.apply("kept", max_workers=1)
    _, version = await resources.list(life.namespace)
    changes = aiter(resources.watch(life.namespace, version))
    life.apply("new", max_workers=2)
    life.apply("new", max_workers=3)
    life.delete("kept")
    async with asyncio.timeout(30):
        seen = [await anext(changes) for _ in range(3)]
    first, second, third = seen
    assert isinstance(first, Changed)
    assert isinstance(second, Changed)
    assert (first.resource.spec["max_workers"], second.resource.spec["max_workers"]) == (2, 3)
    assert second.resource.generation == 2
    assert isinstance(third, Deleted)
    assert third.key.name == "kept"
    # and one is resumed after the second
    async with asyncio.timeout(30):
        again = await anext(aiter(resources.watch(life.namespace, second.version)))
    assert again == third


async def test_a_version_that_is_too_old_is_told_apart(
    resources: KubernetesResources, life: ObjectLife
) -> None:
    async def told() -> bool:
        try:
            await anext(aiter(resources.watch(life.namespace, "1")))
        except ResourcesExpired:
            return True
        except ResourceError as error:
            # a kind that was defined a moment ago is not served from the cache yet
            if "429" not in str(error):
                raise
        return False

    await eventually(told)


async def test_a_status_is_replaced_and_leaves_the_spec_alone(
    resources: KubernetesResources, life: ObjectLife
) -> None:
    life.apply("one", max_workers=1)
    seen = await one(resources, life, "one")
    await resources.write_status(seen, {"workers": 3, "queue": 4})
    await resources.write_status(seen, {"workers": 3, "desired": 5})
    made = life.get("one")
    assert made["status"] == {"workers": 3, "desired": 5}
    assert made["spec"] == {"max_workers": 1}
    assert made["metadata"]["generation"] == 1


async def test_an_object_that_is_gone_or_another_is_not_written_to(
    resources: KubernetesResources, life: ObjectLife
) -> None:
    life.apply("one", max_workers=1)
    seen = await one(resources, life, "one")
    life.delete("one")
    with pytest.raises(ResourceGone):
        await resources.write_status(seen, {"workers": 1})
    life.apply("one", max_workers=1)
    with pytest.raises(ResourceGone):
        await resources.write_status(seen, {"workers": 1})
    assert life.status("one") == {}


async def test_a_status_that_the_definition_refuses(
    resources: KubernetesResources, life: ObjectLife
) -> None:
    life.apply("one", max_workers=1)
    seen = await one(resources, life, "one")
    with pytest.raises(ResourceRefused, match="422"):
        await resources.write_status(seen, {"workers": "three"})


async def test_events_are_made_counted_up_and_seen_by_kubectl(
    resources: KubernetesResources, life: ObjectLife
) -> None:
    made = life.apply("one", max_workers=1)
    key = (await one(resources, life, "one")).key
    once = Occurrence(key, made["metadata"]["uid"], EventType.WARNING, "AppNotFound",
                      "no such app", AT, AT)  # fmt: skip
    name = await resources.record(once, None)
    again = replace(once, last_at=AT + 60, count=7)
    assert await resources.record(again, name) == name
    [event] = life.events("one")
    assert (event["count"], event["reason"], event["message"]) == (7, "AppNotFound", "no such app")
    assert (event["firstTimestamp"], event["lastTimestamp"]) == (
        "2025-11-24T16:00:00Z", "2025-11-24T16:01:00Z",
    )  # fmt: skip
    assert event["involvedObject"]["kind"] == "WorkerAutoscaler"
    described = life.server.kubectl("describe", "was", "one", "-n", life.namespace)
    assert "no such app" in described
    life.server.kubectl("delete", "events", "--all", "-n", life.namespace)
    assert await resources.record(again, name) == name
    assert [each["count"] for each in life.events("one")] == [7]


async def test_long_words_are_cut(resources: KubernetesResources, life: ObjectLife) -> None:
    made = life.apply("one", max_workers=1)
    key = (await one(resources, life, "one")).key
    uid = made["metadata"]["uid"]
    long = Occurrence(key, uid, EventType.NORMAL, "Recovered", "x" * 5000, AT, AT)
    await resources.record(long, None)
    assert len(life.events("one")[0]["message"]) == adapter.EVENT_TEXT_MAX


async def test_what_the_account_may_not_do_is_refused(
    resources: KubernetesResources, life: ObjectLife
) -> None:
    other = life.server.make_namespace("theirs")
    with pytest.raises(ResourceRefused, match="403"):
        await resources.list(other)
    with pytest.raises(ResourceRefused, match="403"):
        await resources.list(None)


async def test_a_kind_that_is_not_defined(life: ObjectLife, kubeconfig: Path) -> None:
    unknown = ResourceKind("autoscaler.everai.dev", "v9", "WorkerAutoscaler", "workerautoscalers")
    resources = connected(life, kubeconfig, unknown)
    with pytest.raises((ResourcesUndefined, ResourceRefused)):
        await resources.list(life.namespace)
    await resources.aclose()


async def test_the_definition_tells_its_age(resources: KubernetesResources) -> None:
    found = await resources.definition()
    assert found is not None
    assert age_of({"metadata": found}) is Age.SAME


async def test_a_connection_that_is_cut_is_resumed_without_a_loss(
    life: ObjectLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoscaler.resources.watching.PAUSE_MAX_S", 1.0)
    gate, address = Gate(), urlsplit(life.server.url)
    await gate.open(address.hostname or "", address.port or 0)
    near = replace(life.server, url=f"https://127.0.0.1:{gate.port}")
    token = life.server.token(life.namespace, life.account)
    resources = connected(life, near.kubeconfig_for(token, life.namespace))
    troubles: list[str] = []
    watching = Watching(
        resources, life.namespace, clock=SystemClock(), rng=Random(1),
        on_change=lambda: None, on_trouble=troubles.append,
    )  # fmt: skip
    task = asyncio.create_task(watching.run())
    try:
        life.apply("before", max_workers=1)
        await until_known(watching, {"before"})
        for name in ("first", "second", "third"):
            await gate.drop()
            life.apply(name, max_workers=1)
        life.delete("before")
        await until_known(watching, {"first", "second", "third"})
        assert watching.synced
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await resources.aclose()
        await gate.close()


async def until_known(watching: Watching, names: set[str]) -> None:
    async def known() -> bool:
        return {each.key.name for each in watching.objects} == names

    await eventually(known)


async def test_a_dead_server_is_an_error_of_ours(life: ObjectLife, kubeconfig: Path) -> None:
    text = kubeconfig.read_text().replace(life.server.url, "https://127.0.0.1:1")
    dead = kubeconfig.with_name("kubeconfig-dead")
    dead.write_text(text)
    resources = connected(life, dead)
    with pytest.raises(ResourceError, match="ConnectError"):
        await resources.list(life.namespace)
    await resources.aclose()
