"""What the API server itself refuses of a WorkerAutoscaler, and what it lets through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.kubernetes.api_server import ApiServer
from tests.kubernetes.custom_objects import Objects, custom_objects

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

Spec = dict[str, Any]


@pytest.fixture(scope="module")
def objects(worker_autoscalers: ApiServer) -> Iterator[Objects]:
    with custom_objects(worker_autoscalers) as made:
        yield made


def rate(**values: Any) -> Spec:
    return {"behavior": {"scale_down": {"policies": [{"period": "60s", **values}]}}}


def budget(**values: Any) -> Spec:
    return {"drain": {"disruption": {"window": "5m", **values}}}


def startup(**values: Any) -> Spec:
    return {"startup": values}


def entries(*policies: Spec, **more: Any) -> Spec:
    return {"policies": list(policies), **more}


QUEUE = {"type": "queue"}
WEBHOOK = {"type": "webhook", "url": "https://a.example.test"}
PERCENT = "at most 100 percent"
PACE = "interval_max must not be below interval"
DAY = "from 0.2s to 1d"
BACKOFF = "backoff must not be above backoff_ceiling"
POSITIVE = "must be above 0"

RULES: list[tuple[Spec, str, str, list[Spec]]] = [
    ({"min_workers": 4, "max_workers": 3}, "spec.min_workers", "not be above max_workers",
     [{"min_workers": 3, "max_workers": 3}, {"min_workers": 4}, {"max_workers": 0}]),
    ({"fallback": {"workers": 4}, "max_workers": 3}, "spec.fallback.workers", "above max_workers",
     [{"fallback": {"workers": 3}, "max_workers": 3}, {"fallback": {"workers": 4}},
      {"fallback": {"mode": "hold"}, "max_workers": 0}]),
    ({"interval": 60, "interval_max": 59}, "spec.interval_max", PACE,
     [{"interval": 60, "interval_max": 60}, {"interval_max": 1}, {"interval": "1m"}]),
    ({"interval": "1m", "interval_max": 59}, "spec.interval_max", PACE,
     [{"interval": "1m", "interval_max": 60}]),
    ({"interval": "1h1m", "interval_max": "60m"}, "spec.interval_max", PACE,
     [{"interval": "1m0.5s", "interval_max": "1m1s"}, {"interval": "60", "interval_max": "90"},
      {"interval": "1m", "interval_max": None}, {"interval": " 1m ", "interval_max": "1d"}]),
    ({"interval": "199ms"}, "spec.interval", DAY, [{"interval": "200ms"}, {"interval": "0.2s"}]),
    ({"interval_max": "24h1s"}, "spec.interval_max", DAY, [{"interval_max": "24h"}]),
    ({"interval": 86_401}, "spec.interval", DAY, [{"interval": 86_400}, {"interval": "1d"}]),
    ({"interval": 0}, "spec.interval", "greater than or equal to 1", [{"interval": 1}]),
    (startup(backoff="1h", backoff_ceiling="10m"), "spec.startup.backoff", BACKOFF,
     [startup(backoff="10m", backoff_ceiling=600), startup(backoff="1d"),
      startup(backoff="1d", backoff_ceiling="1h"),  # days are left to the daemon
      startup(backoff="999999999h", backoff_ceiling="9999999999h")]),
    (startup(backoff=2**62, backoff_ceiling="10m"), "spec.startup.backoff", BACKOFF,
     [startup(backoff=2**62, backoff_ceiling=2**62)]),
    (startup(deadline_floor=61, deadline_ceiling="1m"), "spec.startup.deadline_floor",
     "deadline_floor must not be above deadline_ceiling",
     [startup(deadline_floor=60, deadline_ceiling="1m")]),
    (rate(type="percent", value=100.5), "spec.behavior.scale_down.policies[0].value", PERCENT,
     [rate(type="percent", value=100), rate(type="workers", value=101),
      {"behavior": {"scale_up": rate(type="percent", value=900)["behavior"]["scale_down"]}}]),
    (budget(type="percent", value=101), "spec.drain.disruption.value", PERCENT,
     [budget(type="percent", value=100), budget(type="workers", value=101),
      {"drain": {"disruption": None}}]),
    (entries(QUEUE, QUEUE), "spec.policies", "have one name",
     [entries(QUEUE, {**QUEUE, "name": "other"}), entries(QUEUE, {**QUEUE, "name": "slo"})]),
    (entries(QUEUE, {"type": "slo", "name": "queue"}), "spec.policies", "have one name", []),
    (entries(QUEUE, {**QUEUE, "name": ""}), "spec.policies", "have one name", []),
    (entries(QUEUE, shadow=[QUEUE]), "spec.policies", "have one name",
     [entries(QUEUE, shadow=[{"type": "slo"}]), {"shadow": [QUEUE]}]),
    (entries({"type": "everai-class", "path": "a:B"}), "spec.policies[0].type", "runs code",
     [entries({"type": "of-a-plug-in", "path": "a:B", "more": {"deep": [1]}})]),
    (entries({**WEBHOOK, "token_file": "/x"}), "spec.policies[0].token_file", "names a file",
     [entries({**WEBHOOK, "token_file": ""}), entries(WEBHOOK)]),
    ({"shadow": [{**WEBHOOK, "token_file": "/x"}]}, "spec.shadow[0].token_file", "names a file",
     []),
    (entries({"target": 2}), "spec.policies[0].type", "Required value", []),
    (startup(backoff="0s"), "spec.startup.backoff", POSITIVE, [startup(backoff="1ms")]),
    ({"order_deadline": "0m0s"}, "spec.order_deadline", POSITIVE,
     [{"order_deadline": "20s"}, {"idle_timeout": "0s"}, {"initial_cooldown": 0}]),
]  # fmt: skip

SHAPES: list[tuple[Spec, str, str]] = [
    ({"max_workers": 100_001}, "spec.max_workers", "less than or equal to 100000"),
    ({"max_workers": -1}, "spec.max_workers", "greater than or equal to 0"),
    ({"max_workers": "8"}, "spec.max_workers", "must be of type integer"),
    ({"max_workers": True}, "spec.max_workers", "must be of type integer"),
    ({"combine": "sum"}, "spec.combine", 'supported values: "max", "min", "first"'),
    ({"paused": "sideways"}, "spec.paused", '"false", "true", "down", "up"'),
    ({"paused": 1}, "spec.paused", "Unsupported value"),
    ({"name": "a/b"}, "spec.name", "should match"),
    ({"namespace": ""}, "spec.namespace", "should match"),
    ({"interval": "soon"}, "spec.interval", "should match"),
    ({"interval": "5 m"}, "spec.interval", "should match"),
    ({"interval": True}, "spec.interval", "must be of type integer,string"),
    ({"interval": 0.5}, "spec.interval", "must be of type integer,string"),
    ({"behavior": {"scale_up": {"policies": [{"type": "workers", "value": 1, "period": 60}] * 21}}},
     "spec.behavior.scale_up.policies", "at most 20"),
    ({"max_utilization": 0}, "spec.max_utilization", "should be greater than 0"),
    ({"price_per_hour": -1}, "spec.price_per_hour", "greater than or equal to 0"),
    ({"policies": []}, "spec.policies", "at least 1 items"),
    ({"policies": [{**QUEUE, "name": str(n)} for n in range(33)]}, "spec.policies", "at most 32"),
    (entries({**QUEUE, "target": "much"}), "spec.policies[0].target", "must be of type number"),
    (entries({**QUEUE, "role": "boss"}), "spec.policies[0].role", "Unsupported value"),
    (rate(type="pods", value=1), "spec.behavior.scale_down.policies[0].type", "Unsupported"),
    ({"token_file": "/etc/passwd"}, "spec.token_file", "unknown field"),
    ({"max_wokers": 8}, "spec.max_wokers", "unknown field"),
    ({"behavior": {"scale_down": {"windw": 1}}}, "spec.behavior.scale_down.windw", "unknown field"),
]  # fmt: skip

TAKEN: list[Spec] = [
    {},
    {"max_workers": 8, "paused": False},
    {"paused": True},
    {"paused": "down"},
    {"interval": " 90s"},
    {"interval": "1e2"},
    {"interval": "90"},
    {"behavior": None, "drain": None, "startup": None, "fallback": None},
    {"behavior": {"scale_down": None}},
    {"max_utilization": None, "idle_timeout": None, "price_per_hour": None, "interval_max": None},
    entries({"type": "step", "steps": [{"above": 5, "change": 2}, {"below": 1, "change": "-1"}]}),
]


@pytest.mark.parametrize(("spec", "path", "words", "neighbours"), RULES)
def test_a_rule_refuses_and_lets_its_neighbour_through(
    objects: Objects, spec: Spec, path: str, words: str, neighbours: list[Spec]
) -> None:
    refusal = objects.refusal(spec)

    assert f"{path}: " in refusal
    assert words in refusal
    assert [objects.refusal(each) for each in neighbours] == [""] * len(neighbours)


@pytest.mark.parametrize(("spec", "path", "words"), SHAPES)
def test_what_has_the_wrong_shape_is_refused_with_its_path(
    objects: Objects, spec: Spec, path: str, words: str
) -> None:
    refusal = objects.refusal(spec)

    assert path in refusal
    assert words in refusal


@pytest.mark.parametrize("spec", TAKEN)
def test_what_the_file_takes_is_taken(objects: Objects, spec: Spec) -> None:
    assert objects.refusal(spec) == ""


def test_an_object_stays_that_of_its_app(objects: Objects) -> None:
    made = objects.make({"max_workers": 3, "namespace": "prod"}, name="sd15")
    refused = [
        ({"namespace": "prod", "name": "other"}, "spec.name"),
        ({"namespace": "test"}, "spec.namespace"),
        ({}, "spec.namespace"),
    ]

    for spec, path in refused:
        assert f"{path}: " in objects.refused_change(made, spec)
        assert "must stay as it is" in objects.refused_change(made, spec)
    assert objects.refused_change(made, {"namespace": "prod", "max_workers": 9}) == ""
    assert objects.refused_change(made, {"namespace": "prod", "name": "sd15"}) == ""


def test_a_name_that_was_given_stays_too(objects: Objects) -> None:
    made = objects.make({"max_workers": 3, "name": "Llama_3"}, name="llama")

    assert "another name is another app" in objects.refused_change(made, {"max_workers": 3})
    assert objects.refused_change(made, {"name": "Llama_3", "namespace": "later"}) == ""
