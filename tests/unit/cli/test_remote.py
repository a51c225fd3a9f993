"""Trouble with the daemon: each is one sentence, an exit status, and no token in it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autoscaler.cli import exits, program
from autoscaler.cli.remote import Credential, Remote

TOKEN = "a-token-that-must-never-be-seen"


@dataclass
class Canned:
    """A server that answers every request alike, or not at all."""

    status: str = "200 OK"
    kind: str = "application/problem+json"
    body: str = ""
    headers: str = ""
    silent: bool = False
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def problem(self, status: str, detail: str) -> None:
        self.status = status
        self.body = json.dumps({"title": status, "status": int(status[:3]), "detail": detail})

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if not self.silent:
            content = self.body.encode()
            head = (
                f"HTTP/1.1 {self.status}\r\nContent-Type: {self.kind}\r\n{self.headers}"
                f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + content)
            await writer.drain()
        else:
            await reader.read()
        writer.close()


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    made = Canned()
    async with await asyncio.start_server(made.answer, "127.0.0.1", 0) as server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made


async def ask(environ: dict[str, str], url: str, *arguments: str, **env: str) -> Result:
    given = [*(arguments or ("status",)), "--url", url]
    return await asyncio.to_thread(CliRunner().invoke, program, given, env={**environ, **env})


def one_line(shown: Result) -> str:
    """Return the only line of standard error; there is nothing else."""
    assert shown.stdout == ""
    (line,) = shown.stderr.splitlines()
    assert line.startswith("error: ")
    assert TOKEN not in line
    return line


async def test_nobody_listens(environ: dict[str, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shown = await ask(environ, f"http://127.0.0.1:{port}")
    assert shown.exit_code == 1
    line = one_line(shown)
    assert f"no daemon answers at http://127.0.0.1:{port}" in line
    assert "--url or AUTOSCALER_URL" in line


async def test_no_answer_in_time(
    environ: dict[str, str], canned: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    canned.silent = True
    monkeypatch.setattr("autoscaler.cli.access.TIMEOUT_S", 0.2)
    shown = await ask(environ, canned.url)
    assert shown.exit_code == 1
    assert "did not answer within 0.2 s" in one_line(shown)


@pytest.mark.parametrize(
    ("status", "exit_status"),
    [
        ("401 Unauthorized", 1),
        ("403 Forbidden", 1),
        ("404 Not Found", 4),
        ("421 Misdirected Request", 1),
        ("422 Unprocessable Content", 2),
        ("429 Too Many Requests", 1),
        ("500 Internal Server Error", 1),
        ("503 Service Unavailable", 1),
    ],
)
async def test_what_the_daemon_says_is_repeated(
    environ: dict[str, str], canned: Canned, status: str, exit_status: int
) -> None:
    canned.problem(status, "Something \x1b[31mwas wrong.")
    shown = await ask(environ, canned.url, AUTOSCALER_TOKEN=TOKEN)
    assert shown.exit_code == exit_status
    line = one_line(shown)
    assert f"the daemon at {canned.url} says: Something  [31mwas wrong." in line
    assert f"Authorization: Bearer {TOKEN}" in "".join(canned.asked).replace("authorization", "A"
        "uthorization")  # fmt: skip


async def test_a_missing_and_a_wrong_token(
    environ: dict[str, str], canned: Canned, tmp_path: Path
) -> None:
    canned.problem("401 Unauthorized", "A token is needed.")
    missing = one_line(await ask(environ, canned.url))
    assert missing.endswith("set AUTOSCALER_TOKEN_FILE (or --token-file) or AUTOSCALER_TOKEN.")
    file = tmp_path / "token"
    file.write_text(f"# mine\nops:{TOKEN}\n")
    wrong = one_line(await ask(environ, canned.url, AUTOSCALER_TOKEN_FILE=str(file)))
    assert wrong.endswith(f"The one sent is from file {file}.")
    assert f"Bearer {TOKEN}\r\n" in canned.asked[-1]


@pytest.mark.parametrize("text", ["", "\n# only a remark\n", "two words", "tok\x07en"])
async def test_a_token_file_that_cannot_be_used(
    environ: dict[str, str], canned: Canned, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    shown = await ask(environ, canned.url, "status", "--token-file", str(file))
    assert shown.exit_code == 2
    assert f"file {file} holds" in one_line(shown)
    gone = await ask(environ, canned.url, "status", "--token-file", str(tmp_path / "none"))
    assert gone.exit_code == 2
    assert "cannot be read: No such file or directory" in one_line(gone)
    assert canned.asked == []


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/html", "<html>Welcome</html>", "200 OK"),
        ("application/json", "[1, 2]", "200 OK"),
        ("text/html", "<html>Bad gateway</html>", "502 Bad Gateway"),
        ("application/json", '{"error": "x"}', "404 Not Found"),
    ],
)
async def test_somebody_else_answers(
    environ: dict[str, str], canned: Canned, kind: str, body: str, status: str
) -> None:
    canned.kind, canned.body, canned.status = kind, body, status
    shown = await ask(environ, canned.url)
    assert shown.exit_code == 1
    line = one_line(shown)
    assert f"does not answer as a daemon does (status {status[:3]}, {kind})" in line


async def test_fields_that_are_missing_are_another_program_s(
    environ: dict[str, str], canned: Canned
) -> None:
    canned.kind, canned.body = "application/json", '{"items": [{"name": "x"}]}'
    for arguments in (("status",), ("top",), ("cost",), ("history",)):
        shown = await ask(environ, canned.url, *arguments)
        assert shown.exit_code == 1, arguments
        assert "as a daemon's has; is it the right address" in one_line(shown)


async def test_a_redirect_is_not_followed(environ: dict[str, str], canned: Canned) -> None:
    canned.status, canned.headers = "302 Found", f"Location: {canned.url}/elsewhere\r\n"
    shown = await ask(environ, canned.url, AUTOSCALER_TOKEN=TOKEN)
    assert shown.exit_code == 1
    assert "status 302" in one_line(shown)
    assert len(canned.asked) == 1


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://host", "http://", "http://u:p@host", "http://h/?q", "http://h:x"]
)
async def test_an_address_that_is_none(environ: dict[str, str], url: str) -> None:
    shown = await ask(environ, url)
    assert shown.exit_code == 2
    assert "http://127.0.0.1:8080 with --url or AUTOSCALER_URL" in one_line(shown)


def test_a_token_is_in_no_text() -> None:
    credential = Credential(TOKEN, "file x")
    assert repr(credential) == "Credential(from file x)"
    assert TOKEN not in repr(Remote("http://127.0.0.1:1", credential))


def test_a_fault_of_ours_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise ZeroDivisionError("a\nb")

    with pytest.raises(SystemExit) as ended:
        exits.run_program(broken)  # type: ignore[arg-type]  # all that is asked of it is a call
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "a fault of autoscaler itself (ZeroDivisionError: a b) at " in said
    assert "test_remote.py:" in said
