"""One call of the API as plain data, the same whichever way carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from autoscaler import __version__
from autoscaler.everai.token import Token
from autoscaler.model import AppKey

REPLY_BYTES_MAX = 32 * 1024 * 1024
"""A longer reply (after decompression) is refused: 10,000 workers take about 6 MiB."""

HEADERS: Mapping[str, str] = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": f"everai-worker-autoscaler/{__version__}",
}
BODY_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API, ready to be sent any number of times.

    Attributes:
        operation: its name in metrics and messages. scope: the app or namespace it is about.
        target: path and query after the endpoint's own path, quoted for a URL.
        body: JSON to POST; ``None`` makes it a GET.
    """

    operation: str
    scope: AppKey | str
    target: str
    body: bytes | None = None

    @property
    def changes(self) -> bool:
        """Whether it changes anything on the platform, so that it must not be repeated."""
        return self.body is not None

    def __str__(self) -> str:
        return f"{self.operation} {self.scope}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply. ``sent_at``, ``received_at``: our clock, epoch seconds.

    Headers are to be looked up by their names in lower case. Headers and body are not in its repr,
    since a server may quote the token there.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    sent_at: float
    received_at: float


UNDER_WAY: ContextVar[AppKey | str] = ContextVar("UNDER_WAY")
"""What the call of this task is about, for a transport that is told of requests only."""

MaySend = Callable[[AppKey | str], bool]
"""Asked, once a connection stands and right before the first byte, whether a change may leave;
with the app or namespace it is about."""


def always(_: AppKey | str) -> bool:
    """Let everything leave."""
    return True


def agent(who: str) -> str:
    """Return the ``User-Agent`` of a call; ``who``: which replica sends, empty for the only one."""
    return f"{HEADERS['User-Agent']} ({who})" if who else HEADERS["User-Agent"]


class Way(Protocol):
    """A way to the platform: brings a call there, and the reply back."""

    async def send(self, call: Call, token: Token, limit_s: float, who: str = "") -> Reply:
        """Send a call with a token; return the reply, whatever its status.

        ``who``: what stands behind the program's name in ``User-Agent``.

        Raises:
            NotLeader: it may not leave any more.
            Unreachable: no whole reply came within ``limit_s`` and the other limits.
            MalformedReply: the reply is too large or its encoding is broken.
        """

    async def aclose(self) -> None:
        """Close every connection; a later call raises Unreachable."""
