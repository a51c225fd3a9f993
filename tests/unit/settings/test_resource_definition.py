"""The custom resource's definition: structural, complete, in words, and marked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from autoscaler import __version__
from autoscaler.cli import program
from autoscaler.policies.registry import BUILT_IN
from autoscaler.settings import (
    GROUP,
    KIND,
    PLURAL,
    VERSION,
    Age,
    age_of,
    definition,
    schema_mark,
)
from autoscaler.settings.app import AppSettings
from autoscaler.settings.policy import OWN_KEYS
from autoscaler.settings.resource import MARK_ANNOTATION, PROGRAM_ANNOTATION
from autoscaler.settings.resource.entries import OF_THE_FILE, entry
from autoscaler.settings.resource.structural import structural

Schema = dict[str, Any]
NOT_STRUCTURAL = {"$ref", "$defs", "oneOf", "anyOf", "not", "default", "title", "const"}


def version() -> dict[str, Any]:
    (only,) = definition()["spec"]["versions"]
    return dict(only)


def root() -> Schema:
    return dict(version()["schema"]["openAPIV3Schema"])


def spec() -> Schema:
    return dict(root()["properties"]["spec"])


def nodes(node: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Yield every schema with its path."""
    yield path, node
    for key, inner in node.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{key}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")


def test_it_is_named_as_the_docs_say() -> None:
    made = definition()
    kinds = made["spec"]["names"]

    assert made["metadata"]["name"] == f"{PLURAL}.{GROUP}" == f"{kinds['plural']}.{GROUP}"
    assert (kinds["kind"], kinds["shortNames"], VERSION) == (KIND, ["was"], version()["name"])
    assert "categories" not in kinds
    assert made["spec"]["scope"] == "Namespaced"
    assert version()["subresources"] == {"status": {}}


def test_the_schema_is_structural() -> None:
    for path, node in nodes(root(), "was"):
        assert not NOT_STRUCTURAL & node.keys(), path
        typed = "type" in node or "x-kubernetes-int-or-string" in node
        assert typed or node["x-kubernetes-preserve-unknown-fields"], path
        assert not isinstance(node.get("exclusiveMinimum", False), float), path


def test_every_key_of_an_app_is_in_it_but_the_token_file() -> None:
    assert spec()["properties"].keys() == AppSettings.model_fields.keys() - {"token_file"}
    assert "required" not in spec()


@pytest.mark.parametrize("key", ["policies", "shadow"])
def test_an_entry_has_the_parameters_of_every_policy_but_the_files_own(key: str) -> None:
    item = spec()["properties"][key]["items"]
    kinds = [policy for policy in BUILT_IN if policy.kind not in OF_THE_FILE]
    wanted = {name for policy in kinds for name in policy.Params.model_fields}

    assert item["properties"].keys() == {*OWN_KEYS, *wanted}
    assert item["x-kubernetes-preserve-unknown-fields"] is True
    words = item["properties"]["type"]["description"]
    assert all(policy.kind in words for policy in kinds)
    assert not any(kind in words for kind in OF_THE_FILE)


def test_a_parameter_of_several_policies_is_as_wide_as_the_widest() -> None:
    target = spec()["properties"]["policies"]["items"]["properties"]["target"]

    assert target["type"] == "number"
    assert (target["minimum"], target["exclusiveMinimum"]) == (0, True)
    assert "maximum" not in target, "prometheus has none"
    assert (
        "For queue: requests (being served or waiting) per worker; default 1."
        in (target["description"])
    )
    assert "default 0.8" in target["description"]


@pytest.mark.parametrize(
    ("bounds", "wanted"),
    [
        (({"minimum": 1}, {"exclusiveMinimum": 0}), {"minimum": 0, "exclusiveMinimum": True}),
        (({"exclusiveMinimum": 1}, {"minimum": 1}), {"minimum": 1}),
        (({"exclusiveMinimum": 2}, {"minimum": 1}), {"minimum": 1}),
        (({"minimum": 2}, {"exclusiveMinimum": 2}), {"minimum": 2}),
        (({"maximum": 2}, {"maximum": 3}), {"maximum": 3}),
        (({"maximum": 2}, {"exclusiveMaximum": 3}), {"maximum": 3, "exclusiveMaximum": True}),
        (({"maximum": 2}, {}), {}),
    ],
)
def test_bounds_are_merged_to_the_wider_one(
    bounds: tuple[Schema, Schema], wanted: dict[str, Any]
) -> None:
    for pair in (bounds, bounds[::-1]):
        alternatives = [
            {"properties": {"type": {"const": kind}, "n": {"type": "number", **bound}}}
            for kind, bound in zip(("queue", "slo"), pair, strict=True)
        ]
        merged = dict(entry(alternatives, {})["properties"]["n"])
        del merged["description"]

        assert merged == {"type": "number", **wanted}


def test_policies_that_disagree_on_a_type_are_a_fault_of_ours() -> None:
    lists = {"type": "array", "items": {"type": "string"}}
    for pair in (({"type": "number"}, {"type": "string"}), (lists, lists)):
        alternatives = [
            {"properties": {"type": {"const": kind}, "n": made}}
            for kind, made in zip(("queue", "slo"), pair, strict=True)
        ]
        with pytest.raises(ValueError, match="disagree on the type of 'n'"):
            entry(alternatives, {})


def test_what_no_structural_schema_can_say_is_refused() -> None:
    either = {"anyOf": [{"type": "boolean"}, {"type": "string"}]}
    with pytest.raises(ValueError, match="boolean, string"):
        structural(either, {})


def test_everything_is_described_and_ends_as_a_sentence() -> None:
    skipped = {"was.apiVersion", "was.kind", "was.metadata"}
    for path, node in nodes(root(), "was"):
        if path in skipped:
            continue
        assert node["description"].endswith("."), path
        assert not node["description"].endswith(".."), path


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("was.spec.interval", "Seconds, or text such as 90s, 5m, 1h30m. Built-in default: 15s."),
        ("was.spec.min_workers", "Built-in default: 1."),
        ("was.spec.behavior.scale_down", "only a stabilization window of 300s"),
        ("was.spec.behavior.scale_down.tolerance", "Built-in default: 0."),
        ("was.spec.startup.failures", "Built-in default: 3."),
        ("was.spec.drain.clear_failed", "Built-in default: false."),
        ("was.spec.namespace", "cannot be changed"),
    ],
)
def test_what_holds_without_a_key_is_said(path: str, words: str) -> None:
    assert words in dict(nodes(root(), "was"))[path]["description"]


def test_every_list_and_every_rule_has_an_end() -> None:
    for path, node in nodes(spec(), "spec"):
        if node.get("type") == "array":
            assert node["maxItems"] <= 100, path


def test_the_columns_answer_at_a_glance() -> None:
    columns = version()["additionalPrinterColumns"]
    glance = [column["name"] for column in columns if not column.get("priority")]

    assert glance == ["Min", "Max", "Workers", "Desired", "Queue", "Ready", "Reason", "Age"]
    for column in columns:
        path = column["jsonPath"].partition("[")[0].removeprefix(".")
        assert path.startswith("metadata.") or f"was.{path}" in dict(nodes(root(), "was")), path


def test_the_mark_is_that_of_the_content() -> None:
    made = definition()
    again = json.loads(json.dumps(made))
    mark = made["metadata"]["annotations"][MARK_ANNOTATION]

    assert schema_mark(made) == schema_mark(again) == mark
    again["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    assert schema_mark(again) != mark


def marked(mark: str, program: str) -> dict[str, Any]:
    return {"metadata": {"annotations": {MARK_ANNOTATION: mark, PROGRAM_ANNOTATION: program}}}


@pytest.mark.parametrize(
    ("found", "age"),
    [
        (definition(), Age.SAME),
        (marked(schema_mark(definition()), "99.0.0"), Age.SAME),
        (marked("0" * 16, "0.0.9"), Age.OLDER),
        (marked("0" * 16, "99.0.0"), Age.NEWER),
        (marked("0" * 16, "0.10.0rc1"), Age.NEWER),
        (marked("0" * 16, __version__), Age.DIFFERENT),
        (marked("0" * 16, "of yesterday"), Age.DIFFERENT),
        (marked("", "0.0.9"), Age.UNMARKED),
        ({"metadata": {"annotations": None}}, Age.UNMARKED),
        ({}, Age.UNMARKED),
    ],
)
def test_a_definition_is_older_or_newer_than_the_program(found: dict[str, Any], age: Age) -> None:
    assert age_of(found) is age


def test_the_command_prints_it() -> None:
    shown = CliRunner().invoke(program, ["crd"])

    assert shown.exit_code == 0
    assert yaml.safe_load(shown.stdout) == definition()
    assert list(yaml.safe_load(shown.stdout))[-1] == "spec"
