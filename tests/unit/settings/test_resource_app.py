"""An object's spec is an app of the file, and is checked like one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from autoscaler.model.errors import ConfigurationError
from autoscaler.settings import Checked, app_of

Check = Callable[..., Checked]


def test_the_name_of_the_object_is_that_of_the_app(checked: Check) -> None:
    app = app_of("sd15", {"max_workers": 8, "policies": [{"type": "queue", "target": 2}]})

    assert app["name"] == "sd15"
    (taken,) = checked(yaml.safe_dump({"apps": [app]})).settings.apps
    assert (taken.name, taken.max_workers, taken.namespace) == ("sd15", 8, "default")


@pytest.mark.parametrize(
    ("given", "name"), [({"name": "other"}, "other"), ({"name": None}, "sd15"), ({}, "sd15")]
)
def test_a_name_of_its_own_is_stronger(given: dict[str, Any], name: str) -> None:
    assert app_of("sd15", given)["name"] == name


def test_the_spec_is_not_changed() -> None:
    spec: dict[str, Any] = {"max_workers": 8}
    app_of("sd15", spec)
    assert spec == {"max_workers": 8}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"token_file": "/etc/passwd"}, "token_file"),
        ({"policies": [{"type": "queue"}, {"type": "webhook", "token_file": "/x"}]},
         "policies.1.token_file"),
        ({"shadow": [{"type": "prometheus", "token_file": "/x"}]}, "shadow.0.token_file"),
        ({"policies": [{"type": "everai-class", "path": "os:system"}]}, "policies.0.type"),
    ],
)  # fmt: skip
def test_files_and_code_of_the_daemons_machine_are_refused(spec: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{path}: .*put this app into the"):
        app_of("sd15", spec)


@pytest.mark.parametrize(
    "spec", [{"policies": "queue"}, {"policies": ["queue"]}, {"shadow": None}, {"token_file": ""}]
)
def test_what_is_no_list_is_left_to_the_checks(spec: dict[str, Any]) -> None:
    assert app_of("sd15", spec) == {"name": "sd15", **spec}
