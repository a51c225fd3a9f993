"""Hatch build hook: a wheel, or an editable install, comes with the page's charting library.

Where npm is missing the build goes on, and the page shows tables and says what to do in place of
charts. With PAGE_CHARTS=required in the environment the build fails instead: for whoever
publishes.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface[Any]):
    """Runs ``vendor.py`` before files are collected."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's signature
        """Bring the files, or say why not."""
        vendor = _vendor(Path(self.root))
        try:
            vendor.bring(Path(self.root))
        except vendor.NotBrought as error:
            if os.environ.get("PAGE_CHARTS") == "required":
                raise
            self.app.display_warning(f"the status page will have no charts: {error}")


def _vendor(root: Path) -> ModuleType:
    """Load the module beside this one; hatch runs a hook by its path, not as part of a package."""
    spec = importlib.util.spec_from_file_location("vendor", root / "deploy" / "page" / "vendor.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError("deploy/page/vendor.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
