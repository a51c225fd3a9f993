"""What a seed stands for: platform, configuration, load and trouble, all drawn beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autoscaler.decision import AppSpec
from autoscaler.emulator import Fault, Scenario
from autoscaler.emulator.rng import Random, stream
from autoscaler.simulator.soak.by_hand import Order, draw_orders
from autoscaler.simulator.soak.draw_apps import draw_app, draw_reload
from autoscaler.simulator.soak.network import Stage, Trouble, Weather

QUIET_MAX_S = 2700.0
_EMULATED = (
    "delay", "hang", "hang-after", "reset-before", "reset-after", "401", "403", "404", "429",
    "500", "500-after", "503", "html", "html-after", "truncated", "garbage", "stale-list",
    "duplicate-rows", "unknown-enums", "absurd-numbers",
)  # fmt: skip
_OF_THE_NETWORK: tuple[Trouble, ...] = (
    "refused",
    "slow",
    "stalled",
    "echo",
    "contradictory",
    "emptied",
)
_CLOCK_JUMPS_S = (0.0, 0.0, 0.0, -300.0, -45.0, -3.0, 3.0, 45.0, 300.0)

Do = Literal[
    "kill", "kill-at-call", "stop", "reload", "disk-full", "disk-free", "second-replica",
    "foreign-up", "foreign-down", "dry-run",
]  # fmt: skip
Spoil = Literal["nothing", "header", "row", "deleted"]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done to the daemon at ``at_s``.

    Attributes:
        down_s: seconds until the next process starts. offset_s: that one's clock error.
        spoil: what happens to the store meanwhile.
        operation, stage: of ``kill-at-call``: at which scale call, and how far it gets.
        specs: of ``reload``. app: index of the app that ``foreign-…`` hits.
    """

    at_s: float
    do: Do
    down_s: float = 0.0
    offset_s: float = 0.0
    spoil: Spoil = "nothing"
    operation: str = ""
    stage: Stage = "before"
    specs: tuple[AppSpec, ...] = ()
    app: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole run.

    Attributes:
        quiet_from_s, end_s: trouble ends at the first, the run at the second.
        specs: the configuration at the start. offset_s: the first process's clock error.
        fleet_max: ceiling over all apps. endless: requests without end that each app gets when
            the quiet begins, so that there is a right number of workers at the end.
        orders: what people order by hand.
    """

    seed: int
    scenario: Scenario
    specs: tuple[AppSpec, ...]
    steps: tuple[Step, ...]
    weather: tuple[Weather, ...]
    quiet_from_s: float
    end_s: float
    offset_s: float
    fleet_max: int | None
    endless: tuple[int, ...]
    orders: tuple[Order, ...] = ()


def draw_plan(seed: int, hours: float) -> Plan:
    """Return what a seed and a length (simulated hours) stand for."""
    rng = stream(seed, "plan")
    end_s = hours * 3600
    quiet_from_s = end_s - min(QUIET_MAX_S, 0.7 * end_s)
    drawn = [draw_app(rng, index, quiet_from_s) for index in range(rng.choice([1, 1, 2, 2, 3, 4]))]
    specs = tuple(spec for _, spec in drawn)
    fleet = sum(spec.max_workers for spec in specs)
    return Plan(
        seed=seed,
        scenario=Scenario(
            seed=seed,
            apps=tuple(scenario for scenario, _ in drawn),
            faults=_draw_faults(rng, specs, quiet_from_s),
        ),
        specs=specs,
        steps=_draw_steps(rng, specs, quiet_from_s),
        weather=_draw_weather(rng, quiet_from_s),
        quiet_from_s=quiet_from_s,
        end_s=end_s,
        offset_s=rng.choice(_CLOCK_JUMPS_S),
        fleet_max=max(2, round(fleet * rng.uniform(0.4, 0.9))) if rng.random() < 0.25 else None,  # noqa: PLR2004
        endless=tuple(rng.randint(0, spec.max_workers + 1) for spec in specs),
        orders=draw_orders(seed, specs, quiet_from_s),
    )


def _window(rng: Random, until_s: float, longest_s: float) -> tuple[float, float]:
    """Return a stretch of time that ends before ``until_s``."""
    length_s = min(rng.uniform(15.0, longest_s), 0.8 * until_s)
    from_s = rng.uniform(0.0, until_s - length_s)
    return from_s, from_s + length_s


def _draw_faults(rng: Random, specs: tuple[AppSpec, ...], until_s: float) -> tuple[Fault, ...]:
    faults = []
    for kind in rng.sample(_EMULATED, rng.randint(3, 9)):
        from_s, to_s = _window(rng, until_s, 500.0 if kind == "stale-list" else 600.0)
        app = str(rng.choice(specs).key)
        operations = [(), (), ("list",), ("scale-up", "scale-down"), ("scale-up",), ("app",)]
        of_lists = kind in ("stale-list", "duplicate-rows", "unknown-enums", "absurd-numbers")
        faults.append(
            Fault(
                kind=kind,
                probability=rng.choice([0.05, 0.2, 0.5, 1.0]),
                operations=() if of_lists else rng.choice(operations),
                apps=rng.choice([(), (app,)]),
                from_s=from_s,
                until_s=to_s,
                delay_s=rng.choice([1.0, 5.0, 12.0, 30.0]),
                age_s=rng.choice([20.0, 60.0, 240.0]),
                retry_after_s=rng.choice([None, 1.0, 10.0]),
            )
        )
    return tuple(faults)


def _draw_weather(rng: Random, until_s: float) -> tuple[Weather, ...]:
    weather = []
    for trouble in rng.sample(_OF_THE_NETWORK, rng.randint(0, 3)):
        from_s, to_s = _window(rng, until_s, 600.0)
        weather.append(Weather(trouble, from_s, to_s, rng.choice([0.1, 0.5, 1.0])))
    return tuple(weather)


def _draw_steps(rng: Random, specs: tuple[AppSpec, ...], until_s: float) -> tuple[Step, ...]:
    steps = [_draw_end(rng, until_s) for _ in range(rng.choice([0, 1, 2, 3, 5]))]
    for _ in range(rng.choice([0, 0, 1, 2, 3])):
        at_s = rng.uniform(0.0, until_s)
        steps.append(Step(at_s, "reload", specs=draw_reload(rng, specs)))
    for _ in range(rng.choice([0, 0, 1])):
        from_s, to_s = _window(rng, until_s, 400.0)
        steps += [Step(from_s, "disk-full"), Step(to_s, "disk-free")]
    for _ in range(rng.choice([0, 0, 1, 2])):
        steps.append(Step(rng.uniform(0.0, until_s), "second-replica"))
    for _ in range(rng.choice([0, 0, 0, 1, 4])):
        do: Do = rng.choice(("foreign-up", "foreign-down"))
        steps.append(Step(rng.uniform(0.0, until_s), do, app=rng.randrange(len(specs))))
    if rng.random() < 0.2:  # noqa: PLR2004 - a share of the seeds
        steps.append(Step(rng.uniform(0.0, until_s), "dry-run"))
    return tuple(sorted(steps, key=lambda step: step.at_s))


def _draw_end(rng: Random, until_s: float) -> Step:
    """Draw how a process ends, and with what the next one starts."""
    do: Do = rng.choice(("kill", "kill-at-call", "kill-at-call", "kill-at-call", "stop"))
    return Step(
        rng.uniform(0.0, until_s),
        do,
        down_s=rng.choice([0.2, 0.2, 1.0, 1.0, 5.0, 20.0, 90.0, 600.0]),
        offset_s=rng.choice(_CLOCK_JUMPS_S),
        spoil=rng.choice(("nothing", "nothing", "nothing", "nothing", "header", "row", "deleted")),
        operation=rng.choice(("scale-up", "scale-up", "scale-down")),
        stage=rng.choice(("before", "under-way", "applied")),
    )
