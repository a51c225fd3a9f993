"""The lease in a shared folder, and the one of the tests; Kubernetes: tests/kubernetes."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.ports import LeaseStore
from autoscaler.state import FileLease
from tests.fakes.clock import ManualClock
from tests.fakes.lease import LeaseLink, LeaseServer
from tests.fakes.lease_contract import LeaseContract


class TestFileLease(LeaseContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LeaseStore:
        return FileLease(tmp_path / "shared" / "lease")

    @pytest.fixture
    def other(self, tmp_path: Path) -> LeaseStore:
        return FileLease(tmp_path / "shared" / "lease")


class TestLeaseInMemory(LeaseContract):
    @pytest.fixture
    def server(self) -> LeaseServer:
        return LeaseServer()

    @pytest.fixture
    def store(self, server: LeaseServer) -> LeaseStore:
        return LeaseLink(server, ManualClock())

    @pytest.fixture
    def other(self, server: LeaseServer) -> LeaseStore:
        return LeaseLink(server, ManualClock())
