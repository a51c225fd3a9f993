"""A storm of SIGKILLs while the history is written: what was acknowledged is there."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded instance

import pytest

from autoscaler.history.database import Database
from autoscaler.history.reading import Reader
from autoscaler.ports import EventQuery
from tests.fakes.clock import T0, ManualClock
from tests.fakes.past import decision, look
from tests.fakes.stores import make_store

pytestmark = pytest.mark.process

KILLS = 12
ROOT = Path(__file__).parents[2]


async def write_for_ever(folder: Path, first: int) -> None:
    """Write decisions and lists, and say after each flush which decisions are safe."""
    clock = ManualClock(T0 + first)
    store = make_store(f"sqlite:///{folder}/history.db", clock)
    number = first
    while True:
        for _ in range(5):
            clock.jump(1)
            store.recorder.decided(decision(T0 + number, up=1))
            store.recorder.observed(look(clock.now(), busy=1, served=number))
            number += 1
        await store.flush()
        if store.failing:
            raise SystemExit((await store.health()).error)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def test_every_acknowledged_decision_survives(tmp_path: Path) -> None:
    rng = Random(7)
    first, promised = 0, set[int]()
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    code += "from tests.process.test_history_kills import main; main()"
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), str(first)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(rng.randint(1, 40))]
        time.sleep(rng.random() * 0.02)
        writer.send_signal(signal.SIGKILL)
        lines += writer.communicate()[0].splitlines()
        assert all(lines), "the writer ended by itself"
        promised.update(range(first, int(lines[-1])))
        first = int(lines[-1]) + 5
    database = Database(f"sqlite:///{tmp_path}/history.db", "https://platform")
    times = [event.at for event in Reader(database).events(EventQuery(limit=100_000))]
    database.close()
    told = {round(at - T0) for at in times}
    assert len(promised) > 10 * KILLS
    assert promised <= told
    assert len(times) == len(told), "an event is there twice"
    assert database.set_aside is None


def main() -> None:
    """Be the writer."""
    asyncio.run(write_for_ever(Path(sys.argv[1]), int(sys.argv[2])))
