"""The section of our own HTTP server: where it listens, and who may do what there."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from autoscaler.settings.sections import FilePath, Section

_LISTEN = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,9})")
_LISTEN_RULE = "must be host:port such as 127.0.0.1:8080 or [::1]:8080; port 0 takes a free one"
_PORT_MAX = 65535
_HOST = re.compile(r"\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
_HOST_RULE = "must be a host name without scheme and port, such as scaler.example.com, or *"


def _listen(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if match is None:
        raise ValueError(_LISTEN_RULE)
    if int(match["port"]) > _PORT_MAX:
        raise ValueError(f"the port must be from 0 to {_PORT_MAX}")
    return value


def _host_name(value: str) -> str:
    if _HOST.fullmatch(value) is None:
        raise ValueError(_HOST_RULE)
    return value.lower()


class ServerSettings(Section):
    """Where status page, API, probes and metrics are served, and to whom."""

    listen: Annotated[str, AfterValidator(_listen)] = Field(
        default="127.0.0.1:8080",
        description="Address and port; port 0 takes a free one. IPv6: [::1]:8080.",
    )
    read_token_file: FilePath | None = Field(
        default=None,
        description="File with the tokens that open reading, one a line, `token` or `name:token`; "
        "read again when it changes. null: reading is open to everybody who reaches the address.",
    )
    action_token_file: FilePath | None = Field(
        default=None,
        description="File with the tokens that may act (pause, resume, override, boost), written "
        "like the read tokens; they open reading too. null: acting over HTTP is off.",
    )
    metrics_need_token: bool = Field(
        default=False,
        description="Whether /metrics needs a read token as well, where `read_token_file` is set. "
        "/livez and /readyz never need one.",
    )
    allowed_hosts: tuple[Annotated[str, AfterValidator(_host_name)], ...] = Field(
        default=(),
        description="Names that requests may address this server by; `*.example.com` takes every "
        "name below it, `*` any. Addresses and localhost always pass. Empty: on a loopback "
        "address only those, elsewhere any name.",
    )

    @model_validator(mode="after")
    def _closed_as_meant(self) -> Self:
        if self.metrics_need_token and self.read_token_file is None:
            raise ValueError("metrics_need_token closes nothing without read_token_file")
        if self.action_token_file is not None and self.action_token_file == self.read_token_file:
            raise ValueError(
                "action_token_file and read_token_file are one file, so whoever reads could act"
            )
        return self

    @property
    def host(self) -> str:
        """Host of ``listen``, without brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Port of ``listen``; 0 means a free one."""
        return int(self.listen.rpartition(":")[2])

    @property
    def names(self) -> tuple[str, ...]:
        """The names in force: those given, else none on a loopback address and any elsewhere."""
        if self.allowed_hosts:
            return self.allowed_hosts
        return () if _is_loopback(self.host) else ("*",)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
