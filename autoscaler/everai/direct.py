"""The straight way to the platform: a pool of our own connections, no proxy between."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Mapping

import aiohappyeyeballs
import httpx

from autoscaler.everai.call import BODY_HEADERS, HEADERS, Call, MaySend, Reply, agent, always
from autoscaler.everai.connection import Connection, Heard, StaleError
from autoscaler.everai.limits import Pool, TimeLimits
from autoscaler.everai.text import safe_text
from autoscaler.everai.token import Token
from autoscaler.model.errors import NotLeader, PlatformError, Unreachable
from autoscaler.ports import Clock

DNS_CACHE_S = 10.0
NEXT_ADDRESS_S = 0.25
"""So long a connection is tried at one address before the next one is tried beside it."""
CLOSE_S = 1.0
_CLOSED = "the client is closed; nothing was sent"


class DirectWay:
    """A :class:`~autoscaler.everai.call.Way` over connections of our own.

    Each call has a connection to itself; the one used last is taken first, so that those not needed
    grow old and are closed. A call that changes something is written once at most; a GET that met a
    kept connection just closed by the other side is asked once more on a new one.
    """

    def __init__(
        self,
        endpoint: httpx.URL,
        context: ssl.SSLContext,
        *,
        limits: TimeLimits,
        pool: Pool,
        clock: Clock,
        may_send: MaySend = always,
    ) -> None:
        """Take the endpoint, the certificates to trust where it is https, and the last word."""
        self._may_send = may_send
        self._host = endpoint.raw_host.decode("ascii")
        self._port = endpoint.port or (443 if endpoint.scheme == "https" else 80)
        self._tls = context if endpoint.scheme == "https" else None
        self._prefix = endpoint.raw_path.decode("ascii").rstrip("/")
        self._limits = limits
        self._pool = pool
        self._clock = clock
        common = {name: value for name, value in HEADERS.items() if name != "User-Agent"}
        self._common = _lines({"Host": endpoint.netloc.decode("ascii"), **common})
        self._posting = _lines(BODY_HEADERS)
        self._idle: deque[Connection] = deque()
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._open: set[Connection] = set()
        self._slots = pool.max_connections
        self._resolved: tuple[float, list[aiohappyeyeballs.AddrInfoType]] = (0.0, [])
        self._closed = False

    async def send(self, call: Call, token: Token, limit_s: float, who: str = "") -> Reply:
        """Send a call with a token; see the protocol."""
        if self._closed:
            raise Unreachable(_CLOSED)
        sent_at = self._clock.now()
        deadline = asyncio.get_running_loop().time() + limit_s
        try:
            heard = await self._asked(call, token, who, deadline, limit_s, fresh=False)
        except StaleError as error:
            stale = error
        else:
            return Reply(*heard, sent_at, self._clock.now())
        if call.changes and stale.sent:
            raise Unreachable(str(stale), maybe_applied=True)
        try:
            heard = await self._asked(call, token, who, deadline, limit_s, fresh=True)
        except StaleError as error:
            stale = error
        else:
            return Reply(*heard, sent_at, self._clock.now())
        raise Unreachable(str(stale), maybe_applied=call.changes and stale.sent)

    async def aclose(self) -> None:
        """Close every connection, and see them gone."""
        self._closed = True
        connections = tuple(self._open)
        for connection in connections:
            connection.close("the client was closed meanwhile")
        self._idle.clear()
        if connections:
            await asyncio.wait([each.lost for each in connections], timeout=CLOSE_S)

    async def _asked(
        self, call: Call, token: Token, who: str, deadline: float, limit_s: float, *, fresh: bool
    ) -> Heard:
        connection = self._rested() if not fresh else None
        if connection is None:
            connection = await self._connected(deadline, fresh=fresh)
        try:
            return await self._ask(connection, call, token, who, deadline, limit_s)
        except BaseException:
            connection.abort()
            raise
        finally:
            self._release(connection)

    def _ask(
        self,
        connection: Connection,
        call: Call,
        token: Token,
        who: str,
        deadline: float,
        limit_s: float,
    ) -> asyncio.Future[Heard]:
        """Write the request. What holds the token ends here, and is in no traceback.

        A connection can take seconds to come about, and a process can be frozen meanwhile: whether
        a change may leave is asked right before it does.
        """
        if call.changes and not self._may_send(call.scope):
            raise NotLeader("not sent: this replica ceased to lead while it was connecting")
        method, more = "GET", ""
        if call.body is not None:
            method, more = "POST", f"{self._posting}Content-Length: {len(call.body)}\r\n"
        head = (
            f"{method} {self._prefix}{call.target} HTTP/1.1\r\n{self._common}{more}"
            f"User-Agent: {agent(who)}\r\n"
            f"Authorization: Bearer {token.value}\r\n\r\n"
        )
        return connection.ask(head.encode("ascii"), call.body, deadline, limit_s)

    # Connections, and whose turn it is

    def _rested(self) -> Connection | None:
        """Return an idle connection that is still good, the one used last."""
        oldest = asyncio.get_running_loop().time() - self._pool.keepalive_s
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.idle_since > oldest:
                return connection
            self._drop(connection)
        return None

    async def _connected(self, deadline: float, *, fresh: bool) -> Connection:
        """Return a new connection, or one handed over, within the time for connecting.

        Raises:
            Unreachable: there is none in that time; nothing was sent.
        """
        loop = asyncio.get_running_loop()
        by = min(loop.time() + self._limits.connect_s, deadline)
        try:
            async with asyncio.timeout_at(by):
                return await self._turn(fresh=fresh)
        except TimeoutError:
            limit_s = self._limits.connect_s
        raise Unreachable(f"no connection within {limit_s:g} s")

    async def _turn(self, *, fresh: bool) -> Connection:
        if fresh and not self._slots and self._idle:
            # Kept ones are suspect: one of them makes room.
            self._drop(self._idle.popleft())
        if self._slots:
            self._slots -= 1
            return await self._dialled()
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            handed = await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self._pass_on(waiter.result())
            raise
        return handed if handed is not None else await self._dialled()

    async def _dialled(self) -> Connection:
        """Return a new connection in the slot that the caller took; failing frees the slot."""
        try:
            connection = await self._dial()
        except BaseException:
            self._pass_on(None)
            raise
        self._open.add(connection)
        if self._closed:
            self._drop(connection)
            raise Unreachable(_CLOSED)
        return connection

    def _release(self, connection: Connection) -> None:
        """Take a connection back after a call."""
        if connection.usable and not self._closed:
            connection.rest()
            self._pass_on(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        connection.abort()
        self._open.discard(connection)
        self._pass_on(None)

    def _pass_on(self, connection: Connection | None) -> None:
        """Give a connection, or a free slot, to whoever waits longest, else keep it."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is None:
            self._slots += 1
        else:
            self._idle.append(connection)

    def _idle_ended(self, connection: Connection) -> None:
        """An idle connection was closed by the other side, or grew old."""
        if connection in self._idle:
            self._idle.remove(connection)
            self._drop(connection)

    # Making a connection

    async def _dial(self) -> Connection:
        """Connect, TLS included; every error of it means that nothing was sent."""
        where = f"{self._host}:{self._port}"
        try:
            return await self._connect()
        except ssl.CertificateError as error:
            why = (
                f"the TLS certificate of {where} is not trusted ({safe_text(str(error))}). If a "
                "private authority issued it, name that authority's file in everai.ca_bundle."
            )
        except socket.gaierror as error:
            why = f"the host name of {where} cannot be resolved ({error.strerror})"
        except TimeoutError:
            raise  # our own limit
        except OSError as error:
            reason = error.strerror or type(error).__name__
            why = f"cannot connect to {where} ({safe_text(reason)})"
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            why = f"cannot connect to {where} ({type(error).__name__})"
        problem: PlatformError = Unreachable(why)
        raise problem

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        sock = await aiohappyeyeballs.start_connection(
            await self._addresses(), happy_eyeballs_delay=NEXT_ADDRESS_S
        )
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self._limits, self._pool.keepalive_s, self._idle_ended),
                sock=sock,
                ssl=self._tls,
                server_hostname=self._host if self._tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return connection

    async def _addresses(self) -> list[aiohappyeyeballs.AddrInfoType]:
        loop = asyncio.get_running_loop()
        until, found = self._resolved
        if loop.time() >= until:
            found = list(await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
            self._resolved = (loop.time() + DNS_CACHE_S, found)
        return found


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
