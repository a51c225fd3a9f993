"""``autoscaler bridge`` as a process, asked by the platform's own public package.

The package (``everai-autoscaler``, with its real ``Factors`` and ``DecideResult``) runs in an
environment of its own, made once; this needs the network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.foreign, pytest.mark.timeout(600)]

BUILTIN, INTERFACE = "0.1.52", "0.1.23"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
HOME = CACHE / "everai-worker-autoscaler" / f"foreign-everai-autoscaler-{BUILTIN}"
CONFIG = {
    "server": {"listen": "127.0.0.1:0"},
    "log": {"format": "json"},
    "state": {"path": None},
    "apps": [
        {
            "name": "demo",
            "max_workers": 5,
            "policies": [{"type": "queue"}],
            "behavior": {"scale_down": {"stabilization_window": 0}},
        }
    ],
}
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def python() -> Path:
    """Return the interpreter that has the platform's package; make it where it is not whole."""
    done = HOME / ".complete"
    if not done.exists():
        shutil.rmtree(HOME, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
        wanted = [f"everai-builtin-autoscaler=={BUILTIN}", f"everai-autoscaler=={INTERFACE}"]
        subprocess.run([str(HOME / "bin/pip"), "install", "--quiet", *wanted], check=True)
        done.touch()
    return HOME / "bin/python"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Run the bridge; return where the platform has to call."""
    file, log = tmp_path / "autoscaler.yaml", tmp_path / "bridge.log"
    file.write_text(yaml.safe_dump(CONFIG))
    command = [sys.executable, "-m", "autoscaler", "bridge", "-c", str(file), "--app", "demo"]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AUTOSCALER_", "EVERAI_"))}
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=env) as bridge,
    ):
        try:
            yield _started(log, bridge)
        finally:
            bridge.terminate()
            assert bridge.wait(timeout=20) == 0, log.read_text()


def _started(log: Path, bridge: subprocess.Popen[bytes]) -> str:
    for _ in range(600):
        for line in log.read_text().splitlines():
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "started":
                return str(event["url"])
        assert bridge.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture
def ask(python: Path, address: str, tmp_path: Path) -> Ask:
    """Ask the bridge, look by look; return what the package understood of each answer."""

    def run(*looks: dict[str, Any]) -> list[dict[str, Any]]:
        script = str(Path(__file__).with_name("foreign_platform.py"))
        done = subprocess.run(
            [str(python), script, address],
            input="\n".join(json.dumps(look) for look in looks),
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def factors(*statuses: str, queue: dict[str, int] | None, **more: Any) -> dict[str, Any]:
    """Return the arguments of a ``Factors``; the first workers have been idle the longest."""
    now = int(time.time())  # noqa: TID251 - the platform lives in real time
    workers = [
        {
            "worker_id": f"w{number}",
            "gpu_type": "RTX 4090",
            "region": "x",
            "started_at": now - (20 if status == "Inflight" else 3600),
            "last_service_time": now - 600 + number,
            "number_of_successes": 3,
            "number_of_failures": 0,
            "number_of_sessions": 0,
            "average_response_time": 1.5,
            "current_request": int(status == "Busy"),
            "status": status,
        }
        for number, status in enumerate(statuses)
    ]
    summary = {status: statuses.count(status) for status in set(statuses)}
    return {"queue": queue, "workers": workers, "worker": summary, **more}


def test_requests_that_wait_bring_workers_and_the_order_is_not_repeated(ask: Ask) -> None:
    waiting = factors("Busy", "Busy", queue={"QueueDueBusy": 2, "NotDispatch": 0})
    first, second = ask(waiting, waiting)
    assert first == {"max_workers": 5, "types": ["ScaleUpAction"], "more": 2, "gone": []}
    assert second == {"max_workers": 5, "types": [], "more": 0, "gone": []}


def test_never_more_than_the_maximum(ask: Ask) -> None:
    (answer,) = ask(factors("Busy", "Inflight", queue={"QueueDueBusy": 40}))
    # with one on its way, three more fill the five places
    assert (answer["more"], answer["max_workers"]) == (3, 5)


def test_free_workers_go_by_id_the_longest_idle_first(ask: Ask) -> None:
    (answer,) = ask(factors("Free", "Free", "Busy", "Free", queue={"QueueDueBusy": 0}))
    assert answer == {
        "max_workers": 5,
        "types": ["ScaleDownAction"],
        "more": 0,
        "gone": ["w0", "w1", "w3"],
    }


def test_what_the_package_leaves_open_lowers_nothing(ask: Ask) -> None:
    no_queue, no_workers, histories = ask(
        factors("Free", "Free", "Free", queue=None),
        {"queue": {"QueueDueBusy": 3}, "workers": None},
        factors(
            "Free",
            "Free",
            "Free",
            queue={"QueueDueSession": 9, "QueueDueBusy": 3},
            queue_histories={10: {"NotDispatch": 1}},
            worker_histories={30: {"Free": 3}},
            utilization=50,
        ),
    )
    assert (no_queue["more"], no_queue["gone"]) == (0, [])
    assert (no_workers["more"], no_workers["gone"]) == (0, [])
    assert (histories["more"], histories["gone"]) == (0, [])
