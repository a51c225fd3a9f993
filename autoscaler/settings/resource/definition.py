"""The CustomResourceDefinition, made from the models that check the configuration file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from autoscaler import __version__
from autoscaler.settings.app import AppSettings
from autoscaler.settings.resource import names
from autoscaler.settings.resource.entries import LIST_MAX, entry
from autoscaler.settings.resource.rules import with_rules
from autoscaler.settings.resource.status import columns, status_schema
from autoscaler.settings.resource.structural import Schema, structural

NOT_IN_OBJECTS = frozenset({"token_file"})
"""Keys of an app that an object does not have: files of the daemon's machine."""

_MARK_LENGTH = 16
_RATES_MAX = 20
_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})")
_KEPT_LISTS = ("policies", "shadow")
_OWN_WORDS = {
    "name": "Name of the app on the platform. Not given: the name of this object. It cannot be "
    "changed.",
    "namespace": "The platform's namespace of the app, which has nothing to do with the namespace "
    "of this object. Once set it cannot be changed. Built-in default: default.",
    "policies": "What recommends a number of workers; docs/policies.md describes each type. Not "
    "given: `queue` with target 1.",
}


class Age(StrEnum):
    """How the definition of a cluster stands to that of this program."""

    SAME = "same"
    OLDER = "older"
    NEWER = "newer"
    DIFFERENT = "different"
    """Of the same version, or of one that cannot be read, and not the same."""
    UNMARKED = "unmarked"
    """Not written by ``autoscaler crd`` or the chart."""


def definition() -> dict[str, Any]:
    """Return the CustomResourceDefinition of this program, marked with its own hash."""
    kinds = {"kind": names.KIND, "listKind": f"{names.KIND}List", "plural": names.PLURAL}
    kinds |= {"singular": names.SINGULAR}
    spec = {
        "group": names.GROUP,
        "scope": "Namespaced",
        "names": {**kinds, "shortNames": [names.SHORT_NAME]},
        "versions": [_version()],
    }
    metadata: dict[str, Any] = {"name": names.DEFINITION_NAME}
    metadata["annotations"] = {
        names.MARK_ANNOTATION: schema_mark({"spec": spec}),
        names.PROGRAM_ANNOTATION: __version__,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }


def schema_mark(made: Mapping[str, Any]) -> str:
    """Return the hash of a definition's content: ``sha256:`` and 16 hexadecimal digits.

    Of a definition as :func:`definition` makes it; the API server adds defaults to what it stores,
    so that of a cluster is known by its annotation.
    """
    text = json.dumps(made["spec"], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:_MARK_LENGTH]}"


def age_of(found: Mapping[str, Any]) -> Age:
    """Tell how a definition of a cluster, as its API server gives it, stands to this program's."""
    marks = (found.get("metadata") or {}).get("annotations") or {}
    mark, program = marks.get(names.MARK_ANNOTATION), marks.get(names.PROGRAM_ANNOTATION)
    if not mark:
        return Age.UNMARKED
    if mark == definition()["metadata"]["annotations"][names.MARK_ANNOTATION]:
        return Age.SAME
    theirs, ours = _numbers(str(program)), _numbers(__version__)
    if not theirs or theirs == ours:
        return Age.DIFFERENT
    return Age.OLDER if theirs < ours else Age.NEWER


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with; none where it is no version."""
    found = _VERSION.match(version)
    return tuple(int(each) for each in found.groups()) if found else ()


def _version() -> dict[str, Any]:
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns(),
        "schema": {"openAPIV3Schema": with_rules(_root())},
    }


def _root() -> Schema:
    return {
        "type": "object",
        "description": "One app of the EverAI platform that the autoscaler scales. Deleting it "
        "ends the scaling and leaves the workers as they are.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _spec(),
            "status": status_schema(),
        },
    }


def _spec() -> Schema:
    """Return the schema of ``spec``: the keys of an app in the file, in the same words."""
    model = AppSettings.model_json_schema(mode="validation")
    definitions = model.get("$defs", {})
    properties: dict[str, Schema] = {}
    for key, node in model["properties"].items():
        if key in _KEPT_LISTS:
            properties[key] = _entries(node, definitions)
        elif key not in NOT_IN_OBJECTS:
            properties[key] = structural(node, definitions)
    for key, words in _OWN_WORDS.items():
        properties[key]["description"] = words
    for direction in properties["behavior"]["properties"].values():
        direction["properties"]["policies"]["maxItems"] = _RATES_MAX
    first = {key: properties.pop(key) for key in ("name", "namespace", "min_workers")}
    first["max_workers"] = properties.pop("max_workers")
    return {
        "type": "object",
        "description": "What an app has in the configuration file, in the same words; the file's "
        "`defaults` fill what is not given. docs/configuration.md describes every key.",
        "properties": first | properties,
    }


def _entries(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """Return the schema of a list of policies."""
    bare = {key: value for key, value in node.items() if key != "items"}
    listed = structural(bare, definitions)
    return {
        **listed,
        "maxItems": LIST_MAX,
        "items": entry(node["items"]["oneOf"], definitions),
    }
