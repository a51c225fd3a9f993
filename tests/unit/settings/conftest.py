from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from autoscaler.settings import Checked, check

HOME = {"HOME": "/home/somebody"}
MINIMAL = "apps: [{name: sd15, max_workers: 8}]\n"

Check = Callable[..., Checked]


@pytest.fixture
def checked(tmp_path: Path) -> Check:
    """Check a configuration given as text, with an environment and overrides of the test's own."""

    def run(
        text: str = MINIMAL,
        env: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Checked:
        file = tmp_path / "autoscaler.yaml"
        file.write_text(text, encoding="utf-8")
        return check(file, {**HOME, **(env or {})}, overrides)

    return run
