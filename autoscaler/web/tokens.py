"""The tokens that open this server: read from a file, again when it changes, never shown.

One token a line, ``token`` or ``name:token``; empty lines and lines that begin with ``#`` count for
nothing. A file with a bad line is refused whole: a revoked token must not stay in force because
the line above it has a typing error.
"""

from __future__ import annotations

import hmac
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import structlog

from autoscaler.ports.clock import Clock

CHECK_EVERY_S = 1.0
"""A file is looked at no more often than this."""

TOKENS_MAX = 20
LENGTH_MIN = 16
"""A token is not to be guessed: at least so many characters."""

UNNAMED = "unnamed"
"""Who acts by a token without a name."""

_SIZE_MAX = 64 * 1024
_LINE = re.compile(
    r"(?:(?P<name>[A-Za-z0-9][A-Za-z0-9._@-]{0,63}):)?(?P<token>[\x21-\x39\x3b-\x7e]+)"
)

_Stamp = tuple[int, ...]


class TokensUnusable(Exception):  # noqa: N818 - named for what happened
    """There is a file, and no token can be taken from it; the message never holds a token."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the last look found; ``trouble`` is empty where all is well."""

    by_digest: tuple[tuple[bytes, str], ...] = field(default=(), repr=False)
    trouble: str = ""


class TokenFile:
    """The tokens of one file."""

    def __init__(self, path: Path, clock: Clock, learned: Callable[[str], None]) -> None:
        """Follow a file; ``learned`` is told of every token, so that logs can hide it."""
        self._path = path
        self._clock = clock
        self._learned = learned
        self._stamp: _Stamp | None = None
        self._known = _Known(trouble="it has not been read yet")
        self._looked_at = float("-inf")

    def __repr__(self) -> str:
        return f"TokenFile({self._path})"

    def holder(self, token: str) -> str | None:
        """Return the name of whoever holds a token, ``None`` for a wrong one.

        It takes the same time wherever a wrong token differs.

        Raises:
            TokensUnusable: the file cannot be read, or has no token or a bad line.
        """
        known = self._look()
        if known.trouble:
            raise TokensUnusable(f"{self._path}: {known.trouble}")
        digest, found = _digest(token), None
        for each, name in known.by_digest:
            if hmac.compare_digest(each, digest):
                found = name
        return found

    def _look(self) -> _Known:
        now = self._clock.now()
        if 0 <= now - self._looked_at < CHECK_EVERY_S:
            return self._known
        self._looked_at = now
        try:
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._take(_parse(self._path.read_bytes(), self._learned))
            self._stamp = stamp
        except (OSError, ValueError) as error:
            self._stamp = None
            self._take(_Known(trouble=_words(error)))
        return self._known

    def _take(self, known: _Known) -> None:
        if known.trouble and known.trouble != self._known.trouble:
            structlog.get_logger().error(
                "no token of this file opens anything", file=str(self._path), why=known.trouble
            )
        self._known = known


def _stamp(path: Path) -> _Stamp:
    """Return what changes when the file does; refuse what could hang or fill memory."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a regular file")
    if found.st_size > _SIZE_MAX:
        raise ValueError(f"it has {found.st_size} bytes; at most {_SIZE_MAX} are read")
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev, found.st_size)


def _parse(content: bytes, learned: Callable[[str], None]) -> _Known:
    known: list[tuple[bytes, str]] = []
    for number, line in enumerate(content.decode("latin-1").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ValueError(
                f"line {number} is neither token nor name:token (visible ASCII, no space)"
            )
        if len(match["token"]) < LENGTH_MIN:
            raise ValueError(f"the token in line {number} has fewer than {LENGTH_MIN} characters")
        learned(match["token"])
        known.append((_digest(match["token"]), match["name"] or UNNAMED))
    if not 1 <= len(known) <= TOKENS_MAX:
        raise ValueError(f"it holds {len(known)} tokens; 1 to {TOKENS_MAX} can be used")
    return _Known(tuple(known))


def _digest(token: str) -> bytes:
    """Return bytes of one length for any token, so that comparing tells nothing of it."""
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def _words(error: OSError | ValueError) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
