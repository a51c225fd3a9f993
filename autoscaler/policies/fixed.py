"""``fixed``: always the same number of workers, whatever the load."""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import Field

from autoscaler.model import PolicyInput, Recommendation
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import PolicyParams


class FixedParams(PolicyParams):
    """Parameters of ``fixed``."""

    workers: Annotated[int, Field(ge=0, le=100_000, description="workers to have, workers")]


class FixedPolicy(Policy):
    """Exactly ``workers``."""

    kind = "fixed"
    rests = True
    Params = FixedParams

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:  # noqa: ARG002
        """Return ``workers``."""
        workers = cast("FixedParams", self.params).workers
        return Recommendation(workers, f"always {workers}", {"workers": workers}), state
