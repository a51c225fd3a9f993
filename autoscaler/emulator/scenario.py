"""What the emulated platform is: apps, their load, their troubles, as one validated YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from autoscaler.emulator.distributions import Distribution, Strict, constant
from autoscaler.emulator.faults import Fault
from autoscaler.emulator.load import Load, Plateau
from autoscaler.model.errors import ConfigurationError
from autoscaler.policies.params import Duration, PositiveDuration

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=253)]
MAX_FLEET = 100_000
"""No app of the emulator grows beyond this, whatever is asked: memory has an end."""


class Rules(Strict):
    """What the autoscaler under test was told; the books judge its calls by it.

    Attributes:
        min_workers, max_workers: its bounds; no maximum means only the platform's own holds.
        race_window_s: how recent the caller's list must be for a change since then to excuse it.
        app_info_grace_s: how long after a pause a scale call is excused (it looks at the app only
            every few minutes).
        clear_failed: whether it may remove ERROR and UNAVAILABLE workers.
    """

    min_workers: int = Field(default=0, ge=0)
    max_workers: int | None = Field(default=None, ge=0)
    race_window_s: Duration = 2.0
    app_info_grace_s: Duration = 300.0
    clear_failed: bool = False


class Troubles(Strict):
    """What goes wrong by itself.

    Attributes:
        start_failure, start_stuck: share of starts that end in ERROR, or never end.
        crashes_per_hour, outages_per_hour: rate per running worker of ending in ERROR, and of
            being UNAVAILABLE for ``outage`` seconds.
        failed_requests: share of requests that end badly (counted in ``failedCount``).
    """

    start_failure: Probability = 0.0
    start_stuck: Probability = 0.0
    crashes_per_hour: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    outages_per_hour: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    outage: Distribution = constant(30.0)
    failed_requests: Probability = 0.0


class Sessions(Strict):
    """Clients that keep a session with the worker that served them.

    Attributes:
        probability: share of requests that leave a session behind. hold: how long it lives.
    """

    probability: Probability = 0.0
    hold: Distribution = constant(60.0)


class Event(Strict):
    """Something that happens at a set moment.

    Attributes:
        at_s: seconds from the start. do: what happens. value: the new maximum for
            ``set-max-workers`` (nothing means none), or how many workers for ``crash``,
            ``outage`` and ``session`` (1 by default). for_s: how long an outage or session lasts.
    """

    at_s: Duration
    do: Literal["update", "pause", "resume", "set-max-workers", "crash", "outage", "session"]
    value: int | None = Field(default=None, ge=0)
    for_s: PositiveDuration = 60.0


class AppScenario(Strict):
    """One emulated app.

    Attributes:
        initial_workers: FREE at the start. default_workers: started by a resume.
        max_workers: the platform's own maximum; ``None`` leaves ``maxWorkers`` out of replies.
        beyond_max: whether a scale-up beyond it is refused, or gets what fits.
        unknown_ids: whether a scale-down that names an unknown id ignores it, or is refused.
        cold_start: from order to FREE. removal_s: how long a removed worker stays TERMINATING.
        list_lag_s: how long a new worker is missing from lists.
        dispatch: which FREE worker gets the next request.
        scaler: who scales it, by the manifest; ``none`` leaves the section out.
        rollin_detail: how a replacing worker shows while it starts.
        replace_crashed: whether the platform orders a worker for each one that crashes.
        counts_as_strings: counts as int64 in proto3 JSON: in quotes.
        hide_failed: whether a default list leaves ERROR workers out.
        labels: as in the manifest.
    """

    name: Name
    namespace: Name = "default"
    labels: dict[str, str] = Field(default_factory=dict)
    initial_workers: int = Field(default=0, ge=0, le=MAX_FLEET)
    default_workers: int = Field(default=1, ge=0, le=MAX_FLEET)
    max_workers: int | None = Field(default=None, ge=0)
    beyond_max: Literal["reject", "clip"] = "reject"
    unknown_ids: Literal["ignore", "reject"] = "ignore"
    cold_start: Distribution = constant(20.0)
    removal_s: Duration = 5.0
    list_lag_s: Duration = 0.0
    dispatch: Literal["last-used", "least-recently-used", "random"] = "last-used"
    scaler: Literal["manual", "builtin", "container", "thirdParty", "none"] = "manual"
    rollin_detail: Literal["rollin", "in-flight"] = "rollin"
    replace_crashed: bool = False
    counts_as_strings: bool = False
    hide_failed: bool = True
    gpu_model: str = "RTX 4090"
    load: Load = Load()
    troubles: Troubles = Troubles()
    sessions: Sessions = Sessions()
    events: tuple[Event, ...] = ()
    rules: Rules = Rules()

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return (self.namespace, self.name)


class Scenario(Strict):
    """A whole emulated platform.

    Attributes:
        seed: of every random stream. speed: seconds of the platform per real second.
        apps: at least one, each name once per namespace. faults: of the API itself.
    """

    seed: int = 1
    speed: float = Field(default=1.0, gt=0, le=10_000, allow_inf_nan=False)
    apps: tuple[AppScenario, ...] = Field(min_length=1)
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _each_app_once(self) -> Scenario:
        seen = set()
        for app in self.apps:
            if app.key in seen:
                raise ValueError(f"app {app.namespace}/{app.name} is given twice")
            seen.add(app.key)
        return self


def default_scenario() -> Scenario:
    """Return the one without a file: app ``default/demo``, one worker, gentle load."""
    demo = AppScenario(
        name="demo",
        initial_workers=1,
        max_workers=10,
        load=Load(
            phases=(Plateau(phase="plateau", per_s=0.1),),
            service={"type": "lognormal", "median_s": 2.0, "sigma": 0.5, "max_s": 20.0},
        ),
    )
    return Scenario(apps=(demo,))


def load_scenario(path: Path) -> Scenario:
    """Read and validate a scenario file.

    Raises:
        ConfigurationError: naming the file and, for every error at once, path and value.
    """
    try:
        content = yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise ConfigurationError(f"scenario {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"scenario {path} is not YAML: {error}") from error
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"scenario {path}:\n{explain(error)}") from None
    return _with_traces_beside(scenario, path.parent)


_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def explain(error: ValidationError) -> str:
    """Return every error on a line of its own: path, what is wrong, value."""
    return "\n".join(
        f"  {'.'.join(map(str, each['loc'])) or '(whole file)'}: "
        f"{each['msg'].removeprefix('Value error, ')} (value: {each['input']!r})"
        for each in error.errors(include_url=False)
    )


def _with_traces_beside(scenario: Scenario, folder: Path) -> Scenario:
    return scenario.model_copy(
        update={"apps": tuple(_resolve(app, folder) for app in scenario.apps)}
    )


def _resolve(app: AppScenario, folder: Path) -> AppScenario:
    if app.load.trace is None:
        return app
    load = app.load.model_copy(update={"trace": folder / app.load.trace})
    return app.model_copy(update={"load": load})
