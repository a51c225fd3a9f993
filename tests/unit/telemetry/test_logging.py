"""Lines as a log collector, and a person, would read them."""

from __future__ import annotations

import io
import logging
import warnings
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

from autoscaler.telemetry import configure_logging


def test_json_lines_begin_with_time_level_and_event(log: Any) -> None:
    structlog.get_logger().info("started", apps=3)
    (event,) = log.events
    assert list(event) == ["time", "level", "event", "apps"]
    assert (event["level"], event["event"], event["apps"]) == ("info", "started", 3)
    assert datetime.fromisoformat(event["time"]).utcoffset() == timedelta(0)


def test_events_below_the_level_are_not_written(log: Any) -> None:
    structlog.get_logger().debug("quiet")
    assert log.text == ""


def test_an_error_brings_its_traceback_in_one_line(log: Any) -> None:
    try:
        int("no luck")
    except ValueError:
        structlog.get_logger().exception("failed")
    (event,) = log.events
    assert "Traceback" in event["exception"]
    assert "no luck" in event["exception"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("inf"), None),
        (2**70, 2**70),
        ({1: "one"}, {"1": "one"}),
        (b"raw", "cmF3"),
        (object, "<class 'object'>"),
        ("\ud800", "\ud800"),
    ],
)
def test_json_takes_whatever_comes(log: Any, value: object, written: object) -> None:
    structlog.get_logger().info("odd", value=value)
    assert log.events[0]["value"] == written


def test_a_value_that_contains_itself_does_not_stop_the_program(log: Any) -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    structlog.get_logger().info("odd", value=loop)
    assert log.events[0]["event"] == "odd"


def test_the_console_is_for_people(console_log: Any) -> None:
    structlog.get_logger().warning(
        "decision", census={"free": 1, "busy": 0}, limits=[], why="two words", none=None
    )
    assert "warning" in console_log.text
    assert "free=1" in console_log.text
    for empty in ("busy", "limits", "none"):
        assert empty not in console_log.text


def test_the_console_shows_control_characters_instead_of_obeying_them(console_log: Any) -> None:
    structlog.get_logger().info("odd", status="\x1b[2J")
    assert "\x1b" not in console_log.text
    assert "x1b[2J" in console_log.text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_auto_is_console_on_a_terminal_and_json_elsewhere(log: Any) -> None:
    terminal, pipe = Terminal(), io.StringIO()
    configure_logging("info", "auto", terminal)
    structlog.get_logger().info("hello")
    configure_logging("info", "auto", pipe)
    structlog.get_logger().info("hello")
    assert not terminal.getvalue().startswith("{")
    assert pipe.getvalue().startswith("{")
    assert log.text == ""


def test_libraries_join_from_warnings_up(log: Any) -> None:
    library = logging.getLogger("apscheduler.test")
    library.warning("late by %d s", 3)
    library.info("chatter")
    (event,) = log.events
    assert (event["level"], event["event"]) == ("warning", "late by 3 s")
    assert event["logger"] == "apscheduler.test"


def test_a_level_that_a_library_made_up_is_rounded_down(log: Any) -> None:
    logging.getLogger("aiohttp.test").log(35, "own level")
    assert log.events[0]["level"] == "warning"


def test_a_record_whose_arguments_do_not_fit_is_told_all_the_same(log: Any) -> None:
    # handed over directly, because the handler of the test runner insists on a fit
    record = logging.LogRecord("lib", logging.ERROR, __file__, 1, "%d", ("no number",), None)
    ours = next(
        handler
        for handler in logging.getLogger().handlers
        if type(handler).__module__ == "autoscaler.telemetry.logging"
    )
    ours.handle(record)
    assert "arguments do not fit" in log.events[0]["event"]


def test_a_librarys_traceback_is_in_its_line(log: Any) -> None:
    try:
        int("inside")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("outside")
    assert "inside" in log.events[0]["exception"]


def test_python_warnings_are_lines_too(log: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old way", UserWarning, stacklevel=1)
    assert "old way" in log.events[0]["event"]
    assert log.events[0]["logger"] == "py.warnings"


def test_a_second_set_up_replaces_the_first(log: Any) -> None:
    other = io.StringIO()
    configure_logging("warning", "json", other)
    logging.getLogger("library").warning("once")
    assert log.text == ""
    assert other.getvalue().count("once") == 1


class Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_has_gone_stops_nothing(log: Any) -> None:
    configure_logging("info", "json", Broken())
    structlog.get_logger().info("unheard")
    closed = io.StringIO()
    configure_logging("info", "json", closed)
    closed.close()
    structlog.get_logger().info("unheard")
    assert log.text == ""
