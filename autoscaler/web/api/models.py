"""The shapes of what the API answers, for its OpenAPI document.

Handlers write their answers themselves (a list of thousands is streamed in pieces); that they keep
to these shapes is what the schemathesis tests check. Times stand twice: in RFC 3339 for people, and
under ``…_epoch_s`` to compute with.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from autoscaler.model import InterventionKind, Reason
from autoscaler.ports import EventKind
from autoscaler.telemetry.status import AppStatus

Action = Literal["scale_up", "scale_down", "hold"]


class WrongValue(BaseModel):
    """One wrong value of a request."""

    in_: str = Field(alias="in", description="query, path, body or header.")
    name: str = Field(description="Which value.", examples=["limit"])
    message: str = Field(description="What is wrong with it.")
    value: str | None = Field(default=None, description="What was sent, shortened.")


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(
        examples=["No app default/sd16 is known here. GET /api/v1/apps lists them."]
    )
    instance: str = Field(examples=["/api/v1/apps/default/sd16"])
    errors: list[WrongValue] | None = None


class InterventionView(BaseModel):
    """An order by hand that holds now."""

    kind: InterventionKind
    since: str | None
    since_epoch_s: float | None
    until: str | None = Field(description="null: until somebody ends it.")
    until_epoch_s: float | None
    who: str = Field(examples=["ops (alice)"])
    why: str = Field(examples=["load test until noon"])
    direction: Literal["both", "up", "down"] = Field(description="Of a pause.")
    workers: int = Field(description="Of an override or a boost.")


class AppRow(BaseModel):
    """An app as a line of a table."""

    namespace: str = Field(examples=["default"])
    name: str = Field(examples=["sd15"])
    status: AppStatus = Field(description="What it is doing, in one word.")
    action: Action | None
    reason: Reason | None = Field(description="Reason code of the last decision.")
    message: str | None
    workers: int | None = Field(description="Workers that occupy a place, by the last list.")
    queue_size: int | None = Field(description="Waiting requests; null where not known.")
    desired: int | None
    min_workers: int | None
    max_workers: int | None
    interventions: list[InterventionView]
    cost_per_hour: float | None = Field(
        description="Of the workers of the last list; null where no price is known."
    )
    seen_at: str | None = Field(description="When the last complete list came.")
    seen_at_epoch_s: float | None
    decided_at: str | None
    decided_at_epoch_s: float | None


class AppSummary(AppRow):
    """An app in the list of all."""

    observation: dict[str, Any] | None = Field(
        default=None,
        description="The last complete list, its workers counted by state; not in a brief list.",
    )
    decision: dict[str, Any] | None = Field(
        default=None, description="The last decision, whole; not in a brief list."
    )


class AppPage(BaseModel):
    """A page of apps."""

    total: int = Field(description="Apps that match.")
    count: int = Field(description="Apps on this page.")
    next_offset: int | None = Field(description="`offset` of the next page; null on the last one.")
    items: list[AppSummary]


class Step(BaseModel):
    """One step from the proposals to the final number."""

    step: str
    workers: str
    why: str


class Explanation(BaseModel):
    """A decision in words and in steps."""

    text: str
    steps: list[Step]


class CostView(BaseModel):
    """What an app, or all together, took over a range of time.

    Money is in the currency of the configured prices, and null where no price is known.
    """

    start: str | None
    start_epoch_s: float | None
    end: str | None
    end_epoch_s: float | None
    seen_s: float = Field(description="Seconds of the range of which something is stored.")
    worker_s: float = Field(description="Worker-seconds present.")
    busy_s: float = Field(description="Of those, serving.")
    price_per_hour: float | None = Field(description="Of one worker, the mean over `worker_s`.")
    cost: float | None
    always_max: float | None = Field(description="What max_workers at all times would have taken.")
    saved_vs_always_max: float | None
    fixed_workers: int = Field(description="The fixed size that is compared with.")
    fixed: float | None = Field(description="What the fixed size would have taken.")
    saved_vs_fixed: float | None


class AppDetails(AppRow):
    """Everything that is known of an app now."""

    observation: dict[str, Any] | None = Field(
        description="The last complete list, its workers one by one."
    )
    decision: dict[str, Any] | None
    explanation: Explanation | None
    last_acting_decision: dict[str, Any] | None
    last_scale_request: dict[str, Any] | None
    cost_24h: CostView | None = Field(description="null where there is no history.")
    owner: str = Field(
        description="The replica that acts for it, as far as is known; empty where there is one."
    )
    owned_here: bool = Field(
        description="Whether that is the one that answers; else it knows nothing of the app."
    )


class EventView(BaseModel):
    """One thing that happened."""

    id: int = Field(description="Grows with the time of writing.")
    namespace: str | None = Field(description="null where it concerns the platform as a whole.")
    app: str | None
    at: str | None
    at_epoch_s: float | None
    kind: EventKind
    action: str
    reason: str
    message: str
    fields: dict[str, Any] = Field(
        description="Everything that is stored of it; of a decision only the numbers, unless "
        "`full` is asked for."
    )


class EventPage(BaseModel):
    """A page of events, newest first."""

    count: int
    next_cursor: int | None = Field(description="`cursor` of the next page; null on the last one.")
    items: list[EventView]


class DecisionView(BaseModel):
    """A decision with its explanation."""

    id: int | None = Field(description="In the history; null for one that only memory has.")
    at: str | None
    at_epoch_s: float | None
    decision: dict[str, Any]
    explanation: Explanation


class SampleView(BaseModel):
    """An app over a stretch of time; means are over time."""

    at: str | None
    at_epoch_s: float | None
    span_s: float
    looks: int = Field(description="Complete lists seen in it; 0: nothing is known.")
    free: float
    busy: float
    in_flight: float
    other: float
    workers_max: int
    queue: float | None
    queue_max: int | None
    desired: int | None
    max_workers: int
    proposals: dict[str, int]
    arrivals: float
    served: int
    busy_s: float
    wait_s: float | None
    worker_s: float
    cost: float


class SampleList(BaseModel):
    """Samples in order of time."""

    start: str | None
    end: str | None
    count: int
    items: list[SampleView]


class ConfigView(BaseModel):
    """Configuration in force, in the words of the configuration file; secrets are masked."""

    config: dict[str, Any]


class HistoryHealthView(BaseModel):
    """How the history store does."""

    writing: bool
    error: str
    backlog: int
    lost: int
    oldest: str | None
    oldest_epoch_s: float | None
    size_bytes: int | None


class ShardView(BaseModel):
    """Who has a shard of the apps."""

    shard: int
    owner: str = Field(description="As far as is known; empty for nobody.")
    owned_here: bool
    term: int | None = Field(description="Number of this replica's own reign over it.")


class LeaderView(BaseModel):
    """Who acts, where several replicas run; with one, that it does."""

    is_leader: bool = Field(description="Whether this replica acts, for all apps or for some.")
    identity: str = Field(description="Who this replica is; empty where it is the only one.")
    leader: str = Field(description="Who leads, as far as is known; empty for nobody.")
    term: int | None = Field(description="Number of this replica's own reign.")
    shards: list[ShardView] = Field(description="Empty unless replicas share the apps out.")


class HealthDetails(BaseModel):
    """How the program does."""

    live: bool
    live_detail: str
    ready: bool
    missing: list[str]
    version: str
    uptime_s: float
    apps: int
    listeners: int = Field(description="Clients of the live stream.")
    acting: bool = Field(description="Whether acting over HTTP is turned on.")
    history: HistoryHealthView | None = Field(description="null where the history is off.")
    platform_circuit_open: bool | None = None
    state_trust: str | None = None
    dry_run: bool | None = None
    leader: LeaderView


class ParameterView(BaseModel):
    """One parameter of a policy."""

    name: str
    type: str
    default: str
    meaning: str


class PolicyView(BaseModel):
    """A kind of policy."""

    type: str
    parameters: list[ParameterView]


class PolicyList(BaseModel):
    """Every kind of policy that can be configured here."""

    count: int
    items: list[PolicyView]


class Acted(BaseModel):
    """What an order changed, and what holds now."""

    namespace: str
    name: str
    changed: bool = Field(description="false: the very same order held already.")
    ended: list[InterventionView] = Field(description="Orders that this one ended.")
    interventions: list[InterventionView]
    warning: str | None = Field(
        description="Set where the order holds but could not be written down, so that a restart "
        "of the program would forget it."
    )
