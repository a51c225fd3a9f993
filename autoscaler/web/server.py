"""Serves an ASGI application inside the running event loop, as a part and not as the master.

uvicorn by itself takes over signals and ends the process when a port is taken; both belong to the
program that this server is a part of.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from autoscaler.model.errors import ConfigurationError

GRACE_S = 1
"""Seconds that answers under way get to finish at the end; whole, because uvicorn wants it so."""

STOP_LIMIT_S = 2.0
"""Seconds after which what is left of the server is cut off."""

UNTAKEN_MS = 90_000
"""A connection whose client takes nothing for so long is cut: it holds no place for ever."""

CONNECTIONS_MAX = 512
"""Connections at a time; beyond it uvicorn answers 503."""


DATE_S = 1.0
"""Seconds for which a Date header is used: its own resolution."""

PORT_MAX = 65_535


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, and with a word when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._leave = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        """Renew the Date header until told to leave; uvicorn's own wakes ten times a second."""
        while not self._leave.is_set():
            await self.on_tick(0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leave.wait(), DATE_S)

    def leave(self) -> None:
        """Begin the shutdown."""
        self.should_exit = True
        self._leave.set()

    def cut_connections(self) -> None:
        """Close what is still open, without another word to the clients."""
        for connection in tuple(self.server_state.connections):
            transport = connection.transport
            if isinstance(transport, asyncio.Transport):
                transport.abort()


class WebServer:
    """An HTTP server on one address. Use it as an async context manager, or start and stop it."""

    def __init__(
        self, app: ASGIApp, host: str, port: int, closing: Callable[[], None] | None = None
    ) -> None:
        """Take the application and where to listen; port 0 means any free one.

        ``closing`` is called first at a stop: it ends answers that have no end of their own.
        """
        self._app = app
        self._closing = closing
        self._host = host
        self._port = port
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port in use; before the start, the one asked for."""
        return self._port

    @property
    def url(self) -> str:
        """The address for people and clients, without a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """Listen; return when connections are taken.

        Raises:
            ConfigurationError: the address cannot be listened on.
        """
        listener = self._listen()
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            http="h11",
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([listener]), name="web server")
        up = asyncio.create_task(self._server.up.wait())
        try:
            await asyncio.wait({up, self._task}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.stop()
            raise
        finally:
            up.cancel()
        if self._task.done():
            listener.close()
            await self._task

    async def stop(self) -> None:
        """Stop listening, give answers under way a moment, then cut what is left.

        It takes less than 3 seconds, whatever clients do. Stopping twice does nothing.
        """
        server, task = self._server, self._task
        self._server = self._task = None
        if server is None or task is None:
            return
        if self._closing is not None:
            self._closing()
        server.leave()
        await asyncio.wait({task}, timeout=STOP_LIMIT_S)
        server.cut_connections()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _listen(self) -> socket.socket:
        if not 0 <= self._port <= PORT_MAX:
            raise self._cannot_listen(f"a port is 0 to {PORT_MAX}")
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listener = socket.create_server((self._host, self._port), family=family)
        except OSError as error:
            raise self._cannot_listen(error.strerror or str(error)) from error
        # Connections inherit both. asyncio sets no NODELAY on those of a socket made like this,
        # and then the second half of each answer waits 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if (timeout := getattr(socket, "TCP_USER_TIMEOUT", None)) is not None:
            listener.setsockopt(socket.IPPROTO_TCP, timeout, UNTAKEN_MS)
        return listener

    def _cannot_listen(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            f"Cannot listen on {self.url.removeprefix('http://')}: {why}. "
            "Choose another address in server.listen, or stop the program that holds this one."
        )
