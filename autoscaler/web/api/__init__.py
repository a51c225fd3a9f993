"""The HTTP API ``/api/v1``."""

from autoscaler.web.api.assembly import build_api
from autoscaler.web.api.sources import Details, HealthView, Sources

__all__ = ["Details", "HealthView", "Sources", "build_api"]
