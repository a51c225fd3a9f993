"""A real PostgreSQL for the run, where one is installed; in CI it must be."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

MISSING = "no PostgreSQL is installed: `apt-get install postgresql`, then run again"


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    other = shutil.which("postgres")
    return Path(other).parent if other else None


def _as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses root; Debian's package makes a user for it."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Run a server of our own; give the address of its template."""
    if _programs() is None:
        assert not os.environ.get("CI"), MISSING
        pytest.skip(MISSING)
    with run_postgres() as address:
        yield address


@contextmanager
def run_postgres() -> Iterator[str]:
    """Run a server until the end of the context; give the address of its template."""
    programs = _programs()
    assert programs is not None, MISSING
    with TemporaryDirectory() as folder:
        # not below pytest's folder, which only its owner may enter
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(data, "postgres")
        yield from _serve(programs, data)


def _serve(programs: Path, data: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    initialise = [str(programs / "initdb"), "-D", str(data), "-U", "test", "-A", "trust", "-N"]
    subprocess.run(_as_postgres(initialise), check=True, capture_output=True, cwd="/")
    server = subprocess.Popen(
        _as_postgres(
            [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1",
             "-k", "", "-F"]
        ),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    try:
        _wait(programs, port, server)
        yield f"postgresql+psycopg://test@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(30)


def _wait(programs: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "PostgreSQL did not start"
        # while it starts it listens and refuses
        ready = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
        if subprocess.run(ready, check=False, capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError("PostgreSQL does not listen")


def new_database(address: str) -> str:
    """Make a database beside the template; return its address."""
    import psycopg  # noqa: PLC0415 - an extra

    name = f"t{uuid4().hex}"
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}".encode())
    return address.rpartition("/")[0] + f"/{name}"
