"""How much risk the requests that were late leave: feedback from the attainment to the tail.

The tail is the probability of needing more workers than there are. Its logarithm follows the share
of late requests: a proportional part on the logarithm of allowed over actual share, and a slow
integral of requests allowed less requests late. Few requests say little, so both are damped by the
traffic of an hour. The integral does not relax while the promise is broken: a quiet hour after a
bad one makes good for it, and is no reason to risk the next.
"""

from __future__ import annotations

from math import exp, log

from autoscaler.model.frozen import maker
from autoscaler.policies.slo.state import Control, Lateness

CAUTION = 0.95
"""Part of the allowed share that is aimed at: what lists do not show must fit in, too."""
_FIRST_TAIL = 0.8
"""First tail, as a part of the allowed share."""
_PROPORTIONAL = 1.5
_LARGEST_TIGHTENING = 0.5
_INTEGRAL = 0.5
_INTEGRAL_LIMIT = 8.0
_RELAXING_WHILE_BROKEN = 0.0
_DAMPING_S = 3600.0
_INTEGRAL_S = 1800.0
_FEW_REQUESTS = 200.0
_FEW_FOR_INTEGRAL = 500.0
TAIL_MIN, TAIL_MAX = 1e-5, 0.7
_control = maker(Control)


def first(allowed: float) -> Control:
    """Return the risk before anything was learned; ``allowed``: share that may be late (0..1)."""
    return Control(max(TAIL_MIN, _FIRST_TAIL * allowed))


def update(
    before: Control,
    account: Lateness,
    allowed: float,
    *,
    arrived: int,
    late: float,
    rate: float,
) -> Control:
    """Return the risk after ``arrived`` more requests, ``late`` more late ones.

    Args:
        before: the risk until now.
        account: late ones and requests so far.
        allowed: share that may be late (0..1).
        arrived: requests of this interval.
        late: requests that turned out late in it.
        rate: arrivals per second expected.
    """
    aim = allowed * CAUTION
    damping = max(_FEW_REQUESTS, rate * _DAMPING_S)
    share = (account.late + aim * damping) / (account.requests + damping)
    weight = aim * max(_FEW_FOR_INTEGRAL, rate * _INTEGRAL_S)
    change = _INTEGRAL * (aim * arrived - late) / weight
    if change > 0 and share > aim:
        change *= _RELAXING_WHILE_BROKEN
    integral = before.integral + change
    integral = max(-_INTEGRAL_LIMIT, min(_INTEGRAL_LIMIT, integral))
    proportional = max(-_LARGEST_TIGHTENING, log(aim / max(share, 1e-6)))
    exponent = log(_FIRST_TAIL * allowed) + integral + _PROPORTIONAL * proportional
    return _control(max(TAIL_MIN, min(TAIL_MAX, exp(exponent))), integral)
