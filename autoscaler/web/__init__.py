"""The HTTP face of the daemon: metrics, probes, API."""

from autoscaler.web.api import Sources
from autoscaler.web.app import build_app
from autoscaler.web.changes import Changes
from autoscaler.web.configuration import ConfigurationView
from autoscaler.web.gate import Access, Doorkeeper
from autoscaler.web.health import Health
from autoscaler.web.server import WebServer
from autoscaler.web.snapshot import AppSnapshot, ScaleResult, Snapshot
from autoscaler.web.tokens import TokenFile

__all__ = [
    "Access",
    "AppSnapshot",
    "Changes",
    "ConfigurationView",
    "Doorkeeper",
    "Health",
    "ScaleResult",
    "Snapshot",
    "Sources",
    "TokenFile",
    "WebServer",
    "build_app",
]
