"""Memory of the process: what is free is given back, and seldom searched for."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

COLLECT_AFTER = (10_000, 20, 100)
"""Thresholds of the cycle collector: what a pass makes is freed without it, and a look at all that
ten thousand apps keep stops the loop for a third of a second; CPython's own look is every few
seconds then."""


def settle_down() -> None:
    """Leave out of every collection what was loaded at the start, and collect seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    give_back()


def give_back() -> None:
    """Return free memory to the system after much was freed at once: 3 MiB at ten thousand apps.

    glibc only gives back what is free at the end of its heap; elsewhere nothing need be done.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
