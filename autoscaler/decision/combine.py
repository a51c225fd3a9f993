"""Several recommendations become one number.

``max`` (the default) is the rule of AWS: up if any policy wants up, down only if all agree.
Whatever the rule, a policy without data never lowers the number: up on partial signals, never down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autoscaler.model import Limit, NoData, Proposal, Reason, Recommendation


@dataclass(frozen=True, slots=True)
class Combined:
    """The number before any bound, and what changed it already.

    Attributes:
        workers: the number; ``None`` where no policy had data.
        missing: why each policy without data had none.
    """

    workers: int | None
    missing: tuple[str, ...]
    limits: tuple[Limit, ...]


def combine(
    proposals: tuple[Proposal, ...], rule: Literal["max", "min", "first"], current: int
) -> Combined:
    """Combine recommendations; ``current``: workers there or on order."""
    known = [p.answer.workers for p in proposals if isinstance(p.answer, Recommendation)]
    missing = tuple(
        f"{p.policy}: {p.answer.why}" for p in proposals if isinstance(p.answer, NoData)
    )
    if not known:
        return Combined(None, missing, ())
    workers = known[0] if rule == "first" else (max if rule == "max" else min)(known)
    if missing and workers < current:
        held = Limit(Reason.NO_DATA, workers, current, f"not lowered without data ({missing[0]})")
        return Combined(current, missing, (held,))
    return Combined(workers, missing, ())
