"""The EverAI platform over HTTP, as the port ``Platform`` wants it."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - for the type of the injected generator only
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec

from autoscaler.everai.call import Call, MaySend, Reply, Way, always
from autoscaler.everai.caller import Caller, OnCall, Signature
from autoscaler.everai.direct import DirectWay
from autoscaler.everai.limits import Pool, TimeLimits
from autoscaler.everai.route import proxy_for, tls_context
from autoscaler.everai.statuses import http_date
from autoscaler.everai.text import excerpt, hide
from autoscaler.everai.token import TokenSource
from autoscaler.everai.unchanged import LastLists
from autoscaler.everai.wire import (
    OpenedList,
    decode_object,
    decode_queue,
    decode_scale_up,
)
from autoscaler.everai.wire_apps import decode_app, decode_apps
from autoscaler.model import AppInfo, AppKey, Observation, QueuedRequest
from autoscaler.model.errors import ConfigurationError, MalformedReply, Rejected
from autoscaler.ports import Clock

_T = TypeVar("_T")

ROWS_AT_ONCE = 200
"""Workers of a list that are read, or decided upon, at a time: half a millisecond's work."""
_NO_APP_TOKENS: Mapping[AppKey, TokenSource] = MappingProxyType({})
_DOTS = frozenset({"", ".", ".."})
_UNQUOTED = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
"""What stands in a URL as it is: the rule for nearly every name, five times as fast as quoting."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A list that must be read: it says something new."""

    opened: OpenedList
    digest: bytes
    reply: Reply
    platform_now: float


def _unreported(operation: str, code: str, duration_s: float) -> None:
    """Take a report of a call and do nothing."""


def _unsigned(_: AppKey | str) -> str:
    """Add nothing to the name of the program."""
    return ""


def parse_endpoint(text: str) -> httpx.URL:
    """Return the base URL of the API.

    Raises:
        ConfigurationError: it is no http or https URL, or has a user, a query or a fragment.
    """
    what = "an endpoint is an http:// or https:// URL such as https://everai.expvent.com"
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, ValueError):
        raise ConfigurationError(f"everai.endpoint {text!r} is no URL; {what}") from None
    if url.userinfo:
        raise ConfigurationError(f"everai.endpoint must hold no user or password; {what}")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(f"everai.endpoint {text!r} has no scheme and host; {what}")
    if url.query or url.fragment:
        raise ConfigurationError(f"everai.endpoint {text!r} has a query or a fragment; {what}")
    return url.copy_with(path=url.path.rstrip("/") or "/")


class EverAIClient:
    """Implements :class:`autoscaler.ports.Platform` over HTTP.

    Use it as an async context manager, or close it with :meth:`aclose`.

    Args:
        endpoint: base URL; a path prefix is allowed.
        tokens: gives the token. app_tokens: another source for single apps; looked up at each
            call, so the mapping may change while the client lives.
        clock, rng: time, and randomness for the jitter of retries.
        on_call: told of every HTTP request (operation, code, seconds).
        signature: what stands behind the program's name in ``User-Agent``, at each call;
            told which app (or namespace) it is about.
        may_send: asked, with the app, right before the first byte of a call that changes it.
        limits, pool: time limits, and how many connections.
        ca_bundle: certificates to trust instead of the public ones.
        transport: another way to the platform, such as an in-process emulator; ``ca_bundle``,
            ``pool``, ``may_send`` and the proxies of the environment then play no part.

    Raises:
        ConfigurationError: endpoint, certificates or proxy cannot be used.
    """

    def __init__(
        self,
        endpoint: str,
        tokens: TokenSource,
        *,
        clock: Clock,
        rng: random.Random,
        on_call: OnCall = _unreported,
        signature: Signature = _unsigned,
        may_send: MaySend = always,
        app_tokens: Mapping[AppKey, TokenSource] = _NO_APP_TOKENS,
        limits: TimeLimits | None = None,
        pool: Pool | None = None,
        ca_bundle: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        url = parse_endpoint(endpoint)
        limits = limits or TimeLimits()
        pool = pool or Pool()
        self._base = str(url).rstrip("/")
        self._last = LastLists()
        self._way: Way
        if transport is None and proxy_for(url) is None:
            context = tls_context(ca_bundle)
            self._way = DirectWay(
                url, context, limits=limits, pool=pool, clock=clock, may_send=may_send
            )
        else:
            # Loads aiohttp, 4 MiB and a tenth of a second, which the direct way does without.
            from autoscaler.everai.exchange import Exchange  # noqa: PLC0415
            from autoscaler.everai.transport import make_transport  # noqa: PLC0415

            transport = transport or make_transport(
                url, ca_bundle=ca_bundle, pool=pool, may_send=may_send
            )
            self._way = Exchange(self._base, transport, limits, clock)
        self._caller = Caller(
            self._way,
            tokens=tokens,
            app_tokens=app_tokens,
            limits=limits,
            clock=clock,
            rng=rng,
            on_call=on_call,
            signature=signature,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._way.aclose()

    def __repr__(self) -> str:
        return f"EverAIClient({self._base})"

    async def list_workers(
        self, app: AppKey, *, show_all: bool = False, recent_days: int | None = None
    ) -> Observation:
        """Return the app's workers and queue size; see the port."""
        query = {} if not show_all else {"showAll": "true"}
        if recent_days is not None:
            query["recentDays"] = str(recent_days)
        call = self._app_call("list_workers", app, "/workers", query=query)

        look = await self._perform(call, lambda reply: self._open(app, reply, show_all=show_all))
        if not isinstance(look, Observation):
            for _ in look.opened.rows.in_parts(ROWS_AT_ONCE):
                await asyncio.sleep(0)
            look = self._keep(app, look, show_all=show_all)
        if len(look.workers) > ROWS_AT_ONCE:
            # What is made of it takes as long again: others come first.
            await asyncio.sleep(0)
        return look

    def _open(self, app: AppKey, reply: Reply, *, show_all: bool) -> Observation | _Look:
        """Return the observation where a list is the last one's bytes again, else open it."""
        platform_now = http_date(reply.headers, "date") or reply.received_at
        digest = self._last.digest(reply.body)
        known = self._last.same(
            app,
            digest,
            requested_at=reply.sent_at,
            received_at=reply.received_at,
            platform_now=platform_now,
            show_all=show_all,
        )
        return known or _Look(OpenedList(reply.body), digest, reply, platform_now)

    def _keep(self, app: AppKey, look: _Look, *, show_all: bool) -> Observation:
        observation = look.opened.observation(
            app,
            requested_at=look.reply.sent_at,
            received_at=look.reply.received_at,
            platform_now=look.platform_now,
            show_all=show_all,
        )
        self._last.keep(look.digest, observation)
        return observation

    async def scale_up(self, app: AppKey, count: int) -> tuple[str, ...]:
        """Order ``count`` (≥ 1) workers; see the port."""
        if count < 1:
            raise Rejected(f"scale_up {app}: {count} workers cannot be ordered; nothing was sent")
        body = {"scaleUpWorkersNum": str(count)}
        call = self._app_call("scale_up", app, "/workers:scale-up", body=body)
        return await self._perform(call, lambda reply: decode_scale_up(reply.body))

    async def scale_down(self, app: AppKey, worker_ids: tuple[str, ...]) -> None:
        """Remove these workers, each id once; see the port."""
        ids = list(dict.fromkeys(worker_ids))
        if not all(ids):
            raise Rejected(f"scale_down {app}: a worker id is empty; nothing was sent")
        if not ids:
            raise Rejected(f"scale_down {app}: no worker is named; nothing was sent")
        body = {"scaleDownWorkersNum": str(len(ids)), "workerIds": ids}
        call = self._app_call("scale_down", app, "/workers:scale-down", body=body)
        await self._perform(call, lambda reply: decode_object(reply.body))

    async def request_queue(self, app: AppKey) -> tuple[QueuedRequest, ...]:
        """Return the waiting requests; see the port."""
        call = self._app_call("request_queue", app, "/request_queues")
        return await self._perform(call, lambda reply: decode_queue(reply.body))

    async def get_app(self, app: AppKey) -> AppInfo:
        """Return the app's manifest facts and status; see the port."""
        call = self._app_call("get_app", app, "")
        return await self._perform(call, lambda reply: decode_app(reply.body, app))

    async def list_apps(self, namespace: str | None = None) -> tuple[AppInfo, ...]:
        """Return the apps of a namespace, or of all; see the port."""
        path = "" if namespace is None else f"/namespaces/{_segment(namespace)}"
        call = Call("list_apps", namespace or "all namespaces", f"/api/apps/v1{path}/apps")
        return await self._perform(call, lambda reply: decode_apps(reply.body, namespace))

    def _app_call(
        self,
        operation: str,
        app: AppKey,
        tail: str,
        *,
        query: Mapping[str, str] = MappingProxyType({}),
        body: object = None,
    ) -> Call:
        asked = f"?{urlencode(query)}" if query else ""
        return Call(
            operation,
            app,
            f"{_app_path(app)}{tail}{asked}",
            None if body is None else msgspec.json.encode(body),
        )

    async def _perform(self, call: Call, decode: Callable[[Reply], _T]) -> _T:
        """Carry a call out and decode its reply; a bad reply is quoted, the token hidden."""
        reply, token = await self._caller.perform(call)
        try:
            return decode(reply)
        except MalformedReply as error:
            why = hide(str(error), token.value)
        begins = excerpt(reply.body, token.value)
        raise MalformedReply(
            f"{call}: {why}; it begins: {begins}" if begins else f"{call}: {why}; it is empty",
            maybe_applied=call.changes,
            status=reply.status,
        )


def _app_path(app: AppKey) -> str:
    """Return an app's path, quoted.

    Raises:
        Rejected: a name would change the path's meaning.
    """
    return f"/api/apps/v1/namespaces/{_segment(app.namespace)}/apps/{_segment(app.name)}"


def _segment(text: str) -> str:
    """Return a name quoted for a URL's path.

    Raises:
        Rejected: it would change the path's meaning (empty, ``.`` or ``..``).
    """
    if text in _DOTS:
        raise Rejected(f"{text!r} cannot be the name of an app or namespace; nothing was sent")
    return text if _UNQUOTED(text) else quote(text, safe="")
