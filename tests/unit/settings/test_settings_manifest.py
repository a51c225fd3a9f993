"""The platform's builtin autoscaler section, translated; the result is a good configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from autoscaler.model.errors import ConfigurationError
from autoscaler.settings import Checked
from autoscaler.settings.manifest import from_manifest

Check = Callable[[str], Checked]

MANIFEST = """
version: everai/v1alpha1
kind: App
metadata: {name: sd15, namespace: art}
spec:
  image: quay.io/example/sd:1
  autoscaler:
    scheduler: queue
    builtin:
      name: simple
      arguments:
        min_workers: {value: "1"}
        max_workers: {value: "50"}
        max_queue_size: {value: "2"}
        max_idle_time: {value: "180"}
        scale_up_step: {valueFrom: {secretKeyRef: {name: s, key: k}}}
      decorators:
        factors:
          - {name: average, arguments: {used_histories: {value: "4"}}}
        arguments:
          - name: time-match
            arguments:
              timezone: {value: Asia/Shanghai}
              match(* 9-22 * * 1-5): {value: day_}
              match(* 23,0-8 * * 1-5): {value: night_}
              day_min_workers: {value: "5"}
              night_max_workers: {value: "3"}
              night_scale_up_step: {value: "1"}
"""


def manifest(**changes: Any) -> Any:
    content = yaml.safe_load(MANIFEST)
    content["spec"]["autoscaler"] |= changes
    return content


def test_a_manifest_becomes_a_good_configuration(checked: Check) -> None:
    imported = from_manifest(manifest())
    (app,) = checked(yaml.safe_dump(imported.configuration)).settings.apps
    assert (app.namespace, app.name, app.min_workers, app.max_workers) == ("art", "sd15", 1, 50)
    simple, schedule = app.policies
    assert (simple.type, simple.params.max_queue_size) == ("everai-simple", 2)  # type: ignore[attr-defined]
    assert simple.params.max_idle_time == 180  # type: ignore[attr-defined]
    assert schedule.type == "schedule"
    windows = schedule.params.windows  # type: ignore[attr-defined]
    assert [(w.min_workers, w.max_workers) for w in windows] == [(5, None), (None, 3)]
    assert app.behavior.scale_up.stabilization_window == 60


def test_what_cannot_be_taken_over_is_said() -> None:
    notes = "\n".join(from_manifest(manifest()).notes)
    assert "scale_up_step comes from a secret" in notes
    assert "night_scale_up_step" in notes
    assert "manual" in notes


def test_free_worker_keeps_its_name_and_parameters(checked: Check) -> None:
    builtin = {"name": "free-worker", "arguments": {"min_free_workers": 2, "max_workers": 9}}
    imported = from_manifest(manifest(builtin=builtin))
    (app,) = checked(yaml.safe_dump(imported.configuration)).settings.apps
    assert app.policies[0].type == "everai-free-worker"
    assert app.policies[0].params.min_free_workers == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is missing or no mapping"),
        ([], "is missing or no mapping"),
        ({"metadata": {}, "spec": {}}, "spec.autoscaler"),
        ({"metadata": {}, "spec": {"autoscaler": {"manual": {}}}}, "it has manual"),
        ({"metadata": {}, "spec": {"autoscaler": {"builtin": {"name": "x"}}}}, "'x' is not known"),
    ],
)
def test_what_is_no_manifest_is_said(content: object, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        from_manifest(content)
