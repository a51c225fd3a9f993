"""Seeded randomness: each part of the emulator draws from a stream of its own.

Streams apart mean that one more draw here (a fault, a failing start) does not change the load
there, so that two runs of one seed stay comparable.
"""

from __future__ import annotations

from random import Random  # noqa: TID251 - the seeded class, never the module's own generator

__all__ = ["Random", "stream"]


def stream(seed: int, *names: str) -> Random:
    """Return the generator of the part called ``names``; the same for the same arguments."""
    return Random(":".join((str(seed), *names)))  # noqa: S311 - repeatable, not secret
