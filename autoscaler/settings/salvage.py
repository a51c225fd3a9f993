"""What is left of a configuration when the values that are wrong are taken out.

With it the checks that look at several values run on the good part of a bad file, so that a user
sees every problem at once and not the next one after each correction.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from autoscaler.settings.model import Settings
from autoscaler.settings.problems import Path
from autoscaler.settings.sections import MAX_WORKERS

_KEY_DEPTH = 2
_PLACEHOLDER: dict[str, Any] = {"name": "placeholder", "max_workers": MAX_WORKERS}


def salvage(filled: dict[str, Any], bad: tuple[Path, ...]) -> Settings | None:
    """Return settings without the values at ``bad``; ``None`` where too little is left.

    Args:
        filled: the configuration as given, ``defaults`` filled into the apps.
        bad: paths of what is wrong. Apps keep their indices: one that is no mapping is
            replaced by a placeholder, and so is a missing name or maximum.
    """
    copy = {key: _copy(key, value) for key, value in filled.items()}
    for path in bad:
        _take_out(copy, path)
    apps = copy.get("apps")
    if not isinstance(apps, list):
        return None
    copy["apps"] = [_PLACEHOLDER | app if isinstance(app, dict) else _PLACEHOLDER for app in apps]
    try:
        return Settings(**copy)
    except ValidationError:
        return None


def _copy(key: str, value: Any) -> Any:
    """Copy as deep as something may be taken out: sections, and apps one by one."""
    if key == "apps" and isinstance(value, (list, tuple)):
        return [dict(app) if isinstance(app, dict) else app for app in value]
    return dict(value) if isinstance(value, dict) else value


def _take_out(data: dict[str, Any], path: Path) -> None:
    """Remove the key at ``path``: per app the app's own key, elsewhere the section's."""
    if len(path) > _KEY_DEPTH and path[0] == "apps":
        app = data["apps"][path[1]]
        if isinstance(app, dict):
            app.pop(path[2], None)
    elif len(path) >= _KEY_DEPTH and path[0] != "apps" and isinstance(data.get(str(path[0])), dict):
        data[str(path[0])].pop(path[1], None)
    elif len(path) == 1 and path[0] != "apps":
        data.pop(str(path[0]), None)
