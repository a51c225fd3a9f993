"""What a policy wants to know from outside the platform, as values; fetching is not its affair."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignalRequest:
    """One number to fetch.

    Attributes:
        name: the policy that wants it; the answer arrives in ``Observation.signals`` under it.
        url: http or https address, without credentials.
        timeout_s: seconds for the whole exchange.
        token_file: file with a bearer token to send along; empty for none.
    """

    name: str
    url: str
    timeout_s: float
    token_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusQuery(SignalRequest):
    """The value of a PromQL expression, asked of the server at ``url`` (its base address)."""

    query: str


@dataclass(frozen=True, slots=True)
class WebhookCall(SignalRequest):
    """The number that a web service answers when the observation is posted to it."""
