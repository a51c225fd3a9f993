"""The HTTP face of the daemon: metrics, probes, API."""

from autoscaler.web.app import build_app
from autoscaler.web.health import Health
from autoscaler.web.server import WebServer
from autoscaler.web.snapshot import AppSnapshot, ScaleResult, Snapshot

__all__ = ["AppSnapshot", "Health", "ScaleResult", "Snapshot", "WebServer", "build_app"]
