"""The EverAI platform for machines without an account: a pure fleet, and an HTTP face to it.

``Emulator`` serves on a port; ``Fleet`` and ``Handler`` are the same platform without one, for
simulations in virtual time.
"""

from autoscaler.emulator.app import App
from autoscaler.emulator.emulator import Emulator
from autoscaler.emulator.faults import Fault, Reply
from autoscaler.emulator.fleet import Fleet
from autoscaler.emulator.handler import Handler
from autoscaler.emulator.referee import Rule
from autoscaler.emulator.scenario import (
    AppScenario,
    Event,
    Rules,
    Scenario,
    Sessions,
    Troubles,
    default_scenario,
    load_scenario,
)

__all__ = [
    "App",
    "AppScenario",
    "Emulator",
    "Event",
    "Fault",
    "Fleet",
    "Handler",
    "Reply",
    "Rule",
    "Rules",
    "Scenario",
    "Sessions",
    "Troubles",
    "default_scenario",
    "load_scenario",
]
