"""Each process has a name of its own, and a daemon without the library says how to get it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from autoscaler.app.leadership import identity
from autoscaler.kubernetes import connect
from autoscaler.model.errors import ConfigurationError


def test_no_two_processes_have_one_name() -> None:
    names = {identity(None, {"POD_NAME": "autoscaler-0"}) for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("autoscaler-0_") for name in names)


def test_the_configured_name_comes_first_and_fits_a_header() -> None:
    assert identity("mine", {"POD_NAME": "pod"}).startswith("mine_")
    assert identity(None, {"POD_NAME": "a b\r\nX: y"}).startswith("a-b--X--y_")
    assert identity(None, {}).rpartition("_")[0]


def test_without_lightkube_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightkube", None)
    with pytest.raises(ConfigurationError, match=r"install .*\[kubernetes\]"):
        connect("leader_election.mode kubernetes")


def test_lightkube_is_loaded_by_those_who_need_it_only() -> None:
    code = "import sys, autoscaler.app.build; print('lightkube' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
