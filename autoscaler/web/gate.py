"""Who may ask at all: the name a request is addressed to, and the token that opens reading.

Everything passes here but what the probes ask, so that an address added tomorrow is closed too.
A page of another site cannot read ours: without CORS headers a browser keeps answers from it, and
the check of names keeps it from making its own name mean our address (DNS rebinding).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from autoscaler.ports.clock import Clock
from autoscaler.web.limits import Allowance, RateLimit, caller_of
from autoscaler.web.problems import Problem, problem
from autoscaler.web.responses import wants_page
from autoscaler.web.tokens import TokenFile, TokensUnusable

ALWAYS_OPEN = frozenset({"/livez", "/readyz"})
PAGE = "/page/"
"""The page's own files are the same for everybody; a browser has no token until they ask for it."""
METRICS = "/metrics"
WRONG_TOKENS = Allowance(burst=10, per_minute=10)
"""Wrong tokens that one address may send before it is told to wait. A right one always passes:
nobody who shares an address with others (a proxy's, say) can lock them out."""

_BEARER = re.compile(r"[Bb]earer +(?P<token>[\x21-\x7e]{1,4096}) *")
_HOST = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<name>[^:\[\]]*))(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Access:
    """What the settings say of access; ``None`` for a kind of token that is not configured."""

    read: TokenFile | None = None
    action: TokenFile | None = None
    metrics_need_token: bool = False
    names: tuple[str, ...] = ("*",)


class Doorkeeper:
    """Knows tokens and counts wrong ones; one per server."""

    def __init__(self, access: Access, clock: Clock, *, wrong: Allowance = WRONG_TOKENS) -> None:
        """Take the settings; ``wrong``: how many wrong tokens an address may send."""
        self.access = access
        self._wrong = RateLimit(wrong, clock)

    def may_read(self, request: Request) -> None:
        """Let pass, or raise the :class:`Problem` that says why not."""
        if self.access.read is not None:
            self._holder(request, (self.access.read, self.access.action))

    def actor(self, request: Request) -> str:
        """Return the name of whoever acts, or raise the :class:`Problem` that says why nobody."""
        if self.access.action is None:
            raise Problem(
                403,
                "Acting over HTTP is off. Put a token into a file (one a line, name:token) and name"
                " it in server.action_token_file to turn it on.",
            )
        return self._holder(request, (self.access.action,))

    def takes_name(self, host: str) -> bool:
        """Whether a ``Host`` header names this server."""
        return names_us(host, self.access.names)

    def _holder(self, request: Request, files: Sequence[TokenFile | None]) -> str:
        token = bearer(request)
        if token is None:
            raise _unauthorized("A token is needed: send it as Authorization: Bearer ….")
        unusable = None
        for file in files:
            try:
                holder = None if file is None else file.holder(token)
            except TokensUnusable:
                unusable = file
                continue
            if holder is not None:
                return holder
        if unusable is not None:
            raise Problem(
                503, "A token file of this program cannot be used; its log says which and why."
            )
        raise self._wrong_token(request)

    def _wrong_token(self, request: Request) -> Problem:
        client = request.client
        wait_s = self._wrong.take(caller_of(client.host if client else None))
        if wait_s > 0:
            return too_many("Too many wrong tokens from your address", wait_s)
        return _unauthorized("The token is not one of this server's.", ', error="invalid_token"')


class Gate:
    """Middleware that turns away what may not read."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper) -> None:
        self._app = app
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer with the problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            self._check(request)
        except Problem as error:
            answer = problem(
                error.status_code, error.detail, request.url.path, error.headers, error.errors
            )
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, request: Request) -> None:
        path = request.scope["path"]
        if path in ALWAYS_OPEN:
            return
        host = request.headers.get("host", "")
        if not self._doorkeeper.takes_name(host):
            raise Problem(
                421,
                "This server does not answer to the name in the Host header. Use its address, or "
                "add the name to server.allowed_hosts.",
            )
        accept = request.headers.get("accept", "")
        if path.startswith(PAGE) or (path == "/" and wants_page(accept)):
            return
        if path == METRICS and not self._doorkeeper.access.metrics_need_token:
            return
        self._doorkeeper.may_read(request)


def bearer(request: Request) -> str | None:
    """Return the token of an ``Authorization: Bearer`` header; ``None`` where there is none."""
    match = _BEARER.fullmatch(request.headers.get("authorization", ""))
    return None if match is None else match["token"]


def names_us(host: str, names: Sequence[str]) -> bool:
    """Whether a ``Host`` (or an origin's host) is an address, localhost, or one of the names.

    An address cannot be rebound: whoever's page it is, it came from that very address. No header
    at all is no browser's.
    """
    if not host or "*" in names:
        return True
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = (match["v6"] or match["name"] or "").lower().rstrip(".")
    return _is_address(name) or name == "localhost" or any(_covers(each, name) for each in names)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _covers(allowed: str, name: str) -> bool:
    if allowed.startswith("*."):
        return name.endswith(allowed[1:]) and len(name) > len(allowed) - 1
    return name == allowed


def too_many(what: str, wait_s: float) -> Problem:
    """Return the problem of somebody who is too quick."""
    seconds = max(1, int(wait_s + 0.999))
    return Problem(429, f"{what}; try again in {seconds} s.", headers={"Retry-After": str(seconds)})


def _unauthorized(detail: str, more: str = "") -> Problem:
    challenge = f'Bearer realm="autoscaler"{more}'
    return Problem(401, detail, headers={"WWW-Authenticate": challenge})
