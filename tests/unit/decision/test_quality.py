"""Which lists are believed, and what follows from one that is not."""

from __future__ import annotations

from autoscaler.decision.memory import AppMemory
from autoscaler.model import Hold, Reason
from tests.fakes.stories import Story, spec, worker


def test_a_failed_look_holds_with_its_reason_and_changes_nothing() -> None:
    story = Story(spec()).at(0).wants(1).sees("a free")
    before = story.memory
    story.at(15).wants(9).sees_nothing(Reason.UNAUTHORIZED).expects(hold=Reason.UNAUTHORIZED)
    assert story.memory == before
    assert story.decision.desired is None


def test_a_list_that_contradicts_itself_is_not_acted_upon_however_it_tempts() -> None:
    story = Story(spec()).wants(0)
    story.sees(free=9, fields={"problems": ("worker a is listed twice",)})
    story.expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    assert "listed twice" in story.decision.message
    assert story.memory == AppMemory()


def test_a_scale_time_that_goes_back_is_an_older_list() -> None:
    story = Story(spec()).scaled_at(up=-100, down=-200).at(0).wants(1).sees("a free")
    story.at(15).scaled_at(up=-101).wants(0).sees("a free").expects(hold=Reason.STALE_OBSERVATION)
    story.at(30).scaled_at(up=-100).sees("a free").expects(scale_down=["a"])


def test_a_scale_time_that_disappears_is_an_older_list() -> None:
    story = Story(spec()).scaled_at(down=-100).at(0).wants(1).sees("a free")
    story.platform_down = None
    story.at(15).wants(0).sees("a free").expects(hold=Reason.STALE_OBSERVATION)


def test_a_platform_that_contradicts_its_past_for_ten_minutes_has_a_new_past() -> None:
    story = Story(spec()).scaled_at(up=-100).at(0).wants(1).sees("a free")
    story.platform_up = None
    for t in range(15, 615, 15):
        story.at(t).wants(2).sees("a free").expects(hold=Reason.STALE_OBSERVATION)
    story.at(615).sees("a free").expects(scale_up=1)


def test_one_good_list_between_begins_the_ten_minutes_anew() -> None:
    story = Story(spec()).scaled_at(up=-100).at(0).wants(1).sees("a free")
    for t in range(15, 700, 15):
        story.platform_up = story.now - 3600 if t != 600 else story.memory.platform_up_at
        story.at(t).sees("a free")
        story.expects(hold=Reason.AT_TARGET if t == 600 else Reason.STALE_OBSERVATION)


def test_a_new_past_with_vanished_workers_is_believed_at_the_second_list_too() -> None:
    story = Story(spec()).scaled_at(up=-100).at(0).wants(1).sees("a free")
    story.platform_up = None
    for t in range(15, 615, 15):
        story.at(t).sees("b free").expects(hold=Reason.STALE_OBSERVATION)
    story.at(615).sees("b free").expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    story.at(630).sees("b free").expects(hold=Reason.AT_TARGET)


def test_workers_that_vanish_unordered_are_confirmed_by_a_second_list() -> None:
    story = Story(spec()).at(0).wants(3).sees("a busy", "b busy", "c busy")
    story.at(15).sees("a busy").expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    story.at(16).sees("a busy").expects(scale_up=2)


def test_workers_that_come_back_at_the_second_list_were_never_gone() -> None:
    story = Story(spec()).at(0).wants(3).sees("a busy", "b busy", "c busy")
    story.at(15).sees().expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    story.at(16).sees("a busy", "b busy", "c busy").expects(hold=Reason.AT_TARGET)
    assert story.memory.foreign == ()


def test_an_empty_list_once_never_orders_a_whole_fleet() -> None:
    story = Story(spec(min_workers=3)).at(0).wants(9).sees(busy=9)
    story.at(15).sees()
    assert story.decision.action == Hold()


def test_more_vanishing_while_waiting_needs_another_list() -> None:
    story = Story(spec()).at(0).wants(3).sees("a busy", "b busy", "c busy")
    story.at(15).sees("a busy", "b busy").expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    story.at(30).sees("a busy").expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    story.at(45).sees("a busy").expects(scale_up=2)


def test_a_worker_on_its_way_out_may_vanish_without_a_word() -> None:
    story = Story(spec()).at(0).wants(1).sees("a busy", "b removing")
    story.at(15).sees("a busy").expects(hold=Reason.AT_TARGET)


def test_a_worker_that_shows_as_failed_has_not_vanished() -> None:
    story = Story(spec()).at(0).wants(2).sees("a busy", "b busy")
    story.at(15).sees("a busy", "b error").expects(scale_up=1)


# Somebody else


def test_a_worker_that_nobody_ordered_is_somebody_elses() -> None:
    story = Story(spec()).at(0).wants(1).sees("a busy")
    story.at(15).wants(2).sees("a busy", worker("x", "in_flight", at=10))
    assert len(story.memory.foreign) == 1
    assert any("x appeared" in warning for warning in story.decision.warnings)


def test_a_scale_time_that_moves_without_us_is_somebody_elses() -> None:
    story = Story(spec()).scaled_at(up=-100, down=-100).at(0).wants(1).sees("a busy")
    story.scaled_at(down=10).at(15).sees("a busy")
    assert any("lastScaleDownDeleteTime" in warning for warning in story.decision.warnings)


def test_the_first_look_blames_nobody() -> None:
    story = Story(spec()).scaled_at(up=-1, down=-1).at(0).sees("a busy", "b in_flight")
    assert story.memory.foreign == ()


def test_replacements_of_an_update_are_nobodys_scaling() -> None:
    story = Story(spec()).at(0).wants(1).sees("a busy")
    story.at(15).sees("a busy", worker("b", "rollin", replace_worker_id="a", at=10))
    assert story.memory.foreign == ()


def test_three_foreign_scalings_in_ten_minutes_hold_removals_not_orders() -> None:
    story = Story(spec()).at(0).wants(1).sees("a free")
    names = ["a free"]
    for number, t in enumerate((60, 120, 180)):
        names.append(f"x{number} free")
        story.at(t).wants(len(names)).sees(*names)
    story.at(195).wants(1).sees(*names).expects(hold=Reason.FOREIGN_SCALER)
    story.at(210).wants(9).sees(*names).expects(scale_up=5)
    for t in range(240, 661, 30):
        story.at(t).wants(1).sees(*names)
    story.at(661).sees(*names).expects(scale_down=["a", "x0", "x1"])


def test_a_clock_set_back_does_not_keep_foreign_scalings_in_mind() -> None:
    story = Story(spec()).at(0).wants(1).sees("a free")
    names = ["a free"]
    for number, t in enumerate((60, 120, 180)):
        names.append(f"x{number} free")
        story.at(t).wants(len(names)).sees(*names)
    story.restarts(at=-86_400).wants(1)
    for t in range(-86_400, -85_780, 30):
        story.at(t).sees(*names)
    story.expects(scale_down=["a", "x0", "x1"])


def test_a_clock_set_back_does_not_make_a_stale_list_last_longer() -> None:
    story = Story(spec()).scaled_at(up=-100).at(0).wants(1).sees("a free")
    story.platform_up = None
    story.at(15).sees("a free").expects(hold=Reason.STALE_OBSERVATION)
    story.restarts(at=-86_400).sees("a free").expects(hold=Reason.STALE_OBSERVATION)
    story.at(-86_400 + 600).wants(2).sees("a free").expects(scale_up=1)
