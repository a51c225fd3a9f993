"""The sections of a configuration that concern the daemon as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from autoscaler.policies import PositiveDuration

DATABASES = ("postgresql", "postgresql+psycopg")
"""Schemes of a database's address."""
MAX_WORKERS = 100_000
"""Upper bound of every number of workers: larger ones are typing errors."""


def refuse_bool(value: object) -> object:
    """Pass everything on but booleans, which pydantic would take for 0 and 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 - pydantic's way
    return value


def _home(path: Path) -> Path:
    """Expand a leading ``~``."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("'~' cannot be expanded: there is no home directory") from None


Workers = Annotated[int, Field(ge=0, le=MAX_WORKERS), BeforeValidator(refuse_bool)]
"""A number of workers."""

FilePath = Annotated[Path, AfterValidator(_home)]
"""A path; a leading ``~`` is the home directory, a relative one starts at the working directory."""


class Section(BaseModel):
    """Base of every section: frozen, unknown keys refused, ``key:`` with nothing after it is ok."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


def _endpoint(value: str) -> str:
    """Check the address of the platform; errors never repeat it, it could hold a password."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an address such as https://everai.expvent.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or password; put the token into everai.token_file")
    if parts.query or parts.fragment:
        raise ValueError("must not have a query (?) or a fragment (#)")
    return value.rstrip("/")


class EveraiSettings(Section):
    """How to reach the platform. The token itself is never part of the settings."""

    endpoint: Annotated[str, AfterValidator(_endpoint)] = Field(
        default="https://everai.expvent.com",
        description="Base address of the EverAI API. EVERAI_ENDPOINT sets it too.",
    )
    token_file: FilePath | None = Field(
        default=None,
        description="File with the API token, read again when it changes. Without it the token "
        "comes from EVERAI_TOKEN, else from the platform CLI's own token file.",
    )
    ca_bundle: FilePath | None = Field(
        default=None, description="File with certificates to trust instead of the system's."
    )
    connect_timeout: PositiveDuration = Field(
        default=5.0, description="Longest wait for a connection."
    )
    read_timeout: PositiveDuration = Field(
        default=10.0, description="Longest silence while a reply is awaited."
    )
    total_timeout: PositiveDuration = Field(
        default=15.0, description="Longest time for one request as a whole."
    )
    max_connections: Annotated[int, Field(ge=1, le=10_000), BeforeValidator(refuse_bool)] = Field(
        default=64, description="Connections open at the same time."
    )
    requests_per_second: (
        Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(refuse_bool)] | None
    ) = Field(
        default=None, description="Budget of requests per second over all apps; null for none."
    )
    concurrency: Annotated[int, Field(ge=1, le=10_000), BeforeValidator(refuse_bool)] = Field(
        default=64, description="Apps handled at the same time."
    )


def _database(value: SecretStr) -> SecretStr:
    """Check the address of a database; errors never repeat it, it may hold a password."""
    try:
        parts = urlsplit(value.get_secret_value())
        usable = parts.scheme in DATABASES and bool(parts.path.strip("/"))
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an address such as postgresql://user:password@host/name")
    return value


class StateSettings(Section):
    """Where the daemon keeps what it must not forget over a restart."""

    path: FilePath | None = Field(
        default=None,
        description="SQLite file with open orders, windows and cooldowns; null keeps them in "
        "memory only, and a restart then waits before it acts.",
        json_schema_extra={
            "default": "$XDG_STATE_HOME/autoscaler/state.db, "
            "else ~/.local/state/autoscaler/state.db"
        },
    )
    url: Annotated[SecretStr, AfterValidator(_database)] | None = Field(
        default=None,
        description="PostgreSQL database that all replicas share instead of the file, such as "
        "postgresql://user:password@host/name. It is a secret: better put it into url_file.",
    )
    url_file: FilePath | None = Field(
        default=None, description="File with the address of that database."
    )

    @property
    def shared(self) -> bool:
        """Whether replicas share a database."""
        return self.url is not None or self.url_file is not None


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class LogSettings(Section):
    """What is logged, and how."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(
            _lower, json_schema_input_type=Literal["debug", "info", "warning", "error"]
        ),
    ] = Field(default="info", description="Least severe level that is logged.")
    format: Literal["auto", "json", "console"] = Field(
        default="auto",
        description="json: one object a line; console: for people; "
        "auto: console on a terminal, else json.",
    )


class FleetSettings(Section):
    """Ceilings over all apps together."""

    max_workers: Workers | None = Field(
        default=None, description="Most workers over all apps; null for no ceiling."
    )
    max_price_per_hour: (
        Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(refuse_bool)] | None
    ) = Field(
        default=None,
        description="Most money per hour over all apps, in the platform's currency; null for "
        "no ceiling.",
    )
