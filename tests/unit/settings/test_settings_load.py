from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from pydantic import ValidationError

from autoscaler.settings import (
    Checked,
    InvalidConfiguration,
    Settings,
    UnreadableConfiguration,
    check,
    load,
)
from autoscaler.settings.document import DEPTH_MAX, SIZE_MAX, parse

Check = Callable[..., Checked]


def test_the_smallest_file(checked: Check) -> None:
    result = checked("apps: [{name: sd15, max_workers: 8}]")
    (app,) = result.settings.apps
    assert result.warnings == ()
    assert (app.namespace, app.name, app.min_workers, app.max_workers) == ("default", "sd15", 1, 8)
    (policy,) = app.policies
    mapping = policy.as_mapping()
    assert (mapping["type"], mapping["name"], mapping["role"]) == ("queue", "queue", "target")
    assert mapping["target"] == 1.0
    assert app.behavior.scale_down.stabilization_window == 300.0


def test_a_given_direction_has_only_the_limits_that_it_names(checked: Check) -> None:
    text = "apps: [{name: a, max_workers: 8, behavior: {scale_down: {cooldown: 60s}}}]"
    down = checked(text).settings.apps[0].behavior.scale_down
    assert (down.cooldown, down.stabilization_window) == (60.0, 0.0)


@pytest.mark.parametrize("behavior", ["behavior:", "behavior: {scale_down: }", "behavior: {}"])
def test_an_empty_direction_is_not_given(checked: Check, behavior: str) -> None:
    app = checked(f"apps:\n- name: a\n  max_workers: 8\n  {behavior}\n").settings.apps[0]
    assert app.behavior.scale_down.stabilization_window == 300.0


def test_empty_sections_mean_the_defaults(checked: Check) -> None:
    text = "everai:\nstate:\nserver:\nlog:\nfleet:\ndefaults:\napps: [{name: a, max_workers: 8}]"
    assert checked(text).settings == checked("apps: [{name: a, max_workers: 8}]").settings


def test_defaults_fill_the_gaps_of_apps(checked: Check) -> None:
    text = """
        defaults:
          max_workers: 4
          interval: 30s
          drain: {min_lifetime: 5m, clear_failed: true}
          behavior: {scale_down: {stabilization_window: 10m}, scale_up: {cooldown: 5s}}
          policies: [{type: fixed, workers: 2}]
        apps:
          - name: a
          - {name: b, max_workers: 9, drain: {min_lifetime: 1m}, policies: [{type: queue}]}
          - {name: c, behavior: {scale_down: {cooldown: 1m}}}
    """
    a, b, c = checked(dedent(text)).settings.apps
    assert (a.max_workers, a.interval, a.policies[0].type) == (4, 30.0, "fixed")
    assert (b.max_workers, b.policies[0].type) == (9, "queue")
    assert (b.drain.min_lifetime, b.drain.clear_failed) == (60.0, True)
    assert c.behavior.scale_down.stabilization_window == 0.0
    assert c.behavior.scale_up.cooldown == 5.0


def test_null_takes_a_default_budget_away(checked: Check) -> None:
    text = """
        defaults: {drain: {disruption: {type: workers, value: 1, window: 1h}}}
        apps:
          - {name: a, max_workers: 4}
          - {name: b, max_workers: 4, drain: {disruption: null}}
    """
    a, b = checked(dedent(text)).settings.apps
    assert a.drain.disruption is not None
    assert b.drain.disruption is None


def test_anchors_and_merge_keys_work(checked: Check) -> None:
    text = """
        apps:
          - &base {name: a, max_workers: 4, interval: 30s}
          - {<<: *base, name: b, max_workers: 2}
    """
    _, b = checked(dedent(text)).settings.apps
    assert (b.name, b.max_workers, b.interval) == ("b", 2, 30.0)


def test_words_mean_what_yaml_1_2_says() -> None:
    text = "a: no\nb: 22:30\nc: 2026-01-02\nd: 010\ne: 1e1\nf: true\ng: ~\nh:\ni: -5\nj: .5\nk: 1_0"
    assert parse(text, "x").data == {
        "a": "no",
        "b": "22:30",
        "c": "2026-01-02",
        "d": "010",
        "e": 10.0,
        "f": True,
        "g": None,
        "h": None,
        "i": -5,
        "j": 0.5,
        "k": "1_0",
    }


def test_a_round_trip_keeps_everything(checked: Check) -> None:
    text = """
        state: {path: null}
        server: {listen: "[::1]:0"}
        apps:
          - name: a
            max_workers: 8
            paused: down
            policies: [{type: free-workers, name: spare, buffer: 2}, {type: queue, target: 3}]
            behavior: {scale_up: {policies: [{type: percent, value: 400, period: 1m}]}}
          - {name: b, max_workers: 4, paused: true, token_file: /run/b, order_deadline: 2m}
    """
    first = checked(dedent(text)).settings
    written = yaml.safe_dump(first.model_dump(mode="json"))
    assert checked(written).settings == first
    assert (first.server.host, first.server.port) == ("::1", 0)


def test_settings_cannot_be_changed(checked: Check) -> None:
    settings = checked().settings
    with pytest.raises(ValidationError):
        settings.dry_run = True  # type: ignore[misc] # that it is refused is the point
    assert isinstance(settings, Settings)


def test_a_home_directory_is_filled_in(checked: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/other")
    settings = checked("everai: {token_file: ~/token}\napps: [{name: a, max_workers: 1}]").settings
    assert settings.everai.token_file == Path("/home/other/token")


@pytest.mark.parametrize("text", ["max_workers: '8'", "max_workers: 8.0"])
def test_numbers_in_quotes_are_taken(checked: Check, text: str) -> None:
    assert checked(f"apps: [{{name: a, {text}}}]").settings.apps[0].max_workers == 8


class TestUnreadable:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableConfiguration, match="No such file"):
            load(tmp_path / "none.yaml", {})

    def test_directory(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableConfiguration, match="is a directory"):
            load(tmp_path, {})

    def test_not_utf8(self, tmp_path: Path) -> None:
        file = tmp_path / "latin.yaml"
        file.write_bytes(b"apps: [{name: caf\xe9, max_workers: 1}]")
        with pytest.raises(UnreadableConfiguration, match="no UTF-8 text: byte 17"):
            load(file, {})

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_not_allowed(self, tmp_path: Path) -> None:
        file = tmp_path / "secret.yaml"
        file.touch(mode=0o000)
        with pytest.raises(UnreadableConfiguration, match="Permission denied"):
            load(file, {})

    def test_too_large(self, tmp_path: Path) -> None:
        file = tmp_path / "large.yaml"
        with file.open("wb") as stream:
            stream.truncate(SIZE_MAX + 1)
        with pytest.raises(UnreadableConfiguration, match="larger than"):
            load(file, {})

    def test_no_file_name(self) -> None:
        with pytest.raises(UnreadableConfiguration, match="no file name"):
            load(Path("a\0b"), {})


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbfapps: [{name: a, max_workers: 1}]\r\n")
    assert load(file, {"HOME": "/h"}).apps[0].name == "a"


def test_a_control_character_is_refused(checked: Check) -> None:
    with pytest.raises(InvalidConfiguration, match="is no valid YAML"):
        checked("apps: [{name: 'a\x01', max_workers: 1}]")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_and_does_not_crash(checked: Check, opening: str) -> None:
    with pytest.raises(InvalidConfiguration, match=f"deeper than {DEPTH_MAX} levels"):
        checked(opening * 50_000)


def test_ten_thousand_apps_load_and_each_bad_one_is_found(checked: Check) -> None:
    lines = [f"- {{name: app-{number}, max_workers: 8}}" for number in range(10_000)]
    assert len(checked("apps:\n" + "\n".join(lines)).settings.apps) == 10_000
    lines[1234] = "- {name: app-1234, max_workers: x}"
    lines[9999] = "- {name: app-0, max_workers: 8}"
    with pytest.raises(InvalidConfiguration) as caught:
        checked("apps:\n" + "\n".join(lines))
    assert [problem.line for problem in caught.value.problems] == [1236, 10_001]
    assert gc.isenabled()


def test_a_long_list_of_problems_is_shortened_in_the_error_only(checked: Check) -> None:
    lines = [f"- {{name: app-{number}, max_workers: x}}" for number in range(200)]
    with pytest.raises(InvalidConfiguration, match="has 200 errors") as caught:
        checked("apps:\n" + "\n".join(lines))
    assert "and 150 more" in str(caught.value)
    assert len(caught.value.problems) == 200


def test_warnings_are_apart_from_errors(tmp_path: Path) -> None:
    file = tmp_path / "warned.yaml"
    file.write_text("everai: {endpoint: 'http://gpu.example'}\napps: [{name: a, max_workers: 1}]")
    result = check(file, {"HOME": "/h"})
    (warning,) = result.warnings
    assert (warning.severity, warning.path, warning.line) == ("warning", "everai.endpoint", 1)
