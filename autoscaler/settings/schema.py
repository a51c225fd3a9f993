"""JSON Schema of the file, for editors: made from the models that check it."""

from __future__ import annotations

from typing import Any

from autoscaler.settings.model import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema; each policy's parameters are one alternative by ``type``.

    ``max_workers`` is required per app unless ``defaults`` has it, which no model says.
    """
    made = Settings.model_json_schema(mode="validation")
    schema: dict[str, Any] = {"$schema": DIALECT, **made, "title": "autoscaler configuration"}
    app = schema["$defs"]["AppSettings"]
    app["required"] = [key for key in app["required"] if key != "max_workers"]
    schema["if"] = {
        "required": ["defaults"],
        "properties": {"defaults": {"required": ["max_workers"]}},
    }
    schema["else"] = {"properties": {"apps": {"items": {"required": ["max_workers"]}}}}
    return schema
