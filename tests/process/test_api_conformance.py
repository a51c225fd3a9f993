"""schemathesis against the OpenAPI document, served by a process of its own over a socket.

`make test` sends some two thousand requests; `make test-api` (API_EXAMPLES) many more. The live
stream has no end and is left out; tests/unit/web/test_live.py is about it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.api_site import ACTION_TOKEN, READ_TOKEN

EXAMPLES = os.environ.get("API_EXAMPLES", "5")
ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "tests/data/schemathesis.toml"

pytestmark = [pytest.mark.process, pytest.mark.timeout(120 if EXAMPLES == "5" else 3600)]


@pytest.fixture(params=["open", "closed"])
async def address(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Serve a site, reading open or behind a token, until the test ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.api_site", str(tmp_path), request.param,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    yield (await process.stdout.readline()).decode().strip()
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 30) == 0


async def conformance(address: str, folder: Path, token: str) -> tuple[int, str]:
    st = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "st"), "--config-file", str(CONFIG),
        "run", f"{address}/api/v1/openapi.json", "--checks", "all",
        "--exclude-path-regex", "stream", "--max-examples", EXAMPLES, "--seed", "1",
        "--continue-on-failure", "--header", f"Authorization: Bearer {token}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "COLUMNS": "120", "NO_COLOR": "1"},
    )  # fmt: skip
    told, _ = await st.communicate()
    return st.returncode or 0, told.decode()


async def test_the_api_keeps_to_its_document(address: str, tmp_path: Path) -> None:
    status, told = await conformance(address, tmp_path, ACTION_TOKEN)
    assert status == 0, told
    assert "19 total" in told, "addresses came or went; look whether they are tested"


@pytest.mark.parametrize("address", ["closed"], indirect=True)
async def test_what_a_reader_may_not_do_is_a_problem_too(address: str, tmp_path: Path) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"Authorization": f"Bearer {READ_TOKEN}"}
        document = (await client.get(f"{address}/api/v1/openapi.json", headers=headers)).json()
        paths = [path for path, item in document["paths"].items() if "post" in item]
        assert len(paths) == 4
        for path in paths:
            url = f"{address}/api/v1{path.format(namespace='default', name='sd15')}"
            reply = await client.post(url, json={"why": "no"}, headers=headers)
            assert reply.status_code == 401
            assert reply.headers["content-type"] == "application/problem+json"
