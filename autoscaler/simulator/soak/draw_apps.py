"""One app of a run: what the platform is told of it, and what the autoscaler is."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from autoscaler.decision import AppSpec
from autoscaler.decision.spec import Direction, Disruption, Drain, Fallback, RatePolicy, Startup
from autoscaler.emulator import AppScenario, Event, Rules, Sessions, Troubles
from autoscaler.emulator.load import Burst, Load, Plateau, Ramp, Silence, Sine, Steps
from autoscaler.emulator.rng import Random
from autoscaler.model import AppKey
from autoscaler.policies import Policy
from autoscaler.policies.fixed import FixedParams, FixedPolicy
from autoscaler.policies.free_workers import FreeWorkersParams, FreeWorkersPolicy
from autoscaler.policies.queue import QueueParams, QueuePolicy
from autoscaler.simulator.soak.limits import RACE_WINDOW_S

_Phase = Plateau | Ramp | Silence | Burst | Sine | Steps
_Paused = Literal["no", "both", "up", "down"]


def draw_app(rng: Random, index: int, chaos_s: float) -> tuple[AppScenario, AppSpec]:
    """Return an app of the platform and its configuration; trouble ends at ``chaos_s``."""
    spec = _draw_spec(rng, AppKey(rng.choice(["default", "team"]), f"app{index}"))
    platform_max = rng.choice([None, spec.max_workers, spec.max_workers + 3, spec.max_workers - 1])
    service_s = rng.choice([2.0, 6.0, 20.0])
    scenario = AppScenario(
        name=spec.key.name,
        namespace=spec.key.namespace,
        initial_workers=rng.choice([0, 1, 2, spec.max_workers]),
        default_workers=rng.choice([0, 1, 2]),
        max_workers=None if platform_max is None else max(1, platform_max),
        beyond_max=rng.choice(("reject", "clip")),
        unknown_ids=rng.choice(("ignore", "reject")),
        cold_start=rng.choice(
            [
                8.0,
                {"type": "uniform", "low_s": 5.0, "high_s": 40.0},
                {"type": "lognormal", "median_s": 30.0, "sigma": 0.5, "max_s": 120.0},
            ]
        ),
        removal_s=rng.choice([0.5, 5.0, 20.0]),
        list_lag_s=rng.choice([0.0, 2.0, 10.0, 28.0, 28.0]),
        dispatch=rng.choice(("last-used", "least-recently-used", "random")),
        scaler=rng.choice(("manual", "manual", "manual", "manual", "none", "builtin")),
        rollin_detail=rng.choice(("rollin", "in-flight")),
        replace_crashed=rng.random() < 0.2,  # noqa: PLR2004 - a share of the seeds
        counts_as_strings=rng.random() < 0.5,  # noqa: PLR2004
        hide_failed=rng.random() < 0.7,  # noqa: PLR2004
        load=_draw_load(rng, spec.max_workers / service_s, service_s, chaos_s),
        troubles=_draw_troubles(rng),
        sessions=Sessions(probability=rng.choice([0.0, 0.0, 0.1]), hold=rng.choice([20.0, 200.0])),
        events=_draw_events(rng, spec.max_workers, chaos_s),
        rules=rules_for(spec),
    )
    return scenario, spec


def rules_for(spec: AppSpec) -> Rules:
    """Return by what the platform's books judge the autoscaler's calls."""
    return Rules(
        min_workers=spec.min_workers,
        max_workers=spec.max_workers,
        race_window_s=RACE_WINDOW_S,
        clear_failed=spec.drain.clear_failed,
    )


def _draw_load(rng: Random, full_per_s: float, service_s: float, chaos_s: float) -> Load:
    """Draw phases until the trouble ends; ``full_per_s`` keeps the maximum of workers busy."""
    phases: list[_Phase] = []
    left_s = chaos_s
    while left_s > 1.0:
        length_s = min(left_s, rng.uniform(60.0, 900.0))
        high, low = full_per_s * rng.uniform(0.3, 1.1), full_per_s * rng.uniform(0.0, 0.3)
        phases.append(
            rng.choice(
                (
                    Plateau(phase="plateau", for_s=length_s, per_s=low),
                    Ramp(phase="ramp", for_s=length_s, from_per_s=low, to_per_s=high),
                    Ramp(phase="ramp", for_s=length_s, from_per_s=high, to_per_s=low),
                    Silence(phase="silence", for_s=length_s),
                    Burst(phase="burst", for_s=length_s, requests=rng.randint(1, 40)),
                    Sine(
                        phase="sine",
                        for_s=length_s,
                        mean_per_s=high / 2,
                        amplitude_per_s=high / 2,
                        period_s=240.0,
                    ),
                    Steps(phase="steps", for_s=length_s, per_s=(low, high), each_s=90.0),
                )
            )
        )
        left_s -= length_s
    service = {"type": "lognormal", "median_s": service_s * 0.8, "sigma": 0.5, "max_s": 60.0}
    return Load.model_validate({"phases": phases, "service": service})


def _draw_troubles(rng: Random) -> Troubles:
    if rng.random() < 0.5:  # noqa: PLR2004 - half of the seeds
        return Troubles()
    return Troubles(
        start_failure=rng.choice([0.0, 0.2, 0.9]),
        start_stuck=rng.choice([0.0, 0.05]),
        failed_requests=rng.choice([0.0, 0.1]),
    )


def _draw_events(rng: Random, workers_max: int, chaos_s: float) -> tuple[Event, ...]:
    events = []
    for do in ("crash", "outage", "session"):
        for _ in range(rng.choice([0, 0, 1, 4])):
            at_s, for_s = rng.uniform(0.0, chaos_s), rng.uniform(10.0, 200.0)
            events.append(Event(at_s=at_s, do=do, value=rng.randint(1, 3), for_s=for_s))
    for _ in range(rng.choice([0, 0, 1, 2])):
        value = rng.choice([None, rng.randint(1, workers_max + 2)])
        events.append(Event(at_s=rng.uniform(0.0, chaos_s), do="set-max-workers", value=value))
    for _ in range(rng.choice([0, 0, 1])):
        at_s = rng.uniform(0.0, 0.8 * chaos_s)
        length_s = rng.uniform(5.0, 0.2 * chaos_s)
        events += [Event(at_s=at_s, do="pause"), Event(at_s=at_s + length_s, do="resume")]
    for _ in range(rng.choice([0, 0, 1])):
        # It must end before the quiet, in which no worker becomes free to be replaced.
        events.append(Event(at_s=rng.uniform(0.0, max(1.0, chaos_s - 400.0)), do="update"))
    return tuple(events)


def _draw_spec(rng: Random, key: AppKey) -> AppSpec:
    high = rng.randint(2, 8)
    return AppSpec(
        key=key,
        max_workers=high,
        min_workers=rng.choice([0, 1, 1, 2]),
        policies=_draw_policies(rng, high),
        interval_s=rng.choice([5.0, 10.0, 15.0, 15.0, 30.0]),
        combine=rng.choice(("max", "max", "min", "first")),
        up=_draw_up(rng),
        down=_draw_down(rng),
        drain=Drain(
            min_lifetime_s=rng.choice([0.0, 0.0, 60.0]),
            clear_failed=rng.random() < 0.3,  # noqa: PLR2004 - a share of the seeds
            disruption=rng.choice(
                (None, None, Disruption("workers", 1, 60.0), Disruption("percent", 50, 120.0))
            ),
        ),
        startup=Startup(
            deadline_floor_s=rng.choice([60.0, 130.0]),
            deadline_ceiling_s=rng.choice([150.0, 400.0]),
            failures=rng.choice([1, 3]),
            backoff_s=30.0,
            backoff_ceiling_s=300.0,
        ),
        fallback=Fallback(
            failure_threshold=rng.choice([1, 3]),
            mode=rng.choice(("hold", "current-if-higher", "static")),
            workers=rng.randint(0, high),
        ),
    )


def _draw_policies(rng: Random, high: int) -> tuple[Policy, ...]:
    choices: tuple[Policy, ...] = (
        QueuePolicy(QueueParams(target=rng.choice([0.7, 1.0, 1.0, 2.0]))),
        FreeWorkersPolicy(FreeWorkersParams(buffer=rng.randint(0, 2))),
        FixedPolicy(FixedParams(workers=rng.randint(0, high))),
    )
    first = rng.choice(choices[:2])
    others = [policy for policy in choices if policy is not first]
    return (first, rng.choice(others)) if rng.random() < 0.25 else (first,)  # noqa: PLR2004


def _draw_up(rng: Random) -> Direction:
    return Direction(
        stabilization_window_s=rng.choice([0.0, 0.0, 30.0]),
        policies=rng.choice(
            (
                (),
                (),
                (RatePolicy("workers", 2, 60.0),),
                (RatePolicy("percent", 100, 30.0), RatePolicy("workers", 3, 30.0)),
            )
        ),
        select=rng.choice(("max", "min")),
        cooldown_s=rng.choice([0.0, 0.0, 45.0]),
    )


def _draw_down(rng: Random) -> Direction:
    return Direction(
        stabilization_window_s=rng.choice([0.0, 60.0, 120.0, 300.0]),
        policies=rng.choice(((), (), (RatePolicy("percent", 50, 60.0),))),
        cooldown_s=rng.choice([0.0, 0.0, 60.0]),
    )


def draw_reload(rng: Random, specs: tuple[AppSpec, ...]) -> tuple[AppSpec, ...]:
    """Return another configuration: other bounds, a pause, an app less. Windows stay."""
    changed = []
    for spec in specs:
        high = rng.randint(1, 9)
        paused: _Paused = rng.choice(("no", "no", "no", "both", "up", "down"))
        changed.append(
            replace(spec, max_workers=high, min_workers=rng.randint(0, min(2, high)), paused=paused)
        )
    if len(changed) > 1 and rng.random() < 0.4:  # noqa: PLR2004 - a share of the reloads
        del changed[rng.randrange(len(changed))]
    return tuple(changed)
