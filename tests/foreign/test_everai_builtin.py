"""``everai-simple``, ``everai-free-worker``, ``everai-class`` against the platform's package.

The original runs in a virtual environment of its own (it pins an old pydantic), made once; this
needs the network. Thousands of random states go to both. With the switches that bring its
faults back, the numbers must be the same; by default they may differ only where a fault is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random  # noqa: TID251 - seeded instances
from typing import Any

import pytest

from autoscaler.model import Recommendation
from autoscaler.policies import Policy, policies
from autoscaler.testing import Scene, assert_conformant, observe
from autoscaler.testing.scenes import EPOCH

pytestmark = [pytest.mark.foreign, pytest.mark.timeout(600)]

BUILTIN, INTERFACE = "0.1.52", "0.1.23"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
HOME = CACHE / "everai-worker-autoscaler" / f"foreign-everai-autoscaler-{BUILTIN}"
STATES = 4000
AS_ORIGINAL = {"count_starting": False, "keep_min": False}


@pytest.fixture(scope="module")
def home() -> Path:
    """Return the virtual environment with the platform's package; make it where it is not whole."""
    done = HOME / ".complete"
    if not done.exists():
        shutil.rmtree(HOME, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
        wanted = [f"everai-builtin-autoscaler=={BUILTIN}", f"everai-autoscaler=={INTERFACE}"]
        subprocess.run([str(HOME / "bin/pip"), "install", "--quiet", *wanted], check=True)
        done.touch()
    return HOME


@pytest.fixture
def interface_installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process import the platform's interface, though not the pydantic that it pins."""
    packages = next((home / "lib").glob("python3.*/site-packages"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])


def random_state(rng: Random, kind: str) -> tuple[dict[str, Any], Scene]:
    """Return arguments of the policy, and a scene."""
    low = rng.randrange(5)
    arguments = {
        "min_workers": low,
        "max_workers": rng.choice((low, low + rng.randrange(12))),
        "max_idle_time": rng.choice((0, 60, 120, 300)),
        "scale_up_step": rng.randrange(1, 6),
    }
    arguments |= (
        {"max_queue_size": rng.randrange(6)}
        if kind == "simple"
        else {"min_free_workers": rng.randrange(5)}
    )
    queue = rng.choice((0, 0, 1, 2, rng.randrange(20)))
    scene = Scene(
        free=rng.choice((0, 1, rng.randrange(8))),
        busy=rng.choice((0, 1, rng.randrange(8))),
        in_flight=rng.choice((0, 0, 0, 1, rng.randrange(4))),
        queue=queue,
        idle_s=float(rng.choice((0, 59, 60, 120, 121, 299, 300, 1000))),
        sessions=rng.choice((0, 0, 1, 2)),
        now=EPOCH + rng.randrange(10**6),
        reason=rng.choice(("QueueReasonWorkerBusy",) * 4 + ("QueueReasonSessionWorkerBusy",)),
    )
    return arguments, scene


def factors(scene: Scene) -> dict[str, Any]:
    """Write a scene as the platform would give it to its own policies."""
    given = observe(scene)
    names = {"free": "Free", "busy": "Busy", "in_flight": "Inflight"}
    workers = [
        {
            "worker_id": worker.id,
            "region": "",
            "started_at": int(worker.created_at or 0),
            "last_service_time": int(worker.last_serve_at or worker.created_at or 0),
            "number_of_successes": 0,
            "number_of_failures": 0,
            "number_of_sessions": worker.session_number,
            "average_response_time": 0,
            "current_request": int(worker.state.value == "busy"),
            "status": names[worker.state.value],
        }
        for worker in given.observation.workers
    ]
    reason = "QueueDueSession" if "Session" in scene.reason else "QueueDueBusy"
    count = Counter(worker["status"] for worker in workers)
    return {"queue": {reason: scene.queue}, "workers": workers, "worker": dict(count)}


def originals(home: Path, kind: str, states: list[tuple[dict[str, Any], Scene]]) -> list[int]:
    """Return the number of workers that the original wants in each state."""
    lines = [
        json.dumps(
            {
                "policy": kind,
                "arguments": {key: str(value) for key, value in arguments.items()},
                "now": int(scene.now),
                "factors": factors(scene),
            }
        )
        for arguments, scene in states
    ]
    script = str(Path(__file__).with_name("foreign_autoscaler.py"))
    done = subprocess.run(
        [str(home / "bin/python"), script],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(states)
    return [
        scene.free + scene.busy + scene.in_flight + answer["more"] - len(answer["gone"])
        for (_, scene), answer in zip(states, answers, strict=True)
    ]


def ours(kind: str, arguments: dict[str, Any], scene: Scene, **switches: bool) -> int:
    cls = policies()[kind]
    policy = cls(cls.Params.model_validate(arguments | switches))
    return number(policy, scene)


def number(policy: Policy, scene: Scene) -> int:
    answer, _ = policy.recommend(observe(scene), None)
    assert isinstance(answer, Recommendation), answer
    return answer.workers


@pytest.mark.parametrize("kind", ["simple", "free-worker"])
def test_the_numbers_are_those_of_the_original(home: Path, kind: str) -> None:
    rng = Random(20261124)
    states = [random_state(rng, kind) for _ in range(STATES)]
    theirs = originals(home, kind, states)
    switches = AS_ORIGINAL | ({"keep_free": False} if kind == "free-worker" else {})
    seen = Counter[str]()
    for (arguments, scene), wanted in zip(states, theirs, strict=True):
        got = ours(f"everai-{kind}", arguments, scene, **switches)
        assert got == wanted, (arguments, scene)
        there = scene.free + scene.busy + scene.in_flight
        seen["up" if wanted > there else "down" if wanted < there else "stay"] += 1
    assert min(seen[way] for way in ("up", "down", "stay")) > STATES / 20, seen


@pytest.mark.parametrize("kind", ["simple", "free-worker"])
def test_by_default_only_the_faults_differ(home: Path, kind: str) -> None:
    rng = Random(7)
    states = [random_state(rng, kind) for _ in range(STATES)]
    different = 0
    for (arguments, scene), wanted in zip(states, originals(home, kind, states), strict=True):
        got = ours(f"everai-{kind}", arguments, scene)
        different += got != wanted
        # Where the mended policy differs it grows past a frozen start, or removes fewer.
        assert got >= wanted, (arguments, scene)
        if scene.in_flight == 0 and kind == "simple":
            assert got == wanted, (arguments, scene)
    assert different > 0


@pytest.mark.parametrize("kind", ["simple", "free-worker"])
@pytest.mark.usefixtures("interface_installed")
def test_a_class_of_the_interface_runs_as_a_policy(home: Path, kind: str) -> None:
    """The original classes themselves, through our bridge, on the real clock."""
    name = {"simple": "SimpleAutoScaler", "free-worker": "FreeWorkerAutoScaler"}[kind]
    rng = Random(11)
    states = [random_state(rng, kind) for _ in range(200)]
    # idle times are compared with the machine's clock: far in the past is idle for certain
    states = [(arguments, scene) for arguments, scene in states if scene.idle_s >= 300]
    cls = policies()["everai-class"]
    for (arguments, scene), wanted in zip(states, originals(home, kind, states), strict=True):
        params = {"path": f"everai_autoscaler.builtin:{name}", "arguments": arguments}
        assert number(cls(cls.Params.model_validate(params)), scene) == wanted, (arguments, scene)


@pytest.mark.usefixtures("interface_installed")
def test_the_bridge_conforms_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    cls = policies()["everai-class"]
    params = {"path": "everai_autoscaler.builtin:SimpleAutoScaler", "arguments": {"max_workers": 9}}
    assert cls.pure is False
    assert_conformant(cls, cls.Params.model_validate(params), scenes=40)
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("interface_installed")
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no.such.package:Scaler", "cannot be imported"),
        ("everai_autoscaler.builtin:Missing", "has no class Missing"),
        ("everai_autoscaler.model:Factors", "no class with decide"),
        ("os.system", "must be package.module:Class"),
    ],
)
def test_what_cannot_be_run_is_refused(path: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        policies()["everai-class"].Params.model_validate({"path": path})
