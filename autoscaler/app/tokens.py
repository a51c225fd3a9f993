"""Tokens as the daemon uses them: each one is known to the log's redaction before it is sent."""

from __future__ import annotations

from autoscaler.everai import Token, TokenSource
from autoscaler.telemetry import redact


class RedactedTokens(TokenSource):
    """A source whose tokens are cut out of everything that is logged."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self._known = ""

    @property
    def origin(self) -> str:
        """Where the token is from."""
        return self._source.origin

    def token(self, now: float) -> Token:
        """Return the token in force."""
        return self._noted(self._source.token(now))

    def read_again(self, now: float) -> Token:
        """Return the token after looking anew."""
        return self._noted(self._source.read_again(now))

    def _noted(self, token: Token) -> Token:
        if token.value != self._known:
            redact(token.value)
            self._known = token.value
        return token
