"""The peers: policies of other autoscalers, with their shipped defaults and a grid to tune them.

The formulas live in ``autoscaler.policies`` under the platform's own words; here is which of them,
with which numbers, stands for which peer. AWS has no counterpart there: its backlog per instance
needs the service time told by its user, which is no use for a daemon that can learn it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import ceil
from typing import Annotated, Any, cast

from pydantic import Field

from autoscaler.decision import AppSpec
from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.model.errors import ConfigurationError
from autoscaler.policies import Policy, PolicyParams, PositiveDuration, policies
from autoscaler.policies.base import Answer
from autoscaler.simulator.lab.drivers import lab_spec

Values = Mapping[str, Any]


class AwsBacklogParams(PolicyParams):
    """Parameters of the AWS recipe for queues."""

    service_time: Annotated[PositiveDuration, Field(description="seconds a request takes")] = 10.0
    acceptable_latency: Annotated[
        PositiveDuration, Field(description="longest wait that is still good, seconds")
    ] = 10.0


class AwsBacklogPolicy(Policy):
    """Target tracking on backlog per instance.

    ``acceptable backlog = acceptable latency / service time``; target tracking turns backlog per
    instance over it into instances: ``ceil(queue / acceptable)``. A group that serves without a
    backlog keeps the instances that are busy: they are in service.
    """

    kind = "aws-backlog"
    Params = AwsBacklogParams

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the instances at which the backlog is acceptable; NoData without a queue."""
        queue = given.observation.queue_size
        if isinstance(queue, NoData):
            return queue, state
        params = cast("AwsBacklogParams", self.params)
        acceptable = params.acceptable_latency / params.service_time
        workers = max(given.census.busy, ceil(queue / acceptable))
        why = f"{queue} queued at {acceptable:.3g} per worker need {workers}"
        return Recommendation(workers, why, {"queue_size": queue, "acceptable": acceptable}), state


@dataclass(frozen=True, slots=True)
class Peer:
    """One competitor.

    Attributes:
        name: for tables. kind: the policy. defaults: parameters as shipped.
        down_window_s: stabilization window downwards as shipped, seconds.
        grid: values to try for each parameter; ``down_window_s`` may be one of them.
    """

    name: str
    kind: str
    defaults: Values = field(default_factory=dict)
    down_window_s: float = 0.0
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def spec(self, values: Values | None = None, *, interval_s: float = 15.0) -> AppSpec:
        """Return the owner's wishes with these parameters over the defaults."""
        chosen = {"down_window_s": self.down_window_s, **self.defaults, **(values or {})}
        window_s = float(chosen.pop("down_window_s"))
        return lab_spec(build(self.kind, chosen), interval_s=interval_s, down_window_s=window_s)

    def tunings(self) -> Iterator[Values]:
        """Give every point of the grid."""
        names = tuple(self.grid)
        for point in product(*self.grid.values()):
            yield dict(zip(names, point, strict=True))


_AS_SHIPPED = {"count_starting": False, "keep_min": False}

PEERS: tuple[Peer, ...] = (
    Peer(
        "EverAI simple",
        "everai-simple",
        _AS_SHIPPED,
        grid={
            "max_queue_size": (0, 1),
            "max_idle_time": (60, 300, 900),
            "scale_up_step": (4, 16),
        },
    ),
    Peer(
        "EverAI free-worker",
        "everai-free-worker",
        {**_AS_SHIPPED, "keep_free": False},
        grid={
            "min_free_workers": (1, 2, 4, 8),
            "max_idle_time": (60, 300, 900),
            "scale_up_step": (16,),
        },
    ),
    Peer(
        "HPA v2",
        "utilization",
        {"target": 0.8, "tolerance": 0.1},
        down_window_s=300.0,
        grid={"target": (0.5, 0.65, 0.8, 1.0), "down_window_s": (60, 300, 900)},
    ),
    Peer(
        "Knative KPA",
        "concurrency",
        grid={
            "utilization": (0.5, 0.7, 0.9),
            "stable_window": (60, 300),
            "scale_down_delay": (0, 600),
        },
    ),
    Peer(
        "Ray Serve",
        "ongoing-requests",
        {"target_ongoing_requests": 2.0},
        grid={
            "target_ongoing_requests": (0.5, 0.75, 1.0, 1.5),
            "upscale_delay": (0,),
            "downscale_delay": (60, 300, 900),
        },
    ),
    Peer(
        "RunPod queue delay",
        "queue-age",
        {"max_age": 4.0},
        down_window_s=5.0,
        grid={"max_age": (1, 4), "down_window_s": (60, 300, 900)},
    ),
    Peer(
        "AWS backlog per instance",
        AwsBacklogPolicy.kind,
        down_window_s=900.0,
        grid={"acceptable_latency": (2, 10), "down_window_s": (60, 300, 900)},
    ),
)
"""Everyone that is compared, in the order of the tables."""


def build(kind: str, values: Values) -> Policy:
    """Make a policy from its name and parameters.

    Raises:
        ConfigurationError: no such policy. pydantic.ValidationError: a parameter makes no sense.
    """
    policy = _policy(kind)
    return policy(policy.Params.model_validate(dict(values)))


def params_of(kind: str) -> type[PolicyParams]:
    """Return the model of a policy's parameters.

    Raises:
        ConfigurationError: no such policy.
    """
    return _policy(kind).Params


def _policy(kind: str) -> type[Policy]:
    known: dict[str, type[Policy]] = {**policies(), AwsBacklogPolicy.kind: AwsBacklogPolicy}
    if kind not in known:
        names = ", ".join(policy_names())
        raise ConfigurationError(f"--policy {kind}: no such policy; there are {names}")
    return known[kind]


def policy_names() -> tuple[str, ...]:
    """Return every policy that can be simulated, sorted."""
    return tuple(sorted({*policies(), AwsBacklogPolicy.kind}))
