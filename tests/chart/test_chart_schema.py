"""A typo in the values is refused, with its path, and nothing of the chart goes stale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from deploy import generate
from tests.chart.chart import CHART, HelmError, minimal, rendered, with_config

pytestmark = pytest.mark.chart


def app(**keys: Any) -> dict[str, Any]:
    return with_config(apps=[{"name": "sd15", "max_workers": 8, **keys}])


@pytest.mark.parametrize(
    ("values", "path"),
    [
        (minimal(replicaCuont=1), "(root): Additional property replicaCuont"),
        (minimal(image={"repositry": "x"}), "image: Additional property repositry"),
        (
            minimal(state={"persistence": {"sise": "1Gi"}}),
            "state.persistence: Additional property sise",
        ),
        (minimal(extraEnv=[{"name": "A", "valeu": "b"}]), "extraEnv.0: Additional property valeu"),
        (minimal(resources={"request": {}}), "resources: Additional property request"),
        (
            minimal(metrics={"prometheusRule": {"disabled": ["AutoscalerDwn"]}}),
            "metrics.prometheusRule.disabled.0: metrics.prometheusRule.disabled.0 must be one of",
        ),
        (minimal(securityContext={"privileged": True}), "securityContext.privileged"),
        (with_config(sever={}), "config: Additional property sever"),
        (
            with_config(server={"listen": "127.0.0.1:1"}),
            "config.server: Additional property listen",
        ),
        (
            with_config(everai={"token_file": "/x"}),
            "config.everai: Additional property token_file",
        ),
        (app(max_wokers=3), "config.apps.0: Additional property max_wokers"),
        (app(max_workers="8"), "config.apps.0.max_workers: Invalid type"),
        (
            app(behavior={"scale_down": {"windw": "3s"}}),
            "config.apps.0.behavior.scale_down: Additional property windw",
        ),
        (
            app(policies=[{"type": "queue"}, {"type": "slo", "target_wiat": 3}]),
            "config.apps.0.policies.1: Additional property target_wiat",
        ),
        (app(policies=[{"type": "slow"}]), "config.apps.0.policies.0.type"),
        (with_config(apps=[{"name": "sd15"}]), "config.apps.0: max_workers is required"),
    ],
)
def test_a_typo_is_refused_with_its_path(values: dict[str, Any], path: str) -> None:
    with pytest.raises(HelmError) as refused:
        rendered(values)

    assert path in str(refused.value)


def test_the_schema_is_what_the_generator_writes() -> None:
    written = (CHART / "values.schema.json").read_text()

    assert written == generate.schema_text(), "make chart-docs writes it anew"


def test_the_readme_is_what_the_generator_writes() -> None:
    written = (CHART / "README.md").read_text()

    assert written == generate.readme(written), "make chart-docs writes it anew"


def test_every_value_is_in_the_readme() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    table = generate.values_table()

    for path in leaves(values):
        assert any(f"`{'.'.join(path[:n])}`" in table for n in range(1, len(path) + 1)), path


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(node, dict) and node:
        for key, inner in node.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path


OPEN = {"global", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "nfs", "secret",
        "persistentVolumeClaim", "projected"}  # fmt: skip


def test_no_object_is_open_but_those_that_the_api_server_checks() -> None:
    schema = generate.values_schema()

    assert set(open_objects(schema, "values")) <= OPEN


def open_objects(node: Any, name: str) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from open_objects(item, name)
    elif isinstance(node, dict):
        shape = {"properties", "additionalProperties", "if", "required", "$ref", "allOf"}
        if node.get("type") == "object" and not shape & node.keys():
            yield name
        for key, inner in node.items():
            yield from open_objects(inner, key)
