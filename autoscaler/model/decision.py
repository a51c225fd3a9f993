"""What was decided for an app, and everything that explains it."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.model.intervention import Intervention
from autoscaler.model.observation import AppKey
from autoscaler.model.reasons import Reason
from autoscaler.model.recommendation import Census, Proposal


@dataclass(frozen=True, slots=True)
class Candidate:
    """A worker chosen to go, and why it goes before the others.

    Attributes:
        worker_id: the platform's id. idle_s: seconds since its last request, ≥ 0.
        cause: why, where it is more than that it has been idle for longest.
    """

    worker_id: str
    idle_s: float
    cause: str = ""

    @property
    def why(self) -> str:
        """The reason in words; made when somebody reads it, since most are read by nobody."""
        return self.cause or f"free, idle {self.idle_s:.0f} s"


@dataclass(frozen=True, slots=True)
class ScaleUp:
    """Order ``count`` more workers (≥ 1)."""

    count: int


@dataclass(frozen=True, slots=True)
class ScaleDown:
    """Remove these workers, by id (at least one)."""

    candidates: tuple[Candidate, ...]

    @property
    def worker_ids(self) -> tuple[str, ...]:
        """Ids in drain order."""
        return tuple(candidate.worker_id for candidate in self.candidates)


@dataclass(frozen=True, slots=True)
class Hold:
    """Do nothing."""


Action = ScaleUp | ScaleDown | Hold


def action_name(action: Action) -> str:
    """``scale_up``, ``scale_down`` or ``hold``: as metrics, logs and the API write it."""
    match action:
        case ScaleUp():
            return "scale_up"
        case ScaleDown():
            return "scale_down"
        case Hold():
            return "hold"


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that changed the number: its code, the number before and after, and why."""

    reason: Reason
    before: int
    after: int
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, whole.

    Attributes:
        app: for which app. at: our clock, epoch seconds.
        action: what is to be done. reason: the one code that sums it up.
        message: the same for people, one sentence.
        desired: workers wanted after bounds and windows; ``None`` where nothing was known.
        proposals: what each policy said. combined: their combination before any limit.
        shadow: what the policies said that only watch; nothing above or below depends on it.
        limits: what changed the number, in order.
        census: the workers counted; ``None`` where nothing was observed.
        queue_size: waiting requests; ``None`` where not known.
        min_workers, max_workers: the bounds in force.
        warnings: what a person should know though it did not change the number.
        interventions: orders by hand in force.
        raced: workers whose removal turned out to have hit them while they were serving.
    """

    app: AppKey
    at: float
    action: Action
    reason: Reason
    message: str
    desired: int | None = None
    combined: int | None = None
    proposals: tuple[Proposal, ...] = ()
    shadow: tuple[Proposal, ...] = ()
    limits: tuple[Limit, ...] = ()
    census: Census | None = None
    queue_size: int | None = None
    min_workers: int = 0
    max_workers: int = 0
    warnings: tuple[str, ...] = ()
    raced: tuple[str, ...] = ()
    interventions: tuple[Intervention, ...] = ()
