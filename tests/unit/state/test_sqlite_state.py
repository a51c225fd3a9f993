"""What only a file can suffer: corruption, other processes, a full disk, a newer version."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoscaler.decision import AppMemory
from autoscaler.decision.expectations import open_up_order
from autoscaler.decision.memory import OrderOutcome
from autoscaler.model import AppKey
from autoscaler.model.errors import StateError
from autoscaler.ports import Trust
from autoscaler.state import SqliteState, StateLockedError, sqlite
from autoscaler.state.sqlite import SCHEMA_VERSION

A, B = AppKey("default", "a"), AppKey("default", "b")
INTENT = open_up_order(AppMemory(signal_failures=7), 3, 1000.0, 60.0)
URL = "https://platform"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "state.db"


async def write_once(path: Path, memory: AppMemory = INTENT) -> None:
    store = SqliteState(path, URL)
    await store.write_intent(A, memory)
    await store.close()


async def reopened(path: Path) -> tuple[Trust, AppMemory | None]:
    store = SqliteState(path, URL)
    trust, memory = store.trust, await store.load(A)
    store.abandon()
    return trust, memory


async def test_a_new_store_is_new_and_the_next_time_whole(path: Path) -> None:
    store = SqliteState(path, URL)
    assert store.trust is Trust.NEW
    store.abandon()
    await write_once(path)
    assert await reopened(path) == (Trust.WHOLE, INTENT)


async def test_only_the_owner_may_read_it(path: Path) -> None:
    await write_once(path)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_other_endpoints_are_kept_apart(path: Path) -> None:
    await write_once(path)
    store = SqliteState(path, "https://another")
    assert await store.load(A) is None
    await store.forget(A)
    await store.close()
    assert await reopened(path) == (Trust.WHOLE, INTENT)


async def test_a_process_that_dies_without_flushing_loses_no_intent(path: Path) -> None:
    store = SqliteState(path, URL)
    await store.write_intent(A, INTENT)
    store.checkpoint(A, AppMemory())
    store.abandon()
    assert await reopened(path) == (Trust.WHOLE, INTENT)


# Corruption


@pytest.mark.parametrize(
    "content", [b"this is no database", b"SQLite format 3\x00" + b"\xff" * 5000, os.urandom(9000)]
)
async def test_a_corrupt_file_is_set_aside_and_nothing_is_trusted(
    path: Path, content: bytes
) -> None:
    await write_once(path)
    for extra in ("-wal", "-shm"):
        path.with_name(path.name + extra).unlink(missing_ok=True)
    path.write_bytes(content)
    store = SqliteState(path, URL)
    assert store.trust is Trust.LOST
    assert store.set_aside is not None
    assert store.set_aside.read_bytes() == content
    assert await store.load(A) is None
    await store.write_intent(A, INTENT)
    await store.close()


async def test_a_second_corrupt_file_does_not_replace_the_first(path: Path) -> None:
    for number in (1, 2):
        await write_once(path)
        path.write_bytes(b"garbage" * 100)
        store = SqliteState(path, URL)
        assert store.set_aside == path.with_name(f"state.db.corrupt-{number}")
        store.abandon()


async def test_killed_right_after_the_setting_aside_the_next_start_trusts_nothing_either(
    path: Path,
) -> None:
    await write_once(path)
    path.write_bytes(b"garbage" * 100)
    SqliteState(path, URL).abandon()
    assert (await reopened(path))[0] is Trust.LOST


async def test_an_emptied_file_is_not_trusted(path: Path) -> None:
    await write_once(path)
    for extra in ("", "-wal", "-shm"):
        file = path.with_name(path.name + extra)
        if file.exists():
            file.write_bytes(b"")
    assert await reopened(path) == (Trust.LOST, None)


async def test_a_store_without_its_seal_is_not_trusted(path: Path) -> None:
    await write_once(path)
    path.with_name("state.db.seal").unlink()
    assert await reopened(path) == (Trust.LOST, INTENT)


async def test_a_scribbled_seal_is_not_trusted(path: Path) -> None:
    await write_once(path)
    path.with_name("state.db.seal").write_bytes(b"?????\n")
    assert (await reopened(path))[0] is Trust.LOST


@pytest.mark.parametrize("row", [b"", b"{", b"[]", b'{"up_orders": 7}', b'{"changes": [{}]}'])
async def test_a_row_that_is_no_memory_is_an_error_of_that_app_only(path: Path, row: bytes) -> None:
    store = SqliteState(path, URL)
    await store.write_intent(A, INTENT)
    await store.write_intent(B, INTENT)
    await store.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE memory SET row = ? WHERE app = 'a'", (row,))
    db.close()
    store = SqliteState(path, URL)
    with pytest.raises(StateError, match="cannot be read"):
        await store.load(A)
    assert await store.load(B) == INTENT
    await store.close()


async def test_a_row_of_another_version_keeps_what_both_know(path: Path) -> None:
    await write_once(path)
    with sqlite3.connect(path) as db:
        row = b'{"signal_failures": 7, "a_field_of_tomorrow": {"x": [1]}}'
        db.execute("UPDATE memory SET row = ?", (row,))
    db.close()
    assert await reopened(path) == (Trust.WHOLE, AppMemory(signal_failures=7))


async def test_a_newer_schema_is_refused_and_left_as_it_is(path: Path) -> None:
    await write_once(path)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    for _ in range(2):  # and the first refusal holds no lock
        with pytest.raises(StateError, match="newer version"):
            SqliteState(path, URL)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM memory").fetchone() == (1,)
    db.close()


# Places that cannot be used


async def test_a_place_that_is_a_folder_is_an_error_not_a_corrupt_file(path: Path) -> None:
    path.mkdir(parents=True)
    for _ in range(2):
        with pytest.raises(StateError, match="state store"):
            SqliteState(path, URL)
    assert path.is_dir()


async def test_a_parent_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StateError, match="file"):
        SqliteState(tmp_path / "file" / "state.db", URL)


async def test_a_good_file_that_another_program_locks_is_not_set_aside(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_once(path)
    monkeypatch.setattr(sqlite, "BUSY_S", 0.01)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StateError, match="locked"):
            SqliteState(path, URL)
    finally:
        db.execute("ROLLBACK")
        db.close()
    assert await reopened(path) == (Trust.WHOLE, INTENT)


# Other processes

HOLD = """
import asyncio, sys, time
from pathlib import Path
from autoscaler.decision import AppMemory
from autoscaler.decision.expectations import open_up_order
from autoscaler.model import AppKey
from autoscaler.state import SqliteState

store = SqliteState(Path(sys.argv[1]), "https://platform")
intent = open_up_order(AppMemory(signal_failures=7), 3, 1000.0, 60.0)
asyncio.run(store.write_intent(AppKey("default", "a"), intent))
store.checkpoint(AppKey("default", "a"), AppMemory())
print("written", flush=True)
time.sleep(600)
"""


def test_a_store_in_use_is_refused_and_after_sigkill_the_intent_is_there(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "written\n"
            with pytest.raises(StateLockedError, match=r"state\.path of its own"):
                SqliteState(path, URL)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    trust, memory = asyncio.run(reopened(path))
    assert trust is Trust.WHOLE
    assert memory is not None
    assert [o.outcome for o in memory.up_orders] == [OrderOutcome.INTENDED]


FILL = """
import asyncio, os, resource, signal, sys
from pathlib import Path
from autoscaler.decision import AppMemory
from autoscaler.model import AppKey, WorkerState
from autoscaler.model.errors import StateError
from autoscaler.state import SqliteState

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
heals = sys.argv[2] == "heals"
key = AppKey("default", "a")
small = AppMemory(signal_failures=1)
big = AppMemory(signal_failures=2, known={f"w{i}": WorkerState.FREE for i in range(20000)})

async def main():
    store = SqliteState(path, "https://platform")
    await store.write_intent(key, small)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        await store.write_intent(key, big)
    except StateError as error:
        print("refused", flush=True)
    assert await store.load(key) == big, "still known to this process"
    try:
        await store.flush()
    except StateError as error:
        print("kept", flush=True)
    if heals:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await store.flush()
        print("healed", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("then", "said", "trust", "failures"),
    [
        ("killed", ["refused", "kept"], Trust.LOST, 1),
        ("heals", ["refused", "kept", "healed"], Trust.WHOLE, 2),
    ],
)
def test_a_full_disk_breaks_the_seal_until_all_is_written(
    path: Path, then: str, said: list[str], trust: Trust, failures: int
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FILL, str(path), then],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout.split() == said, ended.stderr
    assert ended.returncode == -signal.SIGKILL
    found, memory = asyncio.run(reopened(path))
    assert found is trust
    assert memory is not None
    assert memory.signal_failures == failures


async def test_an_older_memory_put_back_by_a_failed_flush_never_hides_a_newer_intent(
    path: Path,
) -> None:
    fails = True

    async def run(function: Callable[..., Any], *args: Any) -> Any:
        nonlocal fails
        if fails:
            fails = False
            await write_soon()
            raise sqlite3.OperationalError("database or disk is full")
        return function(*args)

    waiting: list[asyncio.Task[None]] = []

    async def write_soon() -> None:
        waiting.append(asyncio.create_task(store.write_intent(A, INTENT)))
        await asyncio.sleep(0)

    store = SqliteState(path, URL, run=run)
    store.checkpoint(A, AppMemory())
    with pytest.raises(StateError):
        await store.flush()
    await asyncio.gather(*waiting)
    await store.flush()
    store.abandon()
    assert await reopened(path) == (Trust.WHOLE, INTENT)


async def test_an_intent_between_two_slices_of_a_flush_is_newer_than_both(path: Path) -> None:
    """Its memory waits in the second slice when the intent is written during the first."""
    began, go_on = asyncio.Event(), asyncio.Event()

    async def run(function: Callable[..., Any], *args: Any) -> Any:
        if function.__name__ == "_write" and not began.is_set():
            began.set()
            await go_on.wait()
        return function(*args)

    store = SqliteState(path, URL, run=run)
    for number in range(sqlite.ROWS_AT_ONCE):
        store.checkpoint(AppKey("default", f"app{number}"), AppMemory())
    store.checkpoint(A, AppMemory(signal_failures=1))
    store.checkpoint(B, AppMemory(signal_failures=2))
    flush = asyncio.create_task(store.flush())
    await began.wait()
    intent = asyncio.create_task(store.write_intent(A, INTENT))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(flush, intent)
    assert await store.load(A) == INTENT
    assert await store.load(B) == AppMemory(signal_failures=2)
    assert await store.load(AppKey("default", "app0")) == AppMemory()
    await store.close()


async def test_a_flush_takes_no_more_memories_at_once_than_the_loop_bears(path: Path) -> None:
    sizes: list[int] = []

    async def run(function: Callable[..., Any], *args: Any) -> Any:
        if function.__name__ == "_write":
            sizes.append(len(args[0]))
        return function(*args)

    store = SqliteState(path, URL, run=run)
    for number in range(1000):
        store.checkpoint(AppKey("default", f"app{number}"), AppMemory())
    await store.flush()
    assert sum(sizes) == 1000
    assert max(sizes) == sqlite.ROWS_AT_ONCE
    await store.close()
