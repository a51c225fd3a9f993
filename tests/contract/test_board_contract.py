"""The leases in a shared folder, and those of the tests; Kubernetes: tests/kubernetes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.model.errors import LeaseError
from autoscaler.ports import LeaseBoard
from autoscaler.state import FileBoard, FileLease
from tests.fakes.clock import ManualClock
from tests.fakes.lease_board import BoardLink, BoardServer
from tests.fakes.lease_contract import RECORD, BoardContract


class TestFileBoard(BoardContract):
    @pytest.fixture
    def board(self, tmp_path: Path) -> LeaseBoard:
        return FileBoard(tmp_path / "shared", "auto")

    @pytest.fixture
    def other(self, tmp_path: Path) -> LeaseBoard:
        return FileBoard(tmp_path / "shared", "auto")

    async def test_the_folder_itself_is_the_lease_of_a_single_leader(
        self, tmp_path: Path, board: LeaseBoard
    ) -> None:
        written = await FileLease(tmp_path / "shared").write(RECORD, None)
        await board.lease("auto-1").write(RECORD, None)
        listed = await board.list()
        assert (set(listed), listed["auto"]) == ({"auto", "auto-1"}, written)

    async def test_a_folder_that_cannot_be_read_is_said(
        self, tmp_path: Path, board: LeaseBoard
    ) -> None:
        (tmp_path / "shared").write_text("no folder")
        with pytest.raises(LeaseError):
            await board.list()


class TestBoardInMemory(BoardContract):
    @pytest.fixture
    def server(self) -> BoardServer:
        return BoardServer()

    @pytest.fixture
    def board(self, server: BoardServer) -> LeaseBoard:
        return BoardLink(server, ManualClock())

    @pytest.fixture
    def other(self, server: BoardServer) -> LeaseBoard:
        return BoardLink(server, ManualClock())


async def test_a_listing_while_a_lease_is_written(tmp_path: Path) -> None:
    """Readers and the writer of one process do not get into each other's way."""
    board = FileBoard(tmp_path, "auto")
    store = board.lease("auto-1")
    lease = await store.write(RECORD, None)
    for number in range(2, 40):
        lease = await store.write(replace(RECORD, number=number), lease)
        assert (await board.list())["auto-1"] == lease
