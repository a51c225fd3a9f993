"""``autoscaler crd``: the definition of the custom resource, for ``kubectl apply``."""

from __future__ import annotations

import typer
import yaml

from autoscaler.settings import definition


def crd() -> None:
    """Print the definition of the Kubernetes object WorkerAutoscaler, one app each.

    Install it, or bring it up to this version: autoscaler crd | kubectl apply -f -

    Exit status: 0 printed; 2 wrong usage.
    """
    typer.echo(text(), nl=False)


def text() -> str:
    """Return the definition as YAML; ``spec`` is its last key."""
    return yaml.safe_dump(definition(), sort_keys=False, width=100, allow_unicode=True)
