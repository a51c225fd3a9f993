"""One call from token to reply: the token, the 401 rule, and retries of reads."""

from __future__ import annotations

import random  # noqa: TID251 - for the type of the injected generator only
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autoscaler.everai.call import Call, Reply, Way
from autoscaler.everai.limits import TimeLimits
from autoscaler.everai.statuses import error_for
from autoscaler.everai.token import Token, TokenSource
from autoscaler.model import AppKey
from autoscaler.model.errors import (
    PlatformError,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)
from autoscaler.ports import Clock

OnCall = Callable[[str, str, float], None]
"""Called after every HTTP request with operation, code (HTTP status or error name), seconds."""

Signature = Callable[[AppKey | str], str]
"""Returns who sends, for ``User-Agent``, what is about an app or a namespace; empty for nobody in
particular."""

DENIED_PAUSE_S = 60.0
"""After a 401 the same call with the same token goes out again no sooner than this."""

_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class _Denial:
    """A token that the platform refused for a call, and when (our clock, epoch seconds)."""

    token: Token
    at: float


class Caller:
    """Carries calls out. See the client for the meaning of the arguments."""

    def __init__(
        self,
        way: Way,
        *,
        tokens: TokenSource,
        app_tokens: Mapping[AppKey, TokenSource],
        limits: TimeLimits,
        clock: Clock,
        rng: random.Random,
        on_call: OnCall,
        signature: Signature,
    ) -> None:
        self._way = way
        self._tokens = tokens
        self._app_tokens = app_tokens
        self._limits = limits
        self._clock = clock
        self._rng = rng
        self._on_call = on_call
        self._signature = signature
        self._denials: dict[AppKey | str, _Denial] = {}

    async def perform(self, call: Call) -> tuple[Reply, Token]:
        """Return the 2xx reply to a call, and the token it was sent with.

        A read is tried again after passing trouble, as long as its budget lasts; a call that
        changes something is sent once (a 401 was refused, so a new token may send it again).

        Raises:
            PlatformError: as sorted in ``autoscaler.model.errors``.
        """
        if call.changes:
            return await self._authorised(call, self._limits.total_s)
        deadline = self._clock.now() + self._limits.budget_s
        attempt = 0
        while True:
            left_s = deadline - self._clock.now()
            try:
                return await self._authorised(call, min(self._limits.total_s, left_s))
            except (Unreachable, ServerFault, Throttled) as error:
                attempt += 1
                pause_s = self._pause_s(attempt, error.retry_after_s)
                if attempt >= self._limits.attempts or self._clock.now() + pause_s >= deadline:
                    raise
            await self._clock.sleep(pause_s)

    def _pause_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Return how long to wait: capped exponential backoff with full jitter.

        What the platform asks for comes first; the jitter is then added, so that many clients
        told the same time do not come back at once.
        """
        ceiling = self._limits.backoff_s * 2.0 ** (attempt - 1)
        jitter_s = self._rng.uniform(0.0, min(ceiling, self._limits.backoff_ceiling_s))
        return jitter_s + (retry_after_s or 0.0)

    async def _authorised(self, call: Call, limit_s: float) -> tuple[Reply, Token]:
        """Send a call; after a 401 look for a new token, and send it again at once with that."""
        source = self._source(call)
        started = self._clock.now()
        token = source.token(started)
        self._refuse_denied(call, token)
        reply = await self._send(call, token, limit_s)
        if reply.status == _UNAUTHORIZED:
            fresh = source.read_again(self._clock.now())
            left_s = limit_s - (self._clock.now() - started)
            if fresh != token and left_s > 0:
                token = fresh
                reply = await self._send(call, token, left_s)
        self._remember(call, token, reply)
        if reply.status // 100 != 2:  # noqa: PLR2004 - the class of good statuses
            raise error_for(reply, str(call), token, changes=call.changes)
        return reply, token

    def _source(self, call: Call) -> TokenSource:
        if isinstance(call.scope, AppKey):
            return self._app_tokens.get(call.scope, self._tokens)
        return self._tokens

    def _refuse_denied(self, call: Call, token: Token) -> None:
        """Raise Unauthorized, without a request, while a refusal of this token is fresh.

        Kept per app, so that a platform that refuses one app leaves the others alone.
        """
        denial = self._denials.get(call.scope)
        if denial is None or denial.token != token:
            return
        wait_s = denial.at + DENIED_PAUSE_S - self._clock.now()
        if wait_s > 0:
            raise Unauthorized(
                f"{call}: the token ({token.origin}) was refused (401) a short while ago. Put a "
                f"good one there; a changed token is tried at once, this one in {wait_s:.0f} s.",
                status=_UNAUTHORIZED,
            )

    def _remember(self, call: Call, token: Token, reply: Reply) -> None:
        if reply.status == _UNAUTHORIZED:
            self._denials[call.scope] = _Denial(token, reply.received_at)
        else:
            self._denials.pop(call.scope, None)

    async def _send(self, call: Call, token: Token, limit_s: float) -> Reply:
        """Send one HTTP request and report it, however it ends."""
        started = self._clock.now()
        try:
            reply = await self._way.send(call, token, limit_s, self._signature(call.scope))
        except PlatformError as error:
            self._on_call(call.operation, type(error).__name__, self._clock.now() - started)
            error.args = (f"{call}: {error}",)
            raise
        self._on_call(call.operation, str(reply.status), self._clock.now() - started)
        return reply
