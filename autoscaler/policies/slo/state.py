"""What ``slo`` remembers from one pass to the next: plain values, since it is stored as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

PRIOR_SERVICE_S = 10.0
"""Service time assumed until workers have finished some requests, seconds."""

PRIOR_COLD_START_S = 60.0
"""Cold start assumed until one was seen, seconds."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Arrivals, completions and service time, as read off two lists.

    Attributes:
        at: when the last list was made, epoch seconds; ``None`` before the first.
        step_s: seconds between the last two lists.
        busy, ready, queue: counts of the last list. queue_before, ready_before: of the one before.
        arrived: requests that arrived between them. completed: that were finished.
        counts: requests finished so far, by worker id.
        busy_s, finished: worker-seconds served and requests finished, forgetting the past.
        ever_finished: requests finished since the start.
        service_s: mean service time, seconds.
        cold_start_s: mean cold start, seconds; ``None`` before one was seen.
        starting: ids of workers seen on their way.
    """

    at: float | None = None
    step_s: float = 15.0
    busy: int = 0
    ready: int = 0
    queue: int = 0
    queue_before: int = 0
    ready_before: int = 0
    arrived: int = 0
    completed: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    busy_s: float = 0.0
    finished: float = 0.0
    ever_finished: int = 0
    service_s: float = PRIOR_SERVICE_S
    cold_start_s: float | None = None
    starting: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Arrivals per second since the list before."""
        return self.arrived / self.step_s


@dataclass(frozen=True, slots=True)
class Record:
    """One past forecast.

    Attributes:
        at: when it was made. rates: of each time scale, then the trend's, 1/s. load: at that
            time, 1/s.
        mixed: what was made of them, 1/s. told: what the profiles said, 1/s.
    """

    at: float
    rates: tuple[float, ...]
    load: float
    mixed: float = 0.0
    told: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """The load by time of day or of week.

    Attributes:
        rates: mean arrival rate of each slot, 1/s; below 0 where nothing was seen yet.
        came, expected: requests of the last hours, and as many as the profile says.
        judged_s: for how long it was judged. error, rival: mean squared error of it and of the
            short-term forecast in that time, (1/s)².
    """

    rates: tuple[float, ...]
    came: float = 0.0
    expected: float = 0.0
    judged_s: float = 0.0
    error: float = 0.0
    rival: float = 0.0


@dataclass(frozen=True, slots=True)
class Season:
    """What was learned of days and weeks.

    Attributes:
        slot: the slot under way, counted since the epoch; below 0 before the first list.
        arrived, seconds: requests and time seen in it so far.
        profiles: of the day and of the week.
    """

    slot: int = -1
    arrived: float = 0.0
    seconds: float = 0.0
    profiles: tuple[Profile, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """Rates at several time scales, and how well each has foretold the load.

    Attributes:
        looks: lists seen. rates: smoothed arrival rates, 1/s, one per time scale.
        errors: mean squared error of each, then of the trend, (1/s)². judged: how many forecasts
            were judged.
        records: forecasts not judged yet, oldest first.
        load, load_weight: arrival rate as the queue feels it, 1/s, and its start-up weight.
        concurrency: requests that would be served at once if nobody waited.
        peak_mean: by how many workers the highest load of the next cold start exceeded the
            forecast, on average.
        rate: the forecast, 1/s. season: what days and weeks tell.
    """

    looks: int = 0
    rates: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()
    judged: int = 0
    records: tuple[Record, ...] = ()
    load: float = 0.0
    load_weight: float = 1.0
    concurrency: float = 0.0
    peak_mean: float = 0.0
    rate: float = 0.0
    season: Season = field(default=Season())


@dataclass(frozen=True, slots=True)
class Cohort:
    """Waiting requests that arrived between two lists: ``left`` of ``arrived`` still wait."""

    since: float
    until: float
    left: float
    arrived: int


@dataclass(frozen=True, slots=True)
class Lateness:
    """Who waits, oldest first, and how many were late (both sums forget the distant past)."""

    cohorts: tuple[Cohort, ...] = ()
    late: float = 0.0
    requests: float = 0.0


@dataclass(frozen=True, slots=True)
class Control:
    """The risk taken: ``tail`` is the probability left uncovered; ``integral`` its memory."""

    tail: float
    integral: float = 0.0


@dataclass(frozen=True, slots=True)
class SloState:
    """Everything ``slo`` remembers.

    Attributes:
        started_at: when it first looked, epoch seconds.
        levels: for each number of workers 1, 2, …: the share of time (0..1) it was needed.
        staffed: workers staffed for the forecast at the last pass.
    """

    started_at: float
    control: Control
    demand: Demand = field(default=Demand())
    forecast: Forecast = field(default=Forecast())
    lateness: Lateness = field(default=Lateness())
    levels: tuple[float, ...] = ()
    staffed: int = 0
