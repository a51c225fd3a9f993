"""Fetches every signal of a pass at once; a failure is NoData with a reason, never an error."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx

from autoscaler.model import (
    NoData,
    Observation,
    PrometheusQuery,
    SignalRequest,
    WebhookCall,
)
from autoscaler.signals import prometheus, webhook
from autoscaler.signals.exchange import SignalError

_CONNECTIONS = 100
_KEEPALIVE = 20


class SignalFetcher:
    """The port ``Signals`` over HTTP. Certificates are verified, redirects are not followed."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Take a transport in place of the real network's."""
        limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_KEEPALIVE)
        # Time is limited per exchange as a whole, see exchange().
        self._client = httpx.AsyncClient(transport=transport, limits=limits, timeout=None)  # noqa: S113

    async def fetch(
        self, requests: tuple[SignalRequest, ...], observation: Observation
    ) -> Mapping[str, float | NoData]:
        """Return one answer per request, by its name."""
        answers = await asyncio.gather(*(self._one(each, observation) for each in requests))
        return {request.name: answer for request, answer in zip(requests, answers, strict=True)}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _one(self, request: SignalRequest, observation: Observation) -> float | NoData:
        try:
            match request:
                case PrometheusQuery():
                    return await prometheus.query(self._client, request)
                case WebhookCall():
                    return await webhook.call(self._client, request, observation)
                case _:
                    return NoData(f"no way to fetch a {type(request).__name__}")
        except SignalError as error:
            return NoData(str(error))
