"""Every values file of the matrix lints, and is valid for every Kubernetes that is supported."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.chart import BIN, CHART, MATRIX, VALUES, documents, helm, rendered, values_of

pytestmark = pytest.mark.chart

SUPPORTED = [f"1.{minor}" for minor in range(28, 35)]
NO_SCHEMA = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}


@pytest.mark.parametrize("name", MATRIX)
def test_it_lints(name: str) -> None:
    helm("lint", "--strict", str(CHART), "-f", str(VALUES / f"{name}.yaml"))


@pytest.mark.parametrize("version", SUPPORTED)
def test_it_is_valid(version: str, tmp_path: Path) -> None:
    files: list[Path] = []
    for name in MATRIX:
        text = rendered(values_of(name), "--kube-version", version)
        for made in documents(text):
            if made["kind"] not in NO_SCHEMA:
                file = tmp_path / f"{name}-{made['kind']}-{len(files)}.yaml"
                file.write_text(yaml.safe_dump(made))
                files.append(file)

    done = subprocess.run(
        [BIN / "kubernetes-validate", "--strict", "--quiet", "-k", version, *files],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(files) > 20


def test_the_validator_sees_a_mistake(tmp_path: Path) -> None:
    made = next(d for d in documents(rendered(values_of("minimal"))) if d["kind"] == "Deployment")
    made["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump(made))

    done = subprocess.run(
        [BIN / "kubernetes-validate", "--strict", "-k", "1.34", file],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "imagePullPolice" in done.stdout + done.stderr


def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"(?i)kubeVersion: >=1.28.0-0"):
        rendered(values_of("minimal"), "--kube-version", "1.27")
