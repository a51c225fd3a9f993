"""What builds the image is what the lock file says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+) \\$", re.MULTILINE)


def locked() -> dict[str, dict[str, Any]]:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    return {package["name"]: package for package in lock["package"]}


def test_the_builders_are_those_of_the_lock_file() -> None:
    text = (ROOT / "deploy/image/build-requirements.txt").read_text()
    pins = {match["name"]: match["version"] for match in PIN.finditer(text)}
    hashes = set(re.findall(r"--hash=(sha256:[0-9a-f]{64})", text))
    packages = [locked()[name] for name in pins]
    files = [file for package in packages for file in (*package["wheels"], package["sdist"])]

    assert {"uv", "hatchling"} <= pins.keys(), "make image-requirements writes the file anew"
    assert pins == {package["name"]: package["version"] for package in packages}
    assert hashes == {file["hash"] for file in files}
