"""One keep-alive HTTP/1.1 connection that carries one call at a time, and costs next to nothing.

Ten thousand apps are polled over a few dozen of these. A general client spends ten times the CPU
on what a poll never needs: redirects, cookies, streams, a task per timer. The parsing is llhttp's
(through ``httptools``), which refuses what is ambiguous; here are only the rules of use.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import NamedTuple, cast

import httptools

from autoscaler.everai.call import REPLY_BYTES_MAX
from autoscaler.everai.limits import TimeLimits
from autoscaler.model.errors import MalformedReply, PlatformError, Unreachable

HEAD_BYTES_MAX = 64 * 1024
"""A longer head of a reply is refused."""

_KEPT = frozenset({b"date", b"retry-after", b"location", b"content-encoding"})
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_INFLATE_GZIP = 16 + zlib.MAX_WBITS
_SWITCHING, _FINAL = 101, 200


class Heard(NamedTuple):
    """A whole reply as it came: status, the headers that are used (names in lower case), body."""

    status: int
    headers: dict[str, str]
    body: bytes


class StaleError(Exception):
    """The connection turned out to be closed: not a byte of a reply came.

    Attributes:
        sent: whether the request was written to it.
    """

    def __init__(self, *, sent: bool) -> None:
        super().__init__("the connection was closed before a reply came")
        self.sent = sent


class Connection(asyncio.Protocol):
    """Asks, and hears the answer.

    Attributes:
        usable: whether it may carry another call. used: whether it has carried one.
        idle_since: loop time since when it carries none.
        lost: done once the connection is gone.
    """

    def __init__(
        self, limits: TimeLimits, keepalive_s: float, on_idle_end: Callable[[Connection], None]
    ) -> None:
        """Take the time limits, and whom to tell that an idle connection ended."""
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._keepalive_s = keepalive_s
        self._on_idle_end = on_idle_end
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Heard] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = self._limit_s = self._heard_at = 0.0
        self._changes = False
        self.usable = True
        self.used = False
        self.idle_since = self._loop.time()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._begin()

    def _begin(self) -> None:
        """Forget the last reply."""
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._size = self._head_size = 0
        self._framed = self._in_body = self._complete = False
        self._status = 0

    # What the pool calls

    def ask(
        self, head: bytes, body: bytes | None, deadline: float, limit_s: float
    ) -> asyncio.Future[Heard]:
        """Send a request; return what will be the reply, or a PlatformError, or StaleError.

        Args:
            head: the request's head, with the empty line.
            body: of a POST; ``None`` for a GET.
            deadline: loop time by which the whole reply must be here.
            limit_s: what that was in seconds, for the message.
        """
        self._begin()
        self._waiter = waiter = self._loop.create_future()
        self._changes = body is not None
        self._deadline, self._limit_s = deadline, limit_s
        self._heard_at = self._loop.time()
        self._watch(min(self._heard_at + self._limits.read_s, deadline))
        if self._transport is None or not self.usable:
            self._fail(StaleError(sent=False))
        else:
            self._transport.write(head if body is None else head + body)
        return waiter

    def abort(self) -> None:
        """Drop the connection at once; the reply under way, if any, is nobody's."""
        self.usable = False
        self._waiter = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    def close(self, why: str) -> None:
        """End the connection, and the call under way with these words."""
        self._fail(Unreachable(why))

    def rest(self) -> None:
        """Begin to be idle."""
        self.idle_since = self._loop.time()

    # Time: one timer per connection, set anew only when it fires too early

    def _watch(self, due: float) -> None:
        timer = self._timer
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timer = self._loop.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._waiter is None:
            if now >= self.idle_since + self._keepalive_s:
                self._end_idle()
            else:
                self._watch(self.idle_since + self._keepalive_s)
        elif now >= self._deadline:
            self._fail(Unreachable(f"no whole reply within {self._limit_s:.3g} s"))
        elif now >= self._heard_at + self._limits.read_s:
            self._fail(Unreachable(f"connected, but no reply within {self._limits.read_s:g} s"))
        else:
            self._watch(min(self._heard_at + self._limits.read_s, self._deadline))

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's TLS transport is one to write to without saying so
        self._transport = cast("asyncio.Transport", transport)
        self._watch(self.idle_since + self._keepalive_s)

    def data_received(self, data: bytes) -> None:
        """Parse what came; where nothing was asked for, that ends the connection."""
        if self._waiter is None:
            self._end_idle()
            return
        self._heard_at = self._loop.time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.usable = False
            if not self._complete:
                self._fail(Unreachable("the answer is not HTTP"))
                return
        if self._complete:
            self._answer()
        elif self._size > REPLY_BYTES_MAX:
            self._fail(self._too_large())
        elif not self._in_body:
            self._head_size += len(data)
            if self._head_size > HEAD_BYTES_MAX:
                why = f"the reply's head is larger than {HEAD_BYTES_MAX // 1024} KiB"
                self._fail(Unreachable(why))

    def eof_received(self) -> None:
        """Close; a body that only the end of the connection ends is complete now."""
        self._ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what is under way."""
        self._ended(exc)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(None)

    def _ended(self, exc: Exception | None) -> None:
        if self._waiter is None:
            self._end_idle()
        elif self._in_body and not self._framed and exc is None:
            self._complete, self.usable = True, False
            self._status = self._parser.get_status_code()
            self._answer()
        elif self._in_body:
            self._fail(Unreachable("the connection was closed in the middle of the reply"))
        elif self.used and not self._head_size:
            self._fail(StaleError(sent=True))
        elif isinstance(exc, OSError):
            why = exc.strerror or type(exc).__name__
            self._fail(Unreachable(f"the connection broke: {why}"))
        else:
            self._fail(Unreachable("the connection was closed before a reply came"))

    # What the parser calls

    def on_message_begin(self) -> None:
        """A second reply to one request is none of ours."""
        if self._complete:
            self.usable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few headers that are used."""
        name = name.lower()
        if name in _FRAMING:
            self._framed = True
        elif name in _KEPT and not self._complete:
            self._headers[name.decode()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is over."""
        self._in_body = True

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body, as long as there is room."""
        if self._complete:
            return
        self._size += len(part)
        if self._size <= REPLY_BYTES_MAX:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        """The reply is whole; one that is only a beginning (1xx) is passed over."""
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status == _SWITCHING:
            return  # the parser will say so: nobody asked for another protocol
        if status < _FINAL:
            self._begin()
            return
        self._complete, self._status = True, status
        if not self._parser.should_keep_alive():
            self.usable = False

    # The end of a call

    def _answer(self) -> None:
        if self._size > REPLY_BYTES_MAX:
            self._fail(self._too_large())
            return
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        encoding = self._headers.get("content-encoding", "identity").strip().lower()
        if encoding != "identity" and body:
            inflated = _inflated(body) if encoding == "gzip" else None
            if inflated is None:
                why = "the reply's compression is broken"
                self._fail(MalformedReply(why, maybe_applied=self._changes))
                return
            if len(inflated) > REPLY_BYTES_MAX:
                self._fail(self._too_large())
                return
            body = inflated
        heard = Heard(self._status, self._headers, body)
        self._parts = []
        waiter, self._waiter = self._waiter, None
        self.used = True
        if waiter is not None and not waiter.done():
            waiter.set_result(heard)

    def _too_large(self) -> MalformedReply:
        size = f"{REPLY_BYTES_MAX // 2**20} MiB"
        return MalformedReply(f"the reply is larger than {size}", maybe_applied=self._changes)

    def _fail(self, error: PlatformError | StaleError) -> None:
        """End the call with an error, and the connection with it."""
        waiter = self._waiter
        self._parts = []
        self.abort()
        if waiter is None or waiter.done():
            return
        if isinstance(error, Unreachable):
            error.maybe_applied = self._changes
        waiter.set_exception(error)

    def _end_idle(self) -> None:
        if self.usable:
            self.abort()
            self._on_idle_end(self)


def _inflated(body: bytes) -> bytes | None:
    """Return the body without its gzip; ``None`` where it is none. At most one byte too many."""
    inflate = zlib.decompressobj(_INFLATE_GZIP)
    try:
        plain = inflate.decompress(body, REPLY_BYTES_MAX + 1)
    except zlib.error:
        return None
    return plain if inflate.eof or len(plain) > REPLY_BYTES_MAX else None
