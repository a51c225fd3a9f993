"""Layers of a configuration, and which of them a value came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from autoscaler.settings.document import Document
from autoscaler.settings.environment import Environment
from autoscaler.settings.fields import has, nullable, section
from autoscaler.settings.model import Settings
from autoscaler.settings.problems import Path

COMMAND_LINE = "command line"


class LayerSource(PydanticBaseSettingsSource):
    """One layer, as pydantic-settings wants it."""

    def __init__(self, settings_cls: type[BaseSettings], data: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        self._data = data

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Return one top-level value; it is never text that still has to be parsed."""
        return self._data.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the layer."""
        return self._data


@dataclass(frozen=True, slots=True)
class Layers:
    """Everything a configuration is made of, the strongest first.

    Attributes:
        overrides: from the command line. environment: ``AUTOSCALER_…``.
        endpoint: ``EVERAI_ENDPOINT``. document: the file. base: defaults of this machine.
    """

    overrides: dict[str, Any]
    environment: Environment
    endpoint: Environment
    document: Document
    base: dict[str, Any]

    def sources(self) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the layers for pydantic-settings, the strongest first."""
        return tuple(LayerSource(Settings, data) for data in self._data())

    def merged(self) -> dict[str, Any]:
        """Return what pydantic-settings makes of the layers, before any check."""
        result: dict[str, Any] = {}
        for data in reversed(self._data()):
            result = _over(result, data)
        return result

    def origin(self, path: Path) -> tuple[str, int | None]:
        """Return where the value at ``path``, or its absence, comes from: source and line."""
        if has(self.overrides, path):
            return COMMAND_LINE, None
        for layer in (self.environment, self.endpoint):
            name = layer.origin(path)
            if name is not None and (has(layer.data, path) or not has(self.document.data, path)):
                return name, None
        return self.document.source, self.document.line(path)

    def _data(self) -> tuple[dict[str, Any], ...]:
        return (
            self.overrides,
            self.environment.data,
            self.endpoint.data,
            _without_empty_sections(self.document.data),
            self.base,
        )


def machine_defaults(env: Mapping[str, str]) -> dict[str, Any]:
    """Return the default that depends on the user: the state file under their state folder.

    The XDG rule holds: a relative ``XDG_STATE_HOME`` counts as none.
    """
    given = env.get("XDG_STATE_HOME", "")
    if given.startswith("/"):
        folder = FilePath(given)
    else:
        home = env.get("HOME", "")
        folder = FilePath(home or FilePath.home()) / ".local" / "state"
    return {"state": {"path": str(folder / "autoscaler" / "state.db")}}


def _over(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Lay ``upper`` over ``lower``: mappings key by key, everything else whole."""
    result = dict(lower)
    for key, value in upper.items():
        below = result.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        result[key] = _over(below, value) if both else value  # type: ignore[arg-type] # both are
    return result


def _without_empty_sections(data: dict[Any, Any]) -> dict[str, Any]:
    """Drop ``log:`` with nothing after it, so that it does not hide lower layers."""
    fields = Settings.model_fields
    return {
        str(key): value
        for key, value in data.items()
        if value is not None
        or key not in fields
        or section(fields[key].annotation) is None
        or nullable(fields[key].annotation)
    }
