"""Made-up loads, from fixed seeds: some to judge ideas on, others that nobody may judge ideas on.

``DEVELOPMENT`` is what changes of a policy were compared on. ``HELD_OUT`` has other seeds, other
parameters. It was written before the changes that are measured on it and run only once they were
finished, so it tells what a policy is worth on load nobody looked at. A set that has been looked at
joins the first (seeds 9001 to 9006 were held out once).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autoscaler.simulator.lab import generators as make
from autoscaler.simulator.lab.generators import GeneratedTrace, Service

_HOUR_S, _DAY_S = 3_600.0, 86_400.0

Maker = Callable[[], GeneratedTrace]

DEVELOPMENT: Mapping[str, Maker] = {
    "dev: steady": lambda: make.poisson(1.5, 6 * _HOUR_S, seed=101, service=Service(6.0, 1.0)),
    "dev: sparse": lambda: make.poisson(0.01, _DAY_S, seed=102, service=Service(20.0)),
    "dev: sparser": lambda: make.poisson(0.004, 3 * _DAY_S, seed=213, service=Service(40.0, 0.6)),
    "dev: bursts": lambda: make.mmpp(
        (0.1, 3.0), (900.0, 180.0), 6 * _HOUR_S, seed=103, service=Service(8.0)
    ),
    "dev: small bursts": lambda: make.mmpp(
        (0.02, 0.3), (3600.0, 900.0), _DAY_S, seed=214, service=Service(12.0)
    ),
    "dev: three states": lambda: make.mmpp(
        (0.2, 1.0, 4.0), (1500.0, 900.0, 600.0), _DAY_S / 2, seed=212, service=Service(5.0, 1.0)
    ),
    "dev: on and off": lambda: make.mmpp(
        (0.0, 2.0), (1800.0, 1200.0), _DAY_S / 2, seed=211, service=Service(6.0)
    ),
    "dev: day and night": lambda: make.diurnal(0.05, 2.0, _DAY_S, seed=104, service=Service()),
    "dev: flash crowd": lambda: make.flash_crowd(
        1.0, 8.0, 6 * _HOUR_S, at_s=10_000.0, rise_s=120.0, seed=105, service=Service(4.0)
    ),
    "dev: long flash crowd": lambda: make.flash_crowd(
        0.3, 3.0, _DAY_S / 2, at_s=20_000.0, rise_s=60.0, decay_s=1500.0, seed=215,
        service=Service(10.0),
    ),
    "dev: ramp": lambda: make.ramp(0.1, 6.0, 6 * _HOUR_S, seed=106, service=Service(10.0)),
    "dev: two states": lambda: make.mmpp(
        (0.4, 2.5), (2400.0, 1500.0), _DAY_S, seed=9001, service=Service(7.0, 1.0)
    ),
    "dev: two weeks": lambda: make.weekly(
        0.02, 0.6, 14 * _DAY_S, weekend=0.3, seed=9002, service=Service(12.0)
    ),
    "dev: slow flash crowd": lambda: make.flash_crowd(
        0.6, 5.0, _DAY_S / 2, at_s=25_000.0, rise_s=300.0, decay_s=1200.0, seed=9003,
        service=Service(6.0),
    ),
    "dev: falling ramp": lambda: make.ramp(
        4.0, 0.2, _DAY_S / 2, seed=9004, service=Service(12.0, 1.0)
    ),
    "dev: long on and off": lambda: make.mmpp(
        (0.0, 1.2), (2700.0, 1800.0), _DAY_S, seed=9005, service=Service(9.0, 0.6)
    ),
    "dev: four sparse days": lambda: make.poisson(
        0.007, 4 * _DAY_S, seed=9006, service=Service(25.0)
    ),
}  # fmt: skip
"""Loads on which changes of the policy were judged."""

SEASONAL: Mapping[str, Maker] = {
    "dev: office hours": lambda: make.weekly(
        0.02, 0.5, 21 * _DAY_S, weekend=0.3, edge_s=120.0, seed=216, service=Service(15.0)
    ),
}
"""Three weeks on which a policy that knows days and weeks is compared with one that does not."""

HELD_OUT: Mapping[str, Maker] = {
    "mmpp": lambda: make.mmpp(
        (0.3, 1.8), (2000.0, 1000.0), _DAY_S, seed=9101, service=Service(9.0, 0.9)
    ),
    "two weeks": lambda: make.weekly(
        0.03, 0.8, 14 * _DAY_S, weekend=0.4, seed=9102, service=Service(10.0)
    ),
    "flash crowd": lambda: make.flash_crowd(
        0.8, 6.0, _DAY_S / 2, at_s=20_000.0, rise_s=240.0, decay_s=1500.0, seed=9103,
        service=Service(5.0),
    ),
    "ramp": lambda: make.ramp(3.0, 0.3, _DAY_S / 2, seed=9104, service=Service(15.0, 1.0)),
    "on and off": lambda: make.mmpp(
        (0.0, 1.6), (2400.0, 2000.0), _DAY_S, seed=9105, service=Service(7.0, 0.7)
    ),
    "sparse": lambda: make.poisson(0.008, 4 * _DAY_S, seed=9106, service=Service(30.0)),
}  # fmt: skip
"""Loads on which nothing was ever chosen. Whoever changes the policy after looking: new seeds."""


def generated(name: str) -> GeneratedTrace:
    """Return one of the made-up loads by name.

    Raises:
        KeyError: there is none of that name.
    """
    return {**DEVELOPMENT, **SEASONAL, **HELD_OUT}[name]()
