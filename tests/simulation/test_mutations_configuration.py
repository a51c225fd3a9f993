"""Rule 11, and that its guards are watched: a bad configuration is refused whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.settings import InvalidConfiguration, check, loading, sections

pytestmark = pytest.mark.mutation

MIN_ABOVE_MAX = "apps: [{name: a, max_workers: 1, min_workers: 5}]"
UNKNOWN_KEY = "apps: [{name: a, max_workers: 1}]\nsurver: {listen: 127.0.0.1:1}"


def is_refused(folder: Path, text: str) -> None:
    file = folder / "autoscaler.yaml"
    file.write_text(text)
    with pytest.raises(InvalidConfiguration):
        check(file, {})


@pytest.mark.parametrize("text", [MIN_ABOVE_MAX, UNKNOWN_KEY])
def test_a_bad_configuration_is_refused(tmp_path: Path, text: str) -> None:
    is_refused(tmp_path, text)


def test_rules_over_several_values_that_are_off_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "cross_check", lambda *_: ())
    with pytest.raises(pytest.fail.Exception):
        is_refused(tmp_path, MIN_ABOVE_MAX)


def test_every_section_refuses_unknown_keys() -> None:
    assert sections.Section.model_config["extra"] == "forbid"
