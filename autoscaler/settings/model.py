"""The configuration as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from autoscaler.settings.app import AppSettings, DefaultsSettings, with_defaults
from autoscaler.settings.sections import (
    EveraiSettings,
    FleetSettings,
    LogSettings,
    ServerSettings,
    StateSettings,
)

_sources: ContextVar[tuple[PydanticBaseSettingsSource, ...]] = ContextVar("sources", default=())


@contextmanager
def reading_from(sources: tuple[PydanticBaseSettingsSource, ...]) -> Iterator[None]:
    """Let ``Settings()`` read from these sources, the first one winning, while the block runs."""
    token = _sources.set(sources)
    try:
        yield
    finally:
        _sources.reset(token)


def _version(value: object) -> object:
    """Take ``"1"`` (as an environment variable has it) for 1, and no boolean for a number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return 1 if value == "1" else value


def fill(data: dict[str, Any]) -> dict[str, Any]:
    """Fill each app's gaps from ``defaults``; leave what is no mapping for the checks to find."""
    defaults, apps = data.get("defaults"), data.get("apps")
    if not isinstance(defaults, dict) or not isinstance(apps, (list, tuple)):
        return data
    apps = [with_defaults(defaults, app) if isinstance(app, dict) else app for app in apps]
    return {**data, "apps": apps}


class Settings(BaseSettings):
    """Everything a user can set, validated. Frozen; two equal ones mean the same."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True
    )

    version: Annotated[Literal[1], BeforeValidator(_version, json_schema_input_type=Literal[1])] = (
        Field(default=1, description="Version of this format.")
    )
    dry_run: bool = Field(
        default=False, description="Decide and explain everything, but send no scale request."
    )
    everai: EveraiSettings = Field(default=EveraiSettings(), description="The platform.")
    state: StateSettings = Field(default=StateSettings(), description="Memory over restarts.")
    server: ServerSettings = Field(default=ServerSettings(), description="Own HTTP server.")
    log: LogSettings = Field(default=LogSettings(), description="Logging.")
    fleet: FleetSettings = Field(default=FleetSettings(), description="Ceilings over all apps.")
    defaults: DefaultsSettings = Field(
        default=DefaultsSettings(), description="Values for apps that do not give their own."
    )
    apps: Annotated[tuple[AppSettings, ...], Field(min_length=1)] = Field(
        description="The apps to scale; at least one."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_from_defaults(cls, data: dict[str, Any]) -> dict[str, Any]:
        return fill(data)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - called by keyword
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - called by keyword
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - called by keyword
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - called by keyword
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what :func:`reading_from` names, and nothing of the process's own environment."""
        return (init_settings, *_sources.get())
