"""What a target is told, as stories in time."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from autoscaler.model import (
    AppKey,
    Candidate,
    Decision,
    Intervention,
    InterventionKind,
    Reason,
    ScaleDown,
    ScaleUp,
)
from autoscaler.notifications import Event, Notice, Quiet, Severity, Target
from autoscaler.notifications import notice as notices
from autoscaler.notifications.subscription import Subscription
from autoscaler.notifications.tally import Fate, Tally
from autoscaler.policies.cron_windows import Matching
from autoscaler.ports import Outcome
from tests.fakes.clock import T0

Decide = Callable[..., Decision]
MakeTarget = Callable[..., Target]
TROUBLE = Reason.PLATFORM_ERROR


def counts(tally: Tally) -> dict[str, float]:
    (family,) = tally.collect()
    return {each.labels["outcome"]: each.value for each in family.samples if each.value}


def subscribe(target: Target) -> Subscription:
    return Subscription(target, Tally([target.name]))


def event_of(found: Notice | None) -> Event | None:
    return None if found is None else found.event


def test_trouble_is_told_once_it_has_lasted_and_so_is_its_end(
    target: MakeTarget, decision: Decide
) -> None:
    desk = subscribe(target())
    assert desk.decided(decision(TROUBLE, 0)) is None
    assert desk.decided(decision(TROUBLE, 59)) is None
    begun = desk.decided(decision(TROUBLE, 61))
    assert begun is not None
    assert (begun.event, begun.severity, begun.reason) == (
        Event.BEGAN, Severity.WARNING, "PlatformError",
    )  # fmt: skip
    assert "for 61 s" in begun.text
    assert desk.decided(decision(TROUBLE, 90)) is None
    over = desk.decided(decision(at=100))
    assert over is not None
    assert (over.event, over.reason) == (Event.ENDED, "PlatformError")
    assert over.text == "PlatformError is over after 100 s; now AtTarget"
    assert desk.decided(decision(at=110)) is None


def test_trouble_that_flickers_is_not_told(target: MakeTarget, decision: Decide) -> None:
    desk = subscribe(target())
    for at in range(0, 600, 10):
        assert desk.decided(decision(TROUBLE, at)) is None
        assert desk.decided(decision(at=at + 5)) is None


def test_reasons_that_take_turns_are_one_trouble(target: MakeTarget, decision: Decide) -> None:
    desk = subscribe(target())
    told = [
        found.reason
        for at in range(0, 200, 10)
        for reason in (Reason.PLATFORM_ERROR, Reason.PLATFORM_UNREACHABLE)
        if (found := desk.decided(decision(reason, at))) is not None
    ]
    assert told == ["PlatformError", "PlatformUnreachable"]


def test_the_same_trouble_soon_after_is_told_when_the_window_has_passed(
    target: MakeTarget, decision: Decide
) -> None:
    desk = subscribe(target(window_s=600))
    desk.decided(decision(TROUBLE, 0))
    assert event_of(desk.decided(decision(TROUBLE, 60))) is Event.BEGAN
    assert event_of(desk.decided(decision(at=70))) is Event.ENDED
    desk.decided(decision(TROUBLE, 80))
    assert desk.decided(decision(TROUBLE, 300)) is None
    assert desk.decided(decision(TROUBLE, 659)) is None
    assert event_of(desk.decided(decision(TROUBLE, 661))) is Event.BEGAN


def test_an_end_is_told_only_where_the_begin_was(target: MakeTarget, decision: Decide) -> None:
    desk = subscribe(target(window_s=600))
    desk.decided(decision(TROUBLE, 0))
    desk.decided(decision(TROUBLE, 60))
    desk.decided(decision(at=70))
    desk.decided(decision(TROUBLE, 80))
    desk.decided(decision(TROUBLE, 150))
    assert desk.decided(decision(at=160)) is None


def test_any_reason_can_be_watched(target: MakeTarget, decision: Decide) -> None:
    desk = subscribe(target(reasons=frozenset({"AtMaximum"}), after_s=0))
    assert desk.decided(decision(TROUBLE, 0)) is None
    assert event_of(desk.decided(decision(Reason.AT_MAXIMUM, 10))) is Event.BEGAN


def test_what_happens_at_once_is_told_once_in_a_window(
    target: MakeTarget, decision: Decide
) -> None:
    desk = Subscription(target(window_s=600), tally := Tally(["ops"]))
    asked = decision(Reason.LOAD_ABOVE_CAPACITY)
    first = notices.scaled(asked, ScaleUp(2), Outcome.REJECTED, "no such GPU left")
    assert first is not None
    assert desk.offered(first) is first
    assert desk.offered(first) is None
    assert counts(tally) == {"repeated": 1}
    assert first.text == "order 2 workers: the platform refused. no such GPU left"
    later = decision(Reason.LOAD_ABOVE_CAPACITY, 601)
    again = notices.scaled(later, ScaleUp(2), Outcome.REJECTED, "")
    assert again is not None
    assert desk.offered(again) is again


def test_requests_that_were_not_sent_are_nothing_to_tell(decision: Decide) -> None:
    removal = ScaleDown((Candidate("w1", 60.0, "idle"),))
    for outcome in (Outcome.DRY_RUN, Outcome.NOT_SENT):
        assert notices.scaled(decision(), removal, outcome, "") is None
    done = notices.scaled(decision(), removal, Outcome.APPLIED, "")
    assert done is not None
    assert (done.event, done.fields["worker_ids"]) == (Event.SCALED, ["w1"])
    lost = notices.scaled(decision(), removal, Outcome.UNKNOWN, "timed out")
    assert lost is not None
    assert lost.text == "remove 1 worker: no reply came. timed out"


@pytest.mark.parametrize(
    ("patterns", "heard"),
    [
        (("*",), True),
        (("sd*",), True),
        (("default/sd15",), True),
        (("prod/*",), False),
        (("llama", "default/*"), True),
        (("SD15",), False),
    ],
)
def test_apps_are_chosen_by_pattern(
    target: MakeTarget, decision: Decide, patterns: tuple[str, ...], *, heard: bool
) -> None:
    desk = subscribe(target(apps=patterns, after_s=0))
    assert (desk.decided(decision(TROUBLE)) is not None) == heard
    race = notices.raced(AppKey("default", "sd15"), "w1", T0)
    assert (desk.offered(race) is not None) == heard


def test_events_and_severity_are_chosen(target: MakeTarget, decision: Decide) -> None:
    severe = subscribe(target(severity=Severity.CRITICAL, after_s=0))
    assert severe.decided(decision(TROUBLE)) is None
    assert severe.decided(decision(Reason.CRASH_LOOP, 1)) is not None
    races = subscribe(target(events=frozenset({Event.RACED}), after_s=0))
    assert races.decided(decision(Reason.CRASH_LOOP)) is None
    assert races.offered(notices.raced(AppKey("default", "sd15"), "w1", T0)) is not None


def test_orders_by_hand_are_told_with_who_and_why_each_time(target: MakeTarget) -> None:
    desk = subscribe(target())
    order = Intervention(InterventionKind.BOOST, T0, T0 + 3600, "ada", "launch", workers=5)
    app = AppKey("default", "sd15")
    first = desk.offered(notices.by_hand(app, order, T0, ""))
    assert first is not None
    assert "boost to at least 5" in first.text
    assert "by ada: launch" in first.text
    last = desk.offered(notices.by_hand(app, order, T0 + 5, "bob: over"))
    assert last is not None
    assert last.text.endswith("ended: bob: over")


def test_quiet_hours_hold_trouble_until_they_end(target: MakeTarget, decision: Decide) -> None:
    # T0 is 16:00 UTC: midnight in Shanghai
    quiet = Quiet(ZoneInfo("Asia/Shanghai"), (Matching("* 0 * * *"),))
    desk = Subscription(target(quiet=quiet, after_s=0), tally := Tally(["ops"]))
    for at in (0, 1800, 3599):
        assert desk.decided(decision(TROUBLE, at)) is None
    assert counts(tally) == {"quiet": 1}
    assert event_of(desk.decided(decision(TROUBLE, 3600))) is Event.BEGAN


def test_what_is_critical_breaks_the_quiet_and_the_rest_is_counted(
    target: MakeTarget, decision: Decide
) -> None:
    quiet = Quiet(ZoneInfo("UTC"), (Matching("* * * * *"),))
    desk = Subscription(target(quiet=quiet, after_s=0), tally := Tally(["ops"]))
    assert desk.decided(decision(Reason.CRASH_LOOP)) is not None
    assert desk.decided(decision(at=5)) is None
    assert desk.offered(notices.raced(AppKey("default", "sd15"), "w1", T0)) is None
    assert counts(tally) == {"quiet": 2}
    assert desk.offered(notices.trial(T0)) is not None


def test_a_forgotten_app_begins_anew(target: MakeTarget, decision: Decide) -> None:
    desk = subscribe(target())
    desk.decided(decision(TROUBLE, 0))
    desk.decided(decision(TROUBLE, 60))
    desk.forget(AppKey("default", "sd15"))
    assert desk.decided(decision(at=70)) is None


def test_memory_is_bounded(
    target: MakeTarget, decision: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoscaler.notifications.subscription.KEYS_MAX", 100)
    desk = subscribe(target(window_s=10))
    for number in range(1000):
        app = AppKey("default", f"app-{number}")
        assert desk.offered(notices.raced(app, "w1", T0 + number)) is not None
    assert len(desk._told_at) <= 100


def test_every_fate_is_a_count_from_the_begin() -> None:
    (family,) = Tally(["ops", "chat"]).collect()
    assert len(family.samples) == 2 * len(Fate)
    assert {each.value for each in family.samples} == {0}
