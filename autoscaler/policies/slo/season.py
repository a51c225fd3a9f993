"""What the clock tells: the load of the same time of earlier days and weeks, where that helps.

A profile keeps the mean arrival rate of each half hour of a day and of a week (UTC), in bounded
memory. It is scaled by how the last hours compare with it. It is believed only while it has
foretold the load of this very app better than the short-term forecast did, over days; and then only
upwards, since nobody waits for a worker that was kept a little longer.
"""

from __future__ import annotations

from dataclasses import replace
from math import exp

from autoscaler.model.frozen import maker
from autoscaler.policies.slo.state import Demand, Profile, Season

SLOT_S = 1_800.0
SLOTS = (48, 336)
"""Half hours of a day, and of a week."""
_LEARNING = 0.35
"""Weight of the newest day or week in a profile."""
_LEVEL_S = 7_200.0
"""How long today's height is compared with the profile's."""
_LEVEL_REQUESTS = 30.0
_LEVEL_MAX = 2.0
_JUDGED_S = 172_800.0
"""Memory of how well each forecast did, seconds."""
_PROVEN_S = 86_400.0
"""A profile is not believed before it was judged for so long, seconds."""
_BETTER = 0.9
"""Its mean squared error must stay below this part of the short-term forecast's."""
UNKNOWN = -1.0
_profile, _season = maker(Profile), maker(Season)


def update(before: Season, demand: Demand) -> Season:
    """Return the profiles after one more list."""
    slot = int((demand.at or 0.0) // SLOT_S)
    profiles = before.profiles or tuple([Profile((UNKNOWN,) * n) for n in SLOTS])
    profiles = tuple([_level(one, slot, demand) for one in profiles])
    if slot == before.slot:
        return _season(
            slot, before.arrived + demand.arrived, before.seconds + demand.step_s, profiles
        )
    if before.slot < 0:
        return Season(slot, profiles=profiles)
    if before.seconds >= SLOT_S / 2:  # less of it was seen: that says little
        mean = before.arrived / before.seconds
        profiles = tuple([_learn(one, before.slot, mean) for one in profiles])
    return Season(slot, demand.arrived, demand.step_s, profiles)


def _learn(profile: Profile, slot: int, mean: float) -> Profile:
    place = slot % len(profile.rates)
    known = profile.rates[place]
    fresh = mean if known < 0 else known + (mean - known) * _LEARNING
    rates = (*profile.rates[:place], round(fresh, 6), *profile.rates[place + 1 :])
    return replace(profile, rates=rates)


def _level(profile: Profile, slot: int, demand: Demand) -> Profile:
    expected = profile.rates[slot % len(profile.rates)]
    if expected < 0:
        return profile
    kept = exp(-demand.step_s / _LEVEL_S)
    return _profile(
        profile.rates,
        profile.came * kept + demand.arrived,
        profile.expected * kept + expected * demand.step_s,
        profile.judged_s,
        profile.error,
        profile.rival,
    )


def foretold(season: Season, at: float) -> tuple[float, ...]:
    """Return the rate (1/s) that each profile gives for a time; below 0 where it knows nothing."""
    slot = int(at // SLOT_S)
    return tuple([_foretold(one, slot) for one in season.profiles])


def _foretold(profile: Profile, slot: int) -> float:
    rate = profile.rates[slot % len(profile.rates)]
    if rate <= 0:
        return rate
    level = (profile.came + _LEVEL_REQUESTS) / (profile.expected + _LEVEL_REQUESTS)
    return rate * min(_LEVEL_MAX, max(1 / _LEVEL_MAX, level))


def judge(
    season: Season, load: float, mixed: float, told: tuple[float, ...], step_s: float
) -> Season:
    """Return the season after forecasts of one horizon ago met the load (rates, 1/s)."""
    if not told or max(told) < 0:
        return season
    profiles = tuple(
        [
            _judged(one, rate, load, mixed, step_s) if rate >= 0 else one
            for one, rate in zip(season.profiles, told, strict=True)
        ]
    )
    return _season(season.slot, season.arrived, season.seconds, profiles)


def _judged(one: Profile, rate: float, load: float, mixed: float, step_s: float) -> Profile:
    judged_s = one.judged_s + step_s
    weight = step_s / min(judged_s, _JUDGED_S)
    error = one.error + ((load - rate) ** 2 - one.error) * weight
    rival = one.rival + ((load - mixed) ** 2 - one.rival) * weight
    return _profile(one.rates, one.came, one.expected, judged_s, error, rival)


def raised(season: Season, short: float, told: tuple[float, ...]) -> float:
    """Return the short-term forecast (1/s), raised as far as a proven profile knows of more."""
    best = short
    if max(told, default=UNKNOWN) <= short:
        return best
    for one, rate in zip(season.profiles, told, strict=False):
        if one.judged_s >= _PROVEN_S and one.error < _BETTER * one.rival and rate > short:
            trust = one.rival / (one.rival + one.error)
            best = max(best, short + trust * (rate - short))
    return best
