"""From an object to the mapping that stands under ``apps`` in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autoscaler.model.errors import ConfigurationError
from autoscaler.settings.resource.entries import OF_THE_FILE, TOKEN_FILE


def app_of(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's spec as an app of the file, which is then checked like one.

    Args:
        name: the object's ``metadata.name``, for a spec that names no app.
        spec: as the API server has it.

    Raises:
        ConfigurationError: the spec names files or code of the daemon's machine. The definition
            refuses that too; but whoever may change the definition must not gain the rights of
            the daemon's machine by it.
    """
    for path, words in _foreign(spec):
        raise ConfigurationError(f"{path}: {words}; put this app into the configuration file")
    app = {"name": name, **spec}
    if app["name"] in (None, ""):
        app["name"] = name
    return app


def _foreign(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what an object must not name, with its path."""
    if spec.get(TOKEN_FILE):
        yield TOKEN_FILE, "an object must not name a file of the daemon's machine"
    for key in ("policies", "shadow"):
        entries = spec.get(key)
        for index, entry in enumerate(entries if isinstance(entries, (list, tuple)) else ()):
            if not isinstance(entry, Mapping):
                continue
            if entry.get(TOKEN_FILE):
                where = f"{key}.{index}.{TOKEN_FILE}"
                yield where, "an object must not name a file of the daemon's machine"
            if entry.get("type") in OF_THE_FILE:
                yield f"{key}.{index}.type", "an object must not run code of the daemon's machine"
