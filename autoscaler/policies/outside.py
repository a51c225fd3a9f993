"""What policies with outside data share: addresses safe to keep, and how answers arrive."""

from __future__ import annotations

from ipaddress import ip_address
from math import isfinite
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from autoscaler.model import NoData, PolicyInput
from autoscaler.policies.params import PolicyParams, PositiveDuration


def _address(url: str) -> str:
    """Check an address. It is never quoted in full: it might hold a password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must be an http:// or https:// address") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("must be an http:// or https:// address")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password; put a bearer token into token_file")
    if parts.fragment or any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError("must not hold a fragment, spaces or control characters")
    return url


Address = Annotated[str, Field(max_length=2000), AfterValidator(_address)]
"""An http or https address without credentials."""


class OutsideParams(PolicyParams):
    """Parameters of every policy that asks a server of its owner."""

    url: Address = Field(description="address of the server, http:// or https://")
    timeout: Annotated[PositiveDuration, Field(le=60.0)] = Field(
        default=5.0, description="time limit of the whole exchange, seconds"
    )
    token_file: str = Field(
        default="", max_length=4096, description="file with a bearer token to send; empty for none"
    )

    @model_validator(mode="after")
    def _check_token(self) -> OutsideParams:
        if self.token_file and self.url.startswith("http:") and not _is_loopback(self.url):
            raise ValueError("a token must not be sent in clear text: use https:// in url")
        return self


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def answer_of(given: PolicyInput, name: str) -> float | NoData:
    """Return what the outside said to the policy of this name, a finite number ≥ 0."""
    value = given.observation.signals.get(name)
    if value is None:
        return NoData("its value was not fetched")
    if isinstance(value, NoData):
        return value
    if not isfinite(value) or value < 0:
        return NoData(f"its value {value:g} is no number of 0 or more")
    return value
