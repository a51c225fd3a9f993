"""``changed(memory, field=value, …)``: a memory with some fields changed, the old one untouched.

It happens three to ten times in a decision. ``dataclasses.replace`` does the same, but took a
quarter of the time of a decision about ten workers; type checkers are told that it is that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["changed"]

if TYPE_CHECKING:
    from dataclasses import replace as changed
else:
    from autoscaler.decision.memory import AppMemory
    from autoscaler.model.frozen import changer

    changed = changer(AppMemory)
