"""The configuration as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from autoscaler.policies import PositiveDuration
from autoscaler.settings.app import AppSettings, DefaultsSettings, with_defaults
from autoscaler.settings.custom_resources import CustomResourcesSettings
from autoscaler.settings.history import HistorySettings, PricesSettings
from autoscaler.settings.leadership import LeaderElectionSettings
from autoscaler.settings.notifications import NotificationSettings
from autoscaler.settings.sections import (
    EveraiSettings,
    FleetSettings,
    LogSettings,
    Section,
    StateSettings,
)
from autoscaler.settings.server import ServerSettings
from autoscaler.settings.sharding import ShardingSettings

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


def fill(data: dict[str, Any], *, one_by_one: bool = False) -> dict[str, Any]:
    """Fill each app's gaps from ``defaults``; leave what is no mapping for the checks to find.

    ``one_by_one``: as apps are asked for, once; ten thousand filled ones are 2 MiB.
    """
    defaults, filled = data.get("defaults"), dict(data)
    if not isinstance(defaults, dict):
        return data
    if isinstance(apps := data.get("apps"), (list, tuple)):
        each = (with_defaults(defaults, app) if isinstance(app, dict) else app for app in apps)
        filled["apps"] = each if one_by_one else list(each)
    if isinstance(rules := data.get("discover"), (list, tuple)):
        filled["discover"] = [_fill_rule(defaults, rule) for rule in rules]
    return filled


def _fill_rule(defaults: dict[str, Any], rule: Any) -> Any:
    app = rule.get("app") if isinstance(rule, dict) else None
    if not isinstance(rule, dict) or not isinstance(app, (dict, type(None))):
        return rule
    return {**rule, "app": with_defaults(defaults, app or {})}


class DiscoverSettings(Section):
    """A rule that takes apps of the platform by name and label."""

    namespace: str | None = Field(default=None, description="Only this one; null for all.")
    names: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        default=("*",), description="Names to take; `*`, `?` and `[…]` as in file names."
    )
    labels: dict[str, str] = Field(
        default_factory=dict, description="Labels that an app must have, with these values."
    )
    app: DefaultsSettings = Field(
        default=DefaultsSettings(),
        description="Values for the apps that it takes; max_workers is required, here or in "
        "`defaults`.",
    )


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
    history: HistorySettings = Field(
        default=HistorySettings(), description="What happened, for any past moment."
    )
    prices: PricesSettings = Field(
        default=PricesSettings(), description="What workers cost, to count money."
    )
    server: ServerSettings = Field(default=ServerSettings(), description="Own HTTP server.")
    log: LogSettings = Field(default=LogSettings(), description="Logging.")
    leader_election: LeaderElectionSettings = Field(
        default=LeaderElectionSettings(), description="Several replicas, one of which acts."
    )
    sharding: ShardingSettings = Field(
        default=ShardingSettings(), description="Several replicas, all of which act."
    )
    custom_resources: CustomResourcesSettings = Field(
        default=CustomResourcesSettings(),
        description="Apps given as objects of a Kubernetes cluster, beside those of the file.",
    )
    fleet: FleetSettings = Field(default=FleetSettings(), description="Ceilings over all apps.")
    notifications: tuple[NotificationSettings, ...] = Field(
        default=(), description="Where people are told of what happens; each entry is a target."
    )
    defaults: DefaultsSettings = Field(
        default=DefaultsSettings(), description="Values for apps that do not give their own."
    )
    discover: tuple[DiscoverSettings, ...] = Field(
        default=(),
        description="Rules that take apps without listing them; only apps with autoscaler.manual.",
    )
    discover_interval: PositiveDuration = Field(
        default=60.0, description="Time between two looks at the platform's list of apps."
    )
    apps: tuple[AppSettings, ...] = Field(
        default=(),
        description="The apps to scale; at least one, unless `discover` or `custom_resources` "
        "bring some.",
    )

    @property
    def history_file(self) -> Path | None:
        """The SQLite file of the history: as configured, else beside the state."""
        if self.history.path is not None or self.state.path is None:
            return self.history.path
        return self.state.path.with_name("history.db")

    @model_validator(mode="before")
    @classmethod
    def _fill_from_defaults(cls, data: dict[str, Any]) -> dict[str, Any]:
        return fill(data, one_by_one=True)

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
