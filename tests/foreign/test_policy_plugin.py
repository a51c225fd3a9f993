"""The example plug-in, installed with the project into a virtual environment of its own, and used.

The environment's third-party packages are fetched once (this needs the network); the project and
the plug-in are built and installed anew at each run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.foreign, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/policy-plugin"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
HOME = CACHE / "everai-worker-autoscaler" / "foreign-policy-plugin"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the environment with the project and the plug-in of this checkout."""
    done = HOME / ".complete"
    if not done.exists():
        shutil.rmtree(HOME, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
    # built from a copy: a build must leave nothing behind in the checkout
    copy = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for folder in ("autoscaler", "deploy/page"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    shutil.copytree(EXAMPLE, copy / "plugin")
    pip(HOME, "install", str(copy), "pytest>=8")
    pip(HOME, "install", "--no-deps", "--force-reinstall", str(copy), str(copy / "plugin"))
    done.touch()
    return HOME


def pip(home: Path, *arguments: str) -> None:
    subprocess.run([str(home / "bin/pip"), *arguments, "--quiet"], check=True, timeout=800)


def run(home: Path, program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "COLUMNS": "300"}
    return subprocess.run(
        [str(home / "bin" / program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=env,
        timeout=120,
    )


def test_validate_uses_the_plug_in(home: Path, tmp_path: Path) -> None:
    done = run(home, "autoscaler", "validate", str(EXAMPLE / "example.yaml"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "requests-per-gpu(target=2" in done.stdout
    bad = tmp_path / "bad.yaml"
    bad.write_text((EXAMPLE / "example.yaml").read_text().replace("target: 2", "target: 0"))
    refused = run(home, "autoscaler", "validate", str(bad), cwd=tmp_path)
    assert refused.returncode == 1
    assert "apps[0].policies[0].target = 0: must be more than 0" in refused.stderr


def test_the_schema_knows_the_plug_in(home: Path, tmp_path: Path) -> None:
    done = run(home, "autoscaler", "schema", cwd=tmp_path)
    assert '"requests-per-gpu"' in done.stdout
    assert "per GPU" in done.stdout


def test_the_examples_own_tests_pass(home: Path, tmp_path: Path) -> None:
    tests = shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    done = run(home, "python", "-m", "pytest", "-q", str(tests), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
