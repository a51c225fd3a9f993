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
from autoscaler.ports.leadership import (
    AlwaysLeader,
    Leadership,
    Lease,
    LeaseBoard,
    LeaseRecord,
    LeaseStore,
    Term,
)
from autoscaler.ports.platform import Platform
from autoscaler.ports.recorder import Outcome, Recorder
from autoscaler.ports.resources import (
    Change,
    Changed,
    Deleted,
    EventType,
    Occurrence,
    Resource,
    ResourceKey,
    ResourceKind,
    Resources,
)
from autoscaler.ports.signals import NoSignals, Signals
from autoscaler.ports.state import State, Trust

__all__ = [
    "AlwaysLeader",
    "Change",
    "Changed",
    "Clock",
    "Cost",
    "Deleted",
    "Event",
    "EventKind",
    "EventQuery",
    "EventType",
    "History",
    "HistoryHealth",
    "Interventions",
    "Leadership",
    "Lease",
    "LeaseBoard",
    "LeaseRecord",
    "LeaseStore",
    "NoSignals",
    "Occurrence",
    "Outcome",
    "Platform",
    "Recorder",
    "Resource",
    "ResourceKey",
    "ResourceKind",
    "Resources",
    "Sample",
    "Signals",
    "State",
    "Term",
    "Trust",
]
