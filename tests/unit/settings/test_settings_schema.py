from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoscaler.policies import policies
from autoscaler.settings import json_schema, reference
from autoscaler.settings.policy import OWN_KEYS

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
BEGIN, END = "<!-- reference: begin -->\n", "<!-- reference: end -->\n"


def policy_schemas() -> dict[str, dict[str, Any]]:
    """Return the alternative of each policy type, by type."""
    entries = json_schema()["$defs"]["AppSettings"]["properties"]["policies"]["items"]["oneOf"]
    return {entry["properties"]["type"]["const"]: entry for entry in entries}


def objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "properties" in node and "type" in node:
            yield node
        for inner in node.values():
            yield from objects(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from objects(inner)


def test_the_schema_is_json_and_closed() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    found = list(objects(schema))
    assert len(found) > 10
    assert all(node["additionalProperties"] is False for node in found)


def test_each_policy_is_an_alternative_with_its_parameters() -> None:
    found = policy_schemas()
    assert found.keys() == policies().keys()
    for kind, entry in found.items():
        assert set(entry["properties"]) == {*OWN_KEYS, *policies()[kind].Params.model_fields}
        assert "type" in entry["required"]


def test_numbers_have_bounds_and_durations_take_text() -> None:
    app = json_schema()["$defs"]["AppSettings"]["properties"]
    assert (app["max_workers"]["minimum"], app["max_workers"]["maximum"]) == (0, 100_000)
    assert {kind["type"] for kind in app["interval"]["anyOf"]} == {"number", "string"}


def test_max_workers_is_required_unless_defaults_have_it() -> None:
    schema = json_schema()
    assert schema["$defs"]["AppSettings"]["required"] == ["name"]
    assert schema["else"]["properties"]["apps"]["items"]["required"] == ["max_workers"]
    assert schema["if"]["properties"]["defaults"]["required"] == ["max_workers"]


@pytest.mark.parametrize(
    "row",
    [
        "| `server.listen` | text | `127.0.0.1:8080` |",
        "| `apps[].interval` | duration | `15s` |",
        "| `apps[].paused` | `false` / `true` / `down` / `up` | `false` |",
        "| `fleet.max_workers` | whole number or `null` | `null` |",
        "#### `type: free-workers`",
        "`AUTOSCALER_DEFAULTS__BEHAVIOR__SCALE_DOWN__COOLDOWN`",
    ],
)
def test_the_reference_has(row: str) -> None:
    assert row in reference()


def test_every_key_of_the_reference_has_a_meaning() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert [row for row in rows if not row.split(" | ")[3].strip(" |")] == []


def test_the_page_is_in_step() -> None:
    written = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert written == reference(), (
        "docs/configuration.md lags behind; put the output of "
        "`autoscaler schema --markdown` between its two reference marks"
    )
