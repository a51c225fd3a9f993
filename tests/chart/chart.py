"""Renders the chart with the real Helm, and hands out what came of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/chart"
VALUES = Path(__file__).parent / "values"
MATRIX = sorted(path.stem for path in VALUES.glob("*.yaml"))
BIN = Path(sys.executable).parent
MINIMAL: dict[str, Any] = {"config": {"apps": [{"name": "sd15", "max_workers": 8}]}}
Objects = dict[str, dict[str, Any]]


class HelmError(AssertionError):
    """Helm ended badly; the message is what it said."""


def helm(*args: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Run Helm; return its output.

    Raises:
        HelmError: it ended badly.
    """
    done = subprocess.run(
        [BIN / "helm", *args], input=stdin, capture_output=True, text=True, timeout=120,
        check=False, env=environment,
    )  # fmt: skip
    if done.returncode:
        raise HelmError(f"helm {' '.join(args)}: {done.stdout}{done.stderr}")
    return done.stdout


def rendered(values: Mapping[str, Any], *args: str, release: str = "web") -> str:
    """Return the manifests of a release in namespace `scaling`, hooks among them."""
    text = yaml.safe_dump(dict(values))
    return helm("template", release, str(CHART), "-n", "scaling", "-f", "-", *args, stdin=text)


def render(values: Mapping[str, Any]) -> Objects:
    """Return the objects by kind; one that has its kind twice is `Kind/name` besides."""
    objects: Objects = {}
    for made in documents(rendered(values)):
        objects.setdefault(made["kind"], made)
        objects[f"{made['kind']}/{made['metadata']['name']}"] = made
    return objects


def documents(text: str) -> Iterable[dict[str, Any]]:
    """Return what YAML text holds."""
    return [made for made in yaml.safe_load_all(text) if made]


def values_of(name: str) -> dict[str, Any]:
    """Return a values file of the matrix."""
    return dict(yaml.safe_load((VALUES / f"{name}.yaml").read_text()))


def minimal(**changes: Any) -> dict[str, Any]:
    """Return the smallest values, with changes."""
    return {**MINIMAL, **changes}


def with_config(**changes: Any) -> dict[str, Any]:
    """Return the smallest values, with changes to the daemon's configuration."""
    return {"config": {**MINIMAL["config"], **changes}}
