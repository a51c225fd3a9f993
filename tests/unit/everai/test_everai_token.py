from __future__ import annotations

import os
from pathlib import Path

import pytest

from autoscaler.everai import TokenSource
from autoscaler.model.errors import Unauthorized


def test_a_value_is_stripped_and_never_shown() -> None:
    source = TokenSource.from_value(" s3cret\n")
    token = source.token(0.0)
    assert token.value == "s3cret"
    for shown in (repr(token), str(token), repr(source), f"{token!r:>40}", repr([token])):
        assert "s3cret" not in shown
        assert "EVERAI_TOKEN" in shown


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_value_says_so(text: str) -> None:
    with pytest.raises(Unauthorized, match="EVERAI_TOKEN is empty"):
        TokenSource.from_value(text).token(0.0)


@pytest.mark.parametrize("text", ["s3cret\nX: y", "s3\x00cret", "Bearer s3cret", "s3cré", "a\tb"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        TokenSource.from_value(text).token(0.0)
    assert "without 'Bearer'" in str(caught.value)
    assert "s3" not in repr(caught.value)


def test_a_file_is_looked_at_once_a_second(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one\n")
    source = TokenSource.from_file(path)
    assert source.token(100.0).value == "one"
    path.write_text("another")
    assert source.token(100.9).value == "one"
    assert source.token(101.0).value == "another"


def test_a_file_replaced_by_one_of_the_same_size_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    source = TokenSource.from_file(path)
    assert source.token(100.0).value == "one"
    before = path.stat()
    (tmp_path / "new").write_text("two")
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").rename(path)
    assert source.token(102.0).value == "two"


def test_a_secret_behind_a_swapped_link_is_followed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(name)
    (tmp_path / "data").symlink_to("one")
    source = TokenSource.from_file(tmp_path / "data" / "token")
    assert source.token(100.0).value == "one"
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").rename(tmp_path / "data")
    assert source.token(101.5).value == "two"


def test_reading_again_does_not_wait_for_the_second(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    source = TokenSource.from_file(path)
    source.token(100.0)
    path.write_text("two")
    assert source.read_again(100.1).value == "two"
    assert source.token(100.2).value == "two"


def test_a_missing_empty_or_unreadable_file_names_the_path_and_recovers(tmp_path: Path) -> None:
    path = tmp_path / "token"
    source = TokenSource.from_file(path)
    with pytest.raises(Unauthorized, match="No such file") as caught:
        source.token(100.0)
    assert str(path) in str(caught.value)
    assert "token_file" in str(caught.value)
    path.write_text("\n")
    with pytest.raises(Unauthorized, match="is empty"):
        source.token(101.0)
    path.write_text("one")
    assert source.token(102.0).value == "one"
    path.unlink()
    path.mkdir()
    with pytest.raises(Unauthorized, match="not a regular file"):
        source.token(103.0)


def test_a_pipe_or_a_huge_file_is_refused_rather_than_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unauthorized, match="not a regular file"):
        TokenSource.from_file(tmp_path / "pipe").token(0.0)
    (tmp_path / "huge").write_bytes(b"x" * 100_000)
    with pytest.raises(Unauthorized, match="100000 bytes"):
        TokenSource.from_file(tmp_path / "huge").token(0.0)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Unauthorized, match="characters"):
        TokenSource.from_file(tmp_path / "binary").token(0.0)


def test_precedence(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-cli")
    (tmp_path / "mine").write_text("from-file")
    both = {"EVERAI_TOKEN": "from-env", "EVERAI_HOME": str(tmp_path)}
    assert TokenSource.discover(tmp_path / "mine", both).token(0).value == "from-file"
    assert TokenSource.discover(None, both).token(0).value == "from-env"
    blank = both | {"EVERAI_TOKEN": " "}
    assert TokenSource.discover(None, blank).token(0).value == "from-cli"


def test_where_the_cli_keeps_its_token(tmp_path: Path) -> None:
    (tmp_path / ".cache/everai").mkdir(parents=True)
    (tmp_path / ".cache/everai/token").write_text("home")
    (tmp_path / "xdg/everai").mkdir(parents=True)
    (tmp_path / "xdg/everai/token").write_text("xdg")
    home = {"HOME": str(tmp_path)}
    assert TokenSource.discover(None, home).token(0).value == "home"
    xdg = home | {"XDG_CACHE_HOME": str(tmp_path / "xdg")}
    assert TokenSource.discover(None, xdg).token(0).value == "xdg"
    with pytest.raises(Unauthorized, match="EVERAI_TOKEN"):
        TokenSource.discover(None, {"HOME": str(tmp_path / "none")}).token(0)
