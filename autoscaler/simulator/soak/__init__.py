"""The proof by simulation: the whole system in virtual time, with every fault, from a seed.

The real client, guard, reconciler, actuator, supervisor and store run against the emulator's fleet
through an in-process network. A seed draws load, configuration and trouble; after each step the
rules are checked from the platform's side, and at the end that everything came to rest.
"""

from autoscaler.simulator.soak.report import RunReport
from autoscaler.simulator.soak.world import run_seed

__all__ = ["RunReport", "run_seed"]
