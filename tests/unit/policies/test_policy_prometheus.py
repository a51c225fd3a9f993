"""``prometheus`` and ``webhook``: what they ask for, and what they make of the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.model import NoData, PrometheusQuery, WebhookCall
from autoscaler.policies import policies
from autoscaler.testing import Scene, observe

URL = "https://prometheus.example.org"


def scene(value: float | NoData, **more: Any) -> Scene:
    signals = {"prometheus": value, "webhook": value}
    return Scene(signals=signals, **more)


@pytest.mark.parametrize(
    ("value", "current", "more", "workers"),
    [
        # HPA v2 AverageValue: the total over the target, within 10 % of what is there nothing
        (100, 4, {"target": 10}, 10),
        (41, 4, {"target": 10}, 4),
        (45, 4, {"target": 10}, 5),
        (0.5, 0, {}, 1),
        # HPA v2 Value: current * ratio; at zero just the ratio
        (30, 4, {"target": 10, "mode": "ratio"}, 12),
        (10.9, 4, {"target": 10, "mode": "ratio"}, 4),
        (25, 0, {"target": 10, "mode": "ratio"}, 3),
        (7.2, 4, {"mode": "workers"}, 8),
        # KEDA: active only above the activation threshold, whatever the target says
        (50, 4, {"target": 10, "activation": 50}, 0),
        (51, 4, {"target": 10, "activation": 50}, 6),
        (0, 4, {}, 0),
    ],
)
def test_worked_examples(
    ask: Callable[..., int], value: float, current: int, more: dict[str, Any], workers: int
) -> None:
    given = scene(value, busy=current)
    assert ask("prometheus", given, url=URL, query="sum(x)", **more) == workers


@pytest.mark.parametrize("value", [NoData("down"), -1.0, float("nan"), float("inf"), None])
@pytest.mark.parametrize("kind", ["prometheus", "webhook"])
def test_no_number_is_no_data(make: Callable[..., Any], kind: str, value: Any) -> None:
    policy = make(kind, url=URL, **({"query": "x"} if kind == "prometheus" else {}))
    given = Scene(busy=2) if value is None else scene(value, busy=2)
    answer, _ = policy.recommend(observe(given), None)
    assert isinstance(answer, NoData)


def test_what_they_want_fetched() -> None:
    cls = policies()["prometheus"]
    own = {"url": URL, "query": "sum(rate(x[1m]))", "timeout": "2s", "token_file": "/t"}
    policy = cls(cls.Params.model_validate(own), "load")
    assert policy.signals_wanted == (
        PrometheusQuery("load", URL, 2.0, "/t", query="sum(rate(x[1m]))"),
    )
    hook = policies()["webhook"]
    assert hook(hook.Params.model_validate({"url": URL})).signals_wanted == (
        WebhookCall("webhook", URL, 5.0, ""),
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"url": "ftp://x"},
        {"url": "prometheus:9090"},
        {"url": "https://me:s3cret@host"},
        {"url": "https://"},
        {"url": "https://host:99999"},
        {"url": "https://host/a b"},
        {"url": URL, "timeout": 0},
        {"url": URL, "timeout": "2m"},
        {"url": "http://prometheus.example.org", "token_file": "/token"},
    ],
)
def test_bad_addresses_are_refused_and_never_quoted(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        policies()["webhook"].Params.model_validate(bad)
    assert all("s3cret" not in error["msg"] for error in caught.value.errors())


def test_a_token_may_go_to_this_machine_in_clear_text() -> None:
    own = {"url": "http://127.0.0.1:9090", "token_file": "/token"}
    assert policies()["webhook"].Params.model_validate(own).model_dump()["token_file"] == "/token"


def test_the_webhooks_number_is_rounded_up(ask: Callable[..., int]) -> None:
    assert ask("webhook", scene(4.2), url=URL) == 5
    assert ask("webhook", scene(0.0), url=URL) == 0


def test_story_a_query_that_fails_and_comes_back(make: Callable[..., Any]) -> None:
    policy = make("prometheus", url=URL, query="x", target=5)
    said = [
        policy.recommend(observe(scene(value, busy=2)), None)[0]
        for value in (10.0, NoData("HTTP 503"), NoData("HTTP 503"), 40.0)
    ]
    assert [getattr(each, "workers", None) for each in said] == [2, None, None, 8]
