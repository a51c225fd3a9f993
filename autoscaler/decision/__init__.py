"""From recommendations to one explained decision; pure.

``decide(spec, observation, memory, now) -> (Decision, memory)``: combine, bounds, windows, rate,
drain order, expectations.
"""

from autoscaler.decision.memory import AppMemory
from autoscaler.decision.pipeline import decide
from autoscaler.decision.spec import AppSpec

__all__ = ["AppMemory", "AppSpec", "decide"]
