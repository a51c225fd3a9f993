"""The configuration: read from file, environment and command line, checked whole, explained."""

from autoscaler.settings.app import AppSettings
from autoscaler.settings.changes import diff
from autoscaler.settings.convert import to_spec
from autoscaler.settings.discovery import Discovered, with_discovered
from autoscaler.settings.leadership import LeaderElectionSettings
from autoscaler.settings.loading import Checked, check, load
from autoscaler.settings.model import DiscoverSettings, Settings
from autoscaler.settings.notifications import NotificationSettings
from autoscaler.settings.policy import PolicySettings
from autoscaler.settings.problems import InvalidConfiguration, Problem, UnreadableConfiguration
from autoscaler.settings.reference import reference, with_reference
from autoscaler.settings.resource import (
    DEFINITION_NAME,
    GROUP,
    KIND,
    PLURAL,
    VERSION,
    Age,
    age_of,
    definition,
    schema_mark,
)
from autoscaler.settings.schema import json_schema
from autoscaler.settings.sections import (
    EveraiSettings,
    FleetSettings,
    LogSettings,
    StateSettings,
)
from autoscaler.settings.server import ServerSettings

__all__ = [
    "DEFINITION_NAME",
    "GROUP",
    "KIND",
    "PLURAL",
    "VERSION",
    "Age",
    "AppSettings",
    "Checked",
    "DiscoverSettings",
    "Discovered",
    "EveraiSettings",
    "FleetSettings",
    "InvalidConfiguration",
    "LeaderElectionSettings",
    "LogSettings",
    "NotificationSettings",
    "PolicySettings",
    "Problem",
    "ServerSettings",
    "Settings",
    "StateSettings",
    "UnreadableConfiguration",
    "age_of",
    "check",
    "definition",
    "diff",
    "json_schema",
    "load",
    "reference",
    "schema_mark",
    "to_spec",
    "with_discovered",
    "with_reference",
]
