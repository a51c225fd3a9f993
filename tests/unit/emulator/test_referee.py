"""Which scale calls break a rule, which are raced, and which are fine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

MakeClient = Callable[..., Any]


def test_an_idle_worker_removed_right_after_a_list_breaks_nothing(make_client: MakeClient) -> None:
    client = make_client(initial_workers=2)
    first, _ = client.free_ids()
    client.wait(1)
    assert client.scale_down(first).body == b"{}"
    assert (client.broken(), client.raced()) == ([], [])
    assert client.demo.healthy() == 1


def test_a_busy_worker_that_the_list_showed_busy(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1)
    client.demo.send(service_s=60)
    client.wait(5)
    (row,) = client.workers()["workers"]
    client.scale_down(row["id"])
    assert client.broken() == ["removed-busy"]
    assert (client.demo.books.lost_to_scale_down, client.demo.books.lost_raced) == (1, 0)


def test_a_worker_that_became_busy_after_the_list_is_raced(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1)
    (only,) = client.free_ids()
    client.wait(1)
    client.demo.send(service_s=60)
    client.wait(0.5)
    client.scale_down(only)
    assert (client.broken(), client.raced()) == ([], ["removed-busy"])
    assert (client.demo.books.lost_to_scale_down, client.demo.books.lost_raced) == (0, 1)


def test_an_old_list_excuses_nothing(make_client: MakeClient) -> None:
    client = make_client(initial_workers=2, rules={"race_window_s": 2})
    idle, busy = client.free_ids()
    client.demo.send(service_s=60)  # the one used last: both came at once, the second is on top
    client.wait(3)
    client.scale_down(busy)
    client.scale_down(idle)
    assert client.broken() == ["removed-busy", "removed-not-shown-free"]


def test_another_callers_list_is_no_excuse(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1)
    client.headers["user-agent"] = "somebody else"
    (only,) = client.free_ids()
    client.headers["user-agent"] = "autoscaler"
    client.scale_down(only)
    assert client.broken() == ["removed-not-shown-free"]


def test_workers_that_are_no_candidates(make_client: MakeClient) -> None:
    client = make_client(initial_workers=3, cold_start=20)
    (started,) = _ids(client.scale_up(1))
    demo = client.demo
    crashed, out, with_session = list(demo.workers)[:3]
    demo.workers[with_session].sessions.append(client.clock[0] + 600)
    demo.crash(crashed)
    demo.interrupt(out, 600)
    client.workers()
    for worker_id in (started, crashed, out, with_session, "nobody"):
        client.scale_down(worker_id)
    assert client.broken() == [
        "removed-in-flight",
        "removed-failed",
        "removed-unavailable",
        "removed-with-sessions",
        "removed-unknown",
    ]


def test_clearing_failed_workers_may_be_allowed(make_client: MakeClient) -> None:
    client = make_client(initial_workers=2, rules={"clear_failed": True})
    crashed, out = list(client.demo.workers)
    client.demo.crash(crashed)
    client.demo.interrupt(out, 600)
    client.workers(showAll="true")
    client.scale_down(crashed, out)
    assert client.broken() == []
    client.wait(60)
    statuses = {row["id"]: row["status"] for row in client.workers(showAll="true")["workers"]}
    assert statuses == {crashed: "STATUS_TERMINATED", out: "STATUS_TERMINATED"}


def test_both_sides_of_a_roll_out(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, cold_start=20)
    client.demo.update()
    old, new = client.demo.workers
    client.workers()
    client.scale_down(old)
    client.scale_down(new)
    assert client.broken() == ["removed-replaced", "removed-rollin"]


def test_a_second_removal_is_never_excused(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, removal_s=30)
    (only,) = client.free_ids()
    client.scale_down(only)
    client.scale_down(only)
    assert client.broken() == ["removed-twice"]


def test_a_worker_that_the_platform_took_is_raced(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1)
    (only,) = client.free_ids()
    client.demo.crash(only)
    client.scale_down(only)
    assert (client.broken(), client.raced()) == ([], ["removed-failed"])


@pytest.mark.parametrize(
    ("order", "rule"),
    [
        ({"scaleDownWorkersNum": "1"}, "no-ids"),
        ({"scaleDownWorkersNum": "2", "workerIds": ["FIRST"]}, "wrong-count"),
        ({"scaleDownWorkersNum": "2", "workerIds": ["FIRST", "FIRST"]}, "named-twice"),
    ],
)
def test_calls_that_do_not_say_clearly_what_they_want(
    make_client: MakeClient, order: dict[str, Any], rule: str
) -> None:
    client = make_client(initial_workers=3)
    first = client.free_ids()[0]
    if "workerIds" in order:
        order = {**order, "workerIds": [first] * len(order["workerIds"])}
    client.app("POST", "/workers:scale-down", order)
    assert client.broken() == [rule]
    assert client.demo.healthy() == 2


def test_above_the_callers_own_maximum(make_client: MakeClient) -> None:
    client = make_client(initial_workers=2, max_workers=10, rules={"max_workers": 4})
    client.workers()
    client.scale_up(2)
    assert client.broken() == []
    client.scale_up(1)
    assert client.broken() == ["above-max"]


def test_above_the_platforms_maximum_refused_or_clipped(make_client: MakeClient) -> None:
    client = make_client(initial_workers=2, max_workers=3)
    assert client.scale_up(2).status == 400
    assert client.demo.healthy() == 2
    clipping = make_client(initial_workers=2, max_workers=3, beyond_max="clip")
    assert len(_ids(clipping.scale_up(2))) == 1
    assert client.broken() == clipping.broken() == ["above-max"]


def test_workers_on_their_way_out_take_a_place_and_a_pair_takes_one(
    make_client: MakeClient,
) -> None:
    client = make_client(
        initial_workers=2, removal_s=30, cold_start=60, max_workers=3, beyond_max="clip"
    )
    first, _ = client.free_ids()
    client.scale_down(first)
    client.demo.update()
    client.workers()
    client.scale_up(1)  # one removing, one pair, one new: three
    assert client.broken() == []
    client.scale_up(1)
    assert client.broken() == ["above-max"]


def test_what_the_platform_starts_unseen_does_not_count_against_the_caller(
    make_client: MakeClient,
) -> None:
    client = make_client(initial_workers=1, rules={"max_workers": 2})
    client.workers()
    client.wait(1)
    client.demo.start(by_caller=False)
    client.scale_up(1)
    assert client.broken() == []
    client.workers()
    client.scale_up(1)
    assert client.broken() == ["above-max"]


def test_a_maximum_lowered_after_the_list_is_no_breach(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, max_workers=5)
    client.workers()
    client.demo.max_workers = 1
    assert client.scale_up(2).status == 400
    assert client.broken() == []


def test_below_the_callers_minimum(make_client: MakeClient) -> None:
    client = make_client(initial_workers=3, rules={"min_workers": 2})
    first, second, _ = client.free_ids()
    client.scale_down(first)
    assert client.broken() == []
    client.free_ids()
    client.scale_down(second)
    assert client.broken() == ["below-min"]


def test_a_crash_after_the_list_excuses_falling_below_the_minimum(make_client: MakeClient) -> None:
    client = make_client(initial_workers=3, rules={"min_workers": 2})
    first, second, _ = client.free_ids()
    client.wait(1)
    client.demo.crash(second)
    client.scale_down(first)
    assert client.broken() == []


def test_a_paused_app_is_left_alone_after_a_grace(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, rules={"app_info_grace_s": 300})
    client.app("POST", ":pause")
    client.wait(10)
    assert client.scale_up(1).status == 400
    assert (client.broken(), client.raced()) == ([], ["paused-app"])
    client.wait(300)
    client.scale_up(1)
    assert client.broken() == ["paused-app"]
    assert client.demo.healthy() == 0


@pytest.mark.parametrize("scaler", ["builtin", "container", "thirdParty"])
def test_an_app_that_the_platform_scales_is_left_alone(
    make_client: MakeClient, scaler: str
) -> None:
    client = make_client(scaler=scaler)
    client.scale_up(1)
    assert client.broken() == ["platform-scaled-app"]


def test_a_stale_list_excuses_the_kill_that_it_caused(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, faults=({"kind": "stale-list", "from_s": 10},))
    client.free_ids()
    client.wait(5)
    client.demo.send(service_s=600)
    client.wait(55)
    (shown,) = client.free_ids()  # a minute old
    client.scale_down(shown)
    assert (client.broken(), client.raced()) == ([], ["removed-busy"])


def test_a_list_that_never_arrived_excuses_nothing(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, faults=({"kind": "truncated"},))
    (only,) = client.demo.workers
    client.workers()
    client.scale_down(only)
    assert client.broken() == ["removed-not-shown-free"]


def _ids(reply: Any) -> list[str]:
    ids: list[str] = json.loads(reply.body)["workerIds"]
    return ids
