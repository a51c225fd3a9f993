"""What happened, for people and machines: metrics, log lines, plain dicts."""

from autoscaler.telemetry.base import SilentRecorder
from autoscaler.telemetry.decision_log import DecisionLog
from autoscaler.telemetry.fanout import Recorders
from autoscaler.telemetry.logging import LogFormat, LogLevel, configure_logging
from autoscaler.telemetry.metrics import Metrics
from autoscaler.telemetry.redaction import redact

__all__ = [
    "DecisionLog",
    "LogFormat",
    "LogLevel",
    "Metrics",
    "Recorders",
    "SilentRecorder",
    "configure_logging",
    "redact",
]
