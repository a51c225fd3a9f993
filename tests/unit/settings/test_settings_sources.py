from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoscaler.settings import Checked, InvalidConfiguration, Problem, check

Check = Callable[..., Checked]
TOKEN_HINT = "the token goes into EVERAI_TOKEN or into the file of everai.token_file"
FILE = """
everai: {endpoint: https://file.example, read_timeout: 7s}
log: {level: error}
apps: [{name: sd15, max_workers: 8}]
"""


def problems(checked: Check, *args: Any, **kwargs: Any) -> tuple[Problem, ...]:
    with pytest.raises(InvalidConfiguration) as caught:
        checked(*args, **kwargs)
    return caught.value.problems


def test_the_strongest_source_wins_and_the_others_fill_in(checked: Check) -> None:
    env = {"AUTOSCALER_LOG__LEVEL": "info", "AUTOSCALER_LOG__FORMAT": "json"}
    settings = checked(FILE, env, {"log": {"level": "debug"}}).settings
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert settings.everai.read_timeout == 7.0


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, "https://file.example"),
        ({"EVERAI_ENDPOINT": "https://platform.example"}, "https://platform.example"),
        (
            {
                "EVERAI_ENDPOINT": "https://platform.example",
                "AUTOSCALER_EVERAI__ENDPOINT": "https://ours.example",
            },
            "https://ours.example",
        ),
        ({"EVERAI_ENDPOINT": ""}, "https://file.example"),
    ],
)
def test_endpoint_file_then_platform_variable_then_ours(
    checked: Check, env: dict[str, str], expected: str
) -> None:
    assert checked(FILE, env).settings.everai.endpoint == expected


def test_no_file_is_needed() -> None:
    apps = json.dumps([{"name": "sd15", "max_workers": 3, "interval": "20s"}])
    settings = check(None, {"HOME": "/h", "AUTOSCALER_APPS": apps}).settings
    assert (settings.apps[0].max_workers, settings.apps[0].interval) == (3, 20.0)


def test_variables_reach_every_kind_of_value(checked: Check) -> None:
    env = {
        "AUTOSCALER_DRY_RUN": "true",
        "AUTOSCALER_VERSION": "1",
        "AUTOSCALER_STATE__PATH": "null",
        "AUTOSCALER_FLEET": '{"max_workers": 5}',
        "AUTOSCALER_FLEET__MAX_PRICE_PER_HOUR": "2.5",
        "AUTOSCALER_DEFAULTS__PAUSED": "true",
        "AUTOSCALER_DEFAULTS__INTERVAL": "1m30s",
        "autoscaler_defaults__drain__clear_failed": "yes",
        "AUTOSCALER_DEFAULTS__BEHAVIOR__SCALE_DOWN__POLICIES": (
            '[{"type": "workers", "value": 2, "period": 60}]'
        ),
    }
    settings = checked(env=env).settings
    app = settings.apps[0]
    assert settings.dry_run is True
    assert settings.state.path is None
    assert (settings.fleet.max_workers, settings.fleet.max_price_per_hour) == (5, 2.5)
    assert (app.paused, app.interval, app.drain.clear_failed) == (True, 90.0, True)
    assert app.behavior.scale_down.policies[0].value == 2.0


def test_a_variable_is_named_where_its_value_is_bad(checked: Check) -> None:
    env = {"AUTOSCALER_APPS": "[{name: sd15}]", "AUTOSCALER_SERVER__LISTEN": "nowhere"}
    by_source = {problem.source: problem for problem in problems(checked, env=env)}
    assert by_source["AUTOSCALER_APPS"].path == "apps"
    assert by_source["AUTOSCALER_APPS"].message.startswith("is no valid JSON")
    listen = by_source["AUTOSCALER_SERVER__LISTEN"]
    assert (listen.path, listen.value, listen.line) == ("server.listen", '"nowhere"', None)


def test_a_bad_entry_of_a_json_list_names_the_variable(checked: Check) -> None:
    (problem,) = problems(checked, env={"AUTOSCALER_APPS": '[{"name": "a", "max_workers": -1}]'})
    assert (problem.source, problem.path) == ("AUTOSCALER_APPS", "apps[0].max_workers")


def test_json_that_is_nested_without_end_is_refused(checked: Check) -> None:
    (problem,) = problems(checked, env={"AUTOSCALER_APPS": "[" * 100_000})
    assert (problem.source, problem.path) == ("AUTOSCALER_APPS", "apps")


def test_the_platforms_variable_is_named_where_its_value_is_bad(checked: Check) -> None:
    (problem,) = problems(checked, FILE, {"EVERAI_ENDPOINT": "nowhere"})
    assert (problem.source, problem.path) == ("EVERAI_ENDPOINT", "everai.endpoint")


def test_the_command_line_is_named_where_its_value_is_bad(checked: Check) -> None:
    (problem,) = problems(checked, FILE, None, {"server": {"listen": "nowhere"}})
    assert (problem.source, problem.path) == ("command line", "server.listen")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("AUTOSCALER_SERVER__LISTN", "did you mean AUTOSCALER_SERVER__LISTEN?"),
        ("AUTOSCALER_LOG_LEVEL", "did you mean AUTOSCALER_LOG__LEVEL?"),
        ("AUTOSCALER_EVERAI_TOKEN", TOKEN_HINT),
    ],
)
def test_an_unknown_variable_is_an_error(checked: Check, name: str, hint: str) -> None:
    (problem,) = problems(checked, env={name: "SECRET-VALUE"})
    assert (problem.source, problem.hint) == (name, hint)
    assert "SECRET-VALUE" not in str(problem)


@pytest.mark.parametrize(
    "name",
    [
        "AUTOSCALER_CONFIG",
        "AUTOSCALER_NAMESPACE",
        "AUTOSCALER_TOKEN",
        "AUTOSCALER_TOKEN_FILE",
        "AUTOSCALER_URL",
        "AUTOSCALER_SERVICE_HOST",
        "AUTOSCALER_SERVICE_PORT",
        "AUTOSCALER_SERVICE_PORT_HTTP",
        "AUTOSCALER_PORT",
        "AUTOSCALER_PORT_8080_TCP",
        "AUTOSCALER_PORT_8080_TCP_ADDR",
        "AUTOSCALER_METRICS_SERVICE_HOST",
    ],
)
def test_variables_of_kubernetes_and_of_the_command_line_are_let_through(
    checked: Check, name: str
) -> None:
    assert checked(env={name: "tcp://10.0.0.1:8080"}).settings.apps


def test_an_empty_variable_counts_as_not_set(checked: Check) -> None:
    assert checked(FILE, {"AUTOSCALER_LOG__LEVEL": ""}).settings.log.level == "error"


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"XDG_STATE_HOME": "/var/state"}, "/var/state/autoscaler/state.db"),
        ({"XDG_STATE_HOME": "relative"}, "/home/somebody/.local/state/autoscaler/state.db"),
        ({}, "/home/somebody/.local/state/autoscaler/state.db"),
    ],
)
def test_state_path_by_default(checked: Check, env: dict[str, str], expected: str) -> None:
    assert checked(env=env).settings.state.path == Path(expected)


def test_the_process_environment_is_not_looked_at(
    checked: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOSCALER_LOG__LEVEL", "debug")
    monkeypatch.setenv("LOG", '{"level": "debug"}')
    assert checked().settings.log.level == "info"


def test_each_value_is_blamed_on_its_own_source(checked: Check) -> None:
    text = "everai:\n  read_timeout: soon\napps: [{name: a, max_workers: 8}]"
    env = {"AUTOSCALER_EVERAI": '{"total_timeout": "later"}'}
    found = {problem.path: problem for problem in problems(checked, text, env)}
    assert found["everai.read_timeout"].line == 2
    assert found["everai.total_timeout"].source == "AUTOSCALER_EVERAI"


def test_without_any_apps_the_smallest_configuration_is_shown() -> None:
    with pytest.raises(InvalidConfiguration, match=r"apps: is required \(the smallest is apps: "):
        check(None, {"HOME": "/h"})
