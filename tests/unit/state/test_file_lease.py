"""What only a folder can suffer: frozen writers, spoilt files, a file system that hangs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoscaler.model.errors import LeaseError, LeaseTaken
from autoscaler.state import FileLease
from autoscaler.state.lease import KEEP
from tests.fakes.lease_contract import RECORD


async def test_a_writer_that_slept_does_not_make_an_old_number_again(tmp_path: Path) -> None:
    sleeper, others = FileLease(tmp_path), FileLease(tmp_path)
    lease = await others.write(RECORD, None)
    seen = await sleeper.read()
    for number in range(2, 2 * KEEP):
        lease = await others.write(replace(RECORD, number=number), lease)
    with pytest.raises(LeaseTaken):
        await sleeper.write(replace(RECORD, holder="sleeper"), seen)
    assert await sleeper.read() == lease


async def test_old_versions_go(tmp_path: Path) -> None:
    store = FileLease(tmp_path)
    lease = await store.write(RECORD, None)
    for number in range(2, 30):
        lease = await store.write(replace(RECORD, number=number), lease)
    assert len(list(tmp_path.iterdir())) == KEEP


async def test_a_spoilt_file_is_told(tmp_path: Path) -> None:
    store = FileLease(tmp_path)
    await store.write(RECORD, None)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b'{"id": 7}')
    with pytest.raises(LeaseError, match=f"{file.name} cannot be read .* remove the file"):
        await store.read()


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = FileLease(tmp_path / "file" / "lease")
    with pytest.raises(LeaseError, match="Not a directory"):
        await store.write(RECORD, None)


async def test_a_file_system_that_hangs_takes_one_thread(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def hang(function: Any, *args: Any) -> Any:
        await release.wait()
        return function(*args)

    store = FileLease(tmp_path, run=hang)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await store.read()
    with pytest.raises(LeaseError, match="does not answer"):
        await store.read()
    release.set()
    await asyncio.sleep(0.01)
    assert await store.read() is None
