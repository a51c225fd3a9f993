"""Where the bearer token comes from, and the type that keeps it out of every text."""

from __future__ import annotations

import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoscaler.model.errors import Unauthorized

CHECK_EVERY_S = 1.0
"""A token file is looked at no more often than this."""

_SIZE_MAX = 64 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A token and where it is from. Its text forms never show the value."""

    value: str
    origin: str

    def __repr__(self) -> str:
        return f"Token(from {self.origin})"


class TokenSource(ABC):
    """Gives the token for a call."""

    @staticmethod
    def from_value(value: str, origin: str = "EVERAI_TOKEN") -> TokenSource:
        """Return a source of one fixed token; ``origin`` names it in messages."""
        return _FixedToken(value, origin)

    @staticmethod
    def from_file(path: Path | str) -> TokenSource:
        """Return a source that follows a file: read again whenever the file changes."""
        return _TokenFile(Path(path), f"file {path}")

    @staticmethod
    def discover(token_file: Path | str | None, environ: Mapping[str, str]) -> TokenSource:
        """Return the first of: the configured file, ``EVERAI_TOKEN``, the platform CLI's file.

        Args:
            token_file: the configured file, if one is configured.
            environ: the process's environment. The CLI keeps its token in ``$EVERAI_HOME/token``,
                else ``$XDG_CACHE_HOME/everai/token``, else ``~/.cache/everai/token``.
        """
        if token_file is not None:
            return TokenSource.from_file(token_file)
        if environ.get("EVERAI_TOKEN", "").strip():
            return TokenSource.from_value(environ["EVERAI_TOKEN"])
        path = cli_token_file(environ)
        return _TokenFile(path, f"the platform CLI's file {path}", unset=True)

    @property
    @abstractmethod
    def origin(self) -> str:
        """Where the token is from, for messages."""

    @abstractmethod
    def token(self, now: float) -> Token:
        """Return the token in force; ``now`` is our clock, epoch seconds.

        Raises:
            Unauthorized: there is none, or it cannot be one; the message says what to do.
        """

    @abstractmethod
    def read_again(self, now: float) -> Token:
        """Like :meth:`token`, but look anew however short ago the last look was."""

    def __repr__(self) -> str:
        return f"TokenSource({self.origin})"


def cli_token_file(environ: Mapping[str, str]) -> Path:
    """Return where the platform's own CLI keeps its token."""
    home = environ.get("EVERAI_HOME")
    if home:
        return Path(home) / "token"
    cache = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or "/") / ".cache"
    return Path(cache) / "everai" / "token"


def _parse(text: str, origin: str) -> Token:
    """Return the token in ``text``, whitespace around it dropped."""
    value = text.strip()
    if not value:
        raise Unauthorized(f"{origin} is empty. Put the token of your EverAI account there.")
    if not _TOKEN.fullmatch(value):
        raise Unauthorized(
            f"{origin} holds characters that no token has (a space, a line break, a control or "
            "non-ASCII character). Put only the token there, in one line, without 'Bearer'."
        )
    return Token(value, origin)


class _FixedToken(TokenSource):
    """One value for ever, as from an environment variable."""

    __slots__ = ("_origin", "_text")

    def __init__(self, text: str, origin: str) -> None:
        self._text = text
        self._origin = origin

    @property
    def origin(self) -> str:
        return self._origin

    def token(self, now: float) -> Token:  # noqa: ARG002 - the interface of a source
        return _parse(self._text, self._origin)

    def read_again(self, now: float) -> Token:
        return self.token(now)


@dataclass(slots=True)
class _Seen:
    """What the last look at a file found: a token, or the words why there is none."""

    stamp: tuple[int, ...] = ()
    found: Token | str = ""
    looked_at: float = field(default=float("-inf"))


class _TokenFile(TokenSource):
    """A file that somebody else may replace at any time (a mounted secret, the CLI)."""

    def __init__(self, path: Path, origin: str, *, unset: bool = False) -> None:
        self._path = path
        self._origin = origin
        self._hint = (
            "Set EVERAI_TOKEN or everai.token_file, or log in with the platform's CLI."
            if unset
            else "Put the token there, or correct token_file."
        )
        self._seen = _Seen()

    @property
    def origin(self) -> str:
        return self._origin

    def token(self, now: float) -> Token:
        if not 0 <= now - self._seen.looked_at < CHECK_EVERY_S:
            self._look(now)
        return self._result()

    def read_again(self, now: float) -> Token:
        self._seen = _Seen()
        self._look(now)
        return self._result()

    def _result(self) -> Token:
        found = self._seen.found
        if isinstance(found, str):
            raise Unauthorized(found)
        return found

    def _look(self, now: float) -> None:
        """Read the file if its mtime, inode or size changed."""
        try:
            stamp = _stamp(self._path.stat())
            if stamp != self._seen.stamp:
                self._seen = _Seen(stamp, _parse(self._read(), self._origin))
        except Unauthorized as error:
            self._seen = _Seen((), str(error))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._seen = _Seen((), f"no token: {self._origin}: {why}. {self._hint}")
        self._seen.looked_at = now

    def _read(self) -> str:
        """Return the file's text; a pipe or a huge file is refused, since reading might hang."""
        found = self._path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not a regular file")
        if found.st_size > _SIZE_MAX:
            raise ValueError(f"it has {found.st_size} bytes, which no token has")
        return self._path.read_bytes().decode("latin-1")


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file is written or replaced."""
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev, found.st_size)
