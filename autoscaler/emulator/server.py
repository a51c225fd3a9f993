"""The thin HTTP face: reads a request, lets the handler answer, and plays the answer on the socket.

aiohttp, because it lets a reply be broken off and a connection be reset for real.
"""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from autoscaler.emulator.faults import Reply
from autoscaler.emulator.handler import Handler

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST, not FIN


class Server:
    """Serves a handler on a TCP port.

    Attributes:
        port: the port it listens on, once started.
    """

    def __init__(self, handler: Handler, *, speed: float) -> None:
        self._handler = handler
        self._speed = speed
        self._runner: web.ServerRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one.

        Raises:
            OSError: the address cannot be listened on.
        """
        self._runner = web.ServerRunner(
            web.Server(self._answer, access_log=None),
            handler_cancellation=True,
            shutdown_timeout=0.5,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError:
            await self.stop()
            raise
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and drop every connection, hanging ones included."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = self._handler.handle(request.method, request.path, request.query, headers, body)
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s / self._speed)
        return await self._play(request, reply)

    async def _play(self, request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        match reply.then:
            case "hang":
                await asyncio.Event().wait()
            case "reset":
                _reset(request)
            case "truncate":
                return await _truncate(request, reply)
        return web.Response(status=reply.status or 500, body=reply.body, headers=reply.headers)


def _reset(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


async def _truncate(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Promise the whole body, send half of it, and close."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    await response.write(reply.body[: len(reply.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
