"""Warnings about what policies ask for: each with a neighbour that is quiet."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autoscaler.settings import Checked, InvalidConfiguration

Check = Callable[..., Checked]
NIGHT = "cron: '* 0-5 * * *'"


def app(*policies: str, bounds: str = "min_workers: 2, max_workers: 8") -> str:
    return f"apps: [{{name: a, {bounds}, policies: [{', '.join(policies)}]}}]"


def window(values: str) -> str:
    return app("{type: queue}", f"{{type: schedule, windows: [{{{NIGHT}, {values}}}]}}")


OUTSIDE = "is outside the bounds 2 to 8, which win"
ALWAYS_FULL = "cannot be kept under load: max_workers is 8"
NOBODY = "no policy here follows the load"
WINDOW = "apps[0].policies[1].windows[0]"

WARNED = [
    (window("min_workers: 9"), f"{WINDOW}.min_workers", OUTSIDE),
    (window("max_workers: 1"), f"{WINDOW}.max_workers", OUTSIDE),
    (window("workers: 9"), f"{WINDOW}.workers", OUTSIDE),
    (window("workers: 1"), f"{WINDOW}.workers", OUTSIDE),
    (app("{type: fixed, workers: 1}"), "apps[0].policies[0].workers", OUTSIDE),
    (
        app("{type: everai-simple, min_workers: 9}"),
        "apps[0].policies[0].min_workers",
        OUTSIDE,
    ),
    (
        app("{type: everai-simple, max_workers: 1}"),
        "apps[0].policies[0].max_workers",
        OUTSIDE,
    ),
    (app("{type: free-workers, buffer: 8}"), "apps[0].policies[0].buffer", ALWAYS_FULL),
    (
        app("{type: everai-free-worker, min_free_workers: 8}"),
        "apps[0].policies[0].min_free_workers",
        ALWAYS_FULL,
    ),
    (app("{type: queue, role: ceiling}"), "apps[0].policies", NOBODY),
    (app("{type: predictive}"), "apps[0].policies", NOBODY),
    (
        app(f"{{type: schedule, windows: [{{{NIGHT}, min_workers: 3}}]}}", "{type: predictive}"),
        "apps[0].policies",
        NOBODY,
    ),
]

QUIET = [
    window("min_workers: 8"),
    window("min_workers: 0"),
    window("max_workers: 2"),
    window("max_workers: 20"),
    window("min_workers: 3, workers: 4, max_workers: 5"),
    app("{type: fixed, workers: 2}"),
    app("{type: everai-simple, min_workers: 1, max_workers: 20}"),
    app("{type: free-workers, buffer: 7}"),
    app("{type: queue}", "{type: free-workers, role: ceiling, buffer: 8}"),
    app("{type: free-workers, buffer: 3}", bounds="min_workers: 0, max_workers: 0"),
    app("{type: queue, role: floor}"),
    app(f"{{type: schedule, windows: [{{{NIGHT}, workers: 3}}]}}"),
    app("{type: predictive}", "{type: queue}"),
]


@pytest.mark.parametrize(("text", "path", "fragment"), WARNED)
def test_a_warning(checked: Check, text: str, path: str, fragment: str) -> None:
    (warning,) = checked(text).warnings
    assert (warning.path, warning.severity) == (path, "warning")
    assert fragment in warning.message


@pytest.mark.parametrize("text", QUIET)
def test_no_warning(checked: Check, text: str) -> None:
    assert checked(text).warnings == ()


def test_policies_of_defaults_are_warned_about_where_they_stand(checked: Check) -> None:
    text = (
        "defaults: {max_workers: 4, policies: [{type: free-workers, buffer: 4}]}\n"
        "apps: [{name: a}, {name: b, max_workers: 9}]"
    )
    (warning,) = checked(text).warnings
    assert warning.path == "defaults.policies[0].buffer"
    assert warning.line == 1


@pytest.mark.parametrize("cron", ["0 9 30 2 *", "0 9 31 4,6 *", "0 9 30,31 2 *"])
def test_a_schedule_that_can_never_match_is_an_error(checked: Check, cron: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        checked(window("workers: 3").replace("* 0-5 * * *", cron))
    (problem,) = refused.value.problems
    assert "it can never match: none of its months has such a day" in problem.message


@pytest.mark.parametrize("cron", ["0 9 32 1 *", "61 9 30 2 *", "0 9 30 13 *"])
def test_a_cron_that_makes_no_sense_is_told_as_such(checked: Check, cron: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        checked(window("workers: 3").replace("* 0-5 * * *", cron))
    assert "never match" not in refused.value.problems[0].message
