"""Which policies there are, and what a plug-in must not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from autoscaler.model.errors import ConfigurationError
from autoscaler.policies import registry
from autoscaler.policies.registry import BUILT_IN, GROUP, policies
from tests.fakes.stories import Wish

Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that makes entry points known, by name and what they load."""
    policies.cache_clear()

    def install(**loads: str) -> None:
        entries = [
            EntryPoint(name.replace("_", "-"), value, GROUP) for name, value in loads.items()
        ]

        def entry_points(group: str) -> list[EntryPoint]:
            return [entry for entry in entries if entry.group == group]

        monkeypatch.setattr(registry, "entry_points", entry_points)
        policies.cache_clear()

    yield install
    policies.cache_clear()


def test_every_built_in_policy_is_known_by_its_kind(install: Install) -> None:
    install()
    found = policies()
    assert list(found.values()) == list(BUILT_IN)
    assert all(found[policy.kind] is policy for policy in BUILT_IN)
    assert {"queue", "free-workers", "fixed"} <= found.keys()


def test_a_plug_in_is_known_by_the_name_of_its_entry(install: Install) -> None:
    install(my_policy="tests.fakes.stories:Wish")
    assert policies()["my-policy"] is Wish


@pytest.mark.parametrize(
    ("loads", "said"),
    [
        ({"fixed": "tests.fakes.stories:Wish"}, "exists already"),
        ({"broken": "no.such.module:Policy"}, "cannot be loaded"),
        ({"broken": "tests.fakes.stories:NoSuchPolicy"}, "cannot be loaded"),
        ({"odd": "tests.fakes.stories:spec"}, "no subclass of Policy"),
        ({"odd": "tests.fakes.stories:KEY"}, "no subclass of Policy"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_named(
    install: Install, loads: dict[str, str], said: str
) -> None:
    install(**loads)
    with pytest.raises(ConfigurationError, match=said) as caught:
        policies()
    assert next(iter(loads.values())) in str(caught.value)


def test_the_list_of_policies_cannot_be_changed(install: Install) -> None:
    install()
    found: Any = policies()
    with pytest.raises(TypeError):
        found["mine"] = Wish
