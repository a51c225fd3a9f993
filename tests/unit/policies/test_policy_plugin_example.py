"""The example plug-in of the documentation, without installing it (tests/foreign does that)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from autoscaler.model.errors import ConfigurationError
from autoscaler.policies import registry
from autoscaler.testing import assert_conformant

SOURCE = Path(__file__).parents[3] / "docs/examples/policy-plugin/src"


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that makes entry points known as an installed package would."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(SOURCE)])

    def install(**entries: str) -> None:
        made = [EntryPoint(n.replace("_", "-"), v, registry.GROUP) for n, v in entries.items()]
        monkeypatch.setattr(registry, "entry_points", lambda **_: made)
        registry.policies.cache_clear()

    yield install
    registry.policies.cache_clear()
    sys.modules.pop("autoscaler_gpu_policy", None)


def test_the_example_is_found_and_conforms(plugged_in: Any) -> None:
    plugged_in(requests_per_gpu="autoscaler_gpu_policy:RequestsPerGpuPolicy")
    policy = registry.policies()["requests-per-gpu"]
    assert_conformant(policy, policy.Params(), policy.Params.model_validate({"gpus": 2}))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"queue": "autoscaler_gpu_policy:RequestsPerGpuPolicy"}, "exists already"),
        ({"gone": "no_such_package:Policy"}, "cannot be loaded"),
        ({"wrong": "pathlib:Path"}, "no subclass of Policy"),
    ],
)
def test_a_bad_plug_in_is_refused(plugged_in: Any, entries: dict[str, str], words: str) -> None:
    plugged_in(**entries)
    with pytest.raises(ConfigurationError, match=words):
        registry.policies()
