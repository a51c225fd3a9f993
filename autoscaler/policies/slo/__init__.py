"""``slo``: nobody waits longer than the target, as cheaply as possible, without tuning.

One file a thought: what the lists tell of demand (``demand``), where the load goes (``forecast``),
what days and weeks tell of it (``season``), how often each level of load is reached (``levels``),
who was late (``lateness``), how much risk that allows (``control``), and how many workers that
makes (``staffing``).
"""

from autoscaler.policies.slo.params import SloParams
from autoscaler.policies.slo.policy import SloPolicy
from autoscaler.policies.slo.state import SloState

__all__ = ["SloParams", "SloPolicy", "SloState"]
