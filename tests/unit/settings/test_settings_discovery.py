"""Apps that rules take from the platform's list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.model import AppInfo, AppKey, AppStatus, Scaler
from autoscaler.settings import InvalidConfiguration, to_spec, with_discovered

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoscaler.settings import Checked

    Check = Callable[[str], Checked]

RULES = """
defaults: {interval: 30s, max_workers: 4}
apps: [{name: listed, max_workers: 2}]
discover:
  - {namespace: prod, names: ["sd-*"], labels: {team: art}, app: {max_workers: 9}}
  - {names: ["llm*", listed]}
"""


def info(
    name: str, namespace: str = "prod", scaler: Scaler = Scaler.MANUAL, **labels: str
) -> AppInfo:
    return AppInfo(AppKey(namespace, name), scaler, AppStatus.DEPLOYED, labels)


def test_the_first_matching_rule_gives_the_values(checked: Check) -> None:
    settings = checked(RULES).settings
    found = [
        info("sd-xl", team="art"),
        info("sd-xl", "default", team="art"),
        info("sd-15", team="other"),
        info("llm-7b", "default"),
        info("listed", "default"),
    ]
    specs = {spec.key: spec for spec in to_spec(with_discovered(settings, found).settings)}
    assert set(specs) == {
        AppKey("default", "listed"),
        AppKey("default", "llm-7b"),
        AppKey("prod", "sd-xl"),
    }
    assert specs[AppKey("default", "listed")].max_workers == 2
    assert specs[AppKey("default", "llm-7b")].max_workers == 4
    assert specs[AppKey("prod", "sd-xl")].max_workers == 9
    assert all(spec.interval_s == 30 for spec in specs.values())


def test_an_app_that_is_not_scaled_by_hand_is_refused_with_the_reason(checked: Check) -> None:
    found = [info("llm-a", scaler=Scaler.BUILTIN), info("llm-b", scaler=Scaler.UNKNOWN)]
    discovered = with_discovered(checked(RULES).settings, found)
    assert len(discovered.settings.apps) == 1
    reasons = dict(discovered.refused)
    assert "autoscaler.builtin" in reasons[AppKey("prod", "llm-a")]
    assert "autoscaler.manual" in reasons[AppKey("prod", "llm-b")]


def test_rules_alone_are_enough(checked: Check) -> None:
    settings = checked("discover: [{app: {max_workers: 3}}]").settings
    assert settings.apps == ()


def test_a_rule_without_a_maximum_is_an_error_with_its_place(checked: Check) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        checked("discover: [{names: [a]}]")
    assert "discover[0].app.max_workers" in str(refused.value)


def test_a_rule_is_checked_like_an_app(checked: Check) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        checked("discover: [{app: {max_workers: 3, min_workers: 4}}]")
    assert "discover[0].app.min_workers" in str(refused.value)
