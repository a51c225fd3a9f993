"""Writes what of the chart is made from something else: schema, README, custom resource.

The schema of `config` is the daemon's own, so that a misspelt key is refused by Helm, with its
path, before anything reaches the cluster. The README's table is values.yaml with its comments. The
definition of the custom resource is what `autoscaler crd` prints.

    python deploy/generate.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from autoscaler.cli.crd import text as definition_text
from autoscaler.settings import json_schema

CHART = Path(__file__).parent / "chart"
DEFINITION = CHART / "files/workerautoscalers.yaml"
BEGIN, END = "<!-- values: begin -->", "<!-- values: end -->"
SET_BY_CHART = ("state", "leader_election", "sharding", "custom_resources")
"""Sections of the configuration that only the chart can know."""

_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9]*):")


def values_schema() -> dict[str, Any]:
    """Return the schema of the values, in the dialect that Helm 3 reads (draft 7)."""
    schema: dict[str, Any] = yaml.safe_load((CHART.parent / "values.schema.yaml").read_text())
    config = json_schema()
    definitions = config.pop("$defs")
    del config["$schema"]
    for section in SET_BY_CHART:
        config["properties"].pop(section, None)
    del definitions["EveraiSettings"]["properties"]["token_file"]
    for key in ("listen", "read_token_file", "action_token_file"):
        del definitions["ServerSettings"]["properties"][key]
    _share_policies(definitions)
    made = _without_titles({"config": config, "$defs": definitions})
    schema["properties"] = {"config": made["config"], **schema["properties"]}
    schema["$defs"] |= made["$defs"]
    monitoring = schema["properties"]["metrics"]["properties"]
    monitoring["prometheusRule"]["properties"]["disabled"]["items"]["enum"] = alert_names()
    return schema


def alert_names() -> list[str]:
    """Return the names of the chart's alerts."""
    rules = yaml.safe_load((CHART / "files/prometheus-rules.yaml").read_text())
    return [r["alert"] for group in rules["groups"] for r in group["rules"] if "alert" in r]


def _share_policies(definitions: dict[str, Any]) -> None:
    """Define the policies once instead of at each list of them: they are most of the schema.

    The alternatives are chosen by `type`, so that an error is one of the chosen policy.
    """
    for name, definition in tuple(definitions.items()):
        for key in ("policies", "shadow"):
            items = definition["properties"].get(key, {}).get("items", {})
            if "oneOf" in items:
                definitions["Policy"] = _by_type(items["oneOf"])
                definitions[name]["properties"][key]["items"] = {"$ref": "#/$defs/Policy"}


def _by_type(alternatives: list[dict[str, Any]]) -> dict[str, Any]:
    types = [alternative["properties"]["type"]["const"] for alternative in alternatives]
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": types}},
        "allOf": [
            {
                "if": {"required": ["type"], "properties": {"type": {"const": name}}},
                "then": alternative,
            }
            for name, alternative in zip(types, alternatives, strict=True)
        ],
    }


def _without_titles(node: Any) -> Any:
    """Drop titles and defaults, which a check does not need and which make the file long."""
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _without_titles(inner) for name, inner in value.items()}
        if key in ("properties", "$defs")
        else _without_titles(value)
        for key, value in node.items()
        if key not in ("title", "default")
    }


def values_table() -> str:
    """Return values.yaml as a Markdown table: each key that has a comment of the form `# -- …`."""
    text = (CHART / "values.yaml").read_text()
    values = yaml.safe_load(text)
    rows = ["| key | default | what it is |", "|---|---|---|"]
    for path, words in _commented(text.splitlines()):
        default = values
        for key in path:
            default = default[key]
        shown = json.dumps(default, ensure_ascii=False)
        rows.append(f"| `{'.'.join(path)}` | `{shown}` | {words} |")
    return "\n".join(rows)


def _commented(lines: list[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path of each commented key, and its comment as one line."""
    path: list[str] = []
    words: list[str] = []
    for line in lines:
        bare = line.strip()
        if bare.startswith("# --"):
            words = [bare[4:].strip()]
        elif bare.startswith("#") and words:
            words.append(bare[1:].strip())
        elif match := _KEY.match(line):
            path = [*path[: len(match["indent"]) // 2], match["key"]]
            if words:
                yield tuple(path), " ".join(words)
            words = []


def readme(text: str) -> str:
    """Return the README with the table of the values made anew."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{values_table()}\n{END}{tail}"


def schema_text() -> str:
    """Return values.schema.json as it is written."""
    return json.dumps(values_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (CHART / "values.schema.json").write_text(schema_text())
    DEFINITION.write_text(definition_text())
    path = CHART / "README.md"
    path.write_text(readme(path.read_text()))
