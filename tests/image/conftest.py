"""The image that `.ci/image` built and unpacked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.image.container import Image

HOW = (
    "These tests run the built image and need root. Set IMAGE_FOLDER to the folder that "
    '.ci/image prints: IMAGE_FOLDER="$(.ci/image)" make test-image.'
)


@pytest.fixture(scope="session")
def image() -> Image:
    """Return the image; without one, skip, and in CI fail."""
    folder = os.environ.get("IMAGE_FOLDER", "")
    if folder and os.geteuid() == 0:
        return Image(Path(folder))
    if os.environ.get("CI") == "true":
        pytest.fail(HOW)
    pytest.skip(HOW)
