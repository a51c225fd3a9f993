"""Numbers from outside the platform, as control sees whoever fetches them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from autoscaler.model import NoData, Observation, SignalRequest


class Signals(Protocol):
    """Fetches what policies want to know."""

    async def fetch(
        self, requests: tuple[SignalRequest, ...], observation: Observation
    ) -> Mapping[str, float | NoData]:
        """Return one answer per request, by its name; NoData, never an error, where it failed.

        ``observation`` is the look that the answers will belong to. It takes no longer than the
        longest time limit among the requests.
        """


class NoSignals:
    """Answers NoData to everything: for a program without a way out, such as a simulation."""

    async def fetch(
        self,
        requests: tuple[SignalRequest, ...],
        observation: Observation,  # noqa: ARG002 - the protocol's
    ) -> Mapping[str, float | NoData]:
        """Say for every request that nothing is fetched here."""
        return {request.name: NoData("nothing is fetched here") for request in requests}
