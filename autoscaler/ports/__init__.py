"""Small protocols between control and the outside: each has one job and a fake with memory."""

from autoscaler.ports.clock import Clock
from autoscaler.ports.history import (
    Cost,
    Event,
    EventKind,
    EventQuery,
    History,
    HistoryHealth,
    Sample,
)
from autoscaler.ports.interventions import Interventions
from autoscaler.ports.platform import Platform
from autoscaler.ports.recorder import Outcome, Recorder
from autoscaler.ports.signals import NoSignals, Signals
from autoscaler.ports.state import State, Trust

__all__ = [
    "Clock",
    "Cost",
    "Event",
    "EventKind",
    "EventQuery",
    "History",
    "HistoryHealth",
    "Interventions",
    "NoSignals",
    "Outcome",
    "Platform",
    "Recorder",
    "Sample",
    "Signals",
    "State",
    "Trust",
]
