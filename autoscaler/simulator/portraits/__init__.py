"""Portraits of policies: what the pipeline makes of each under a step, a ramp and a burst.

They are made by the real ``decide`` in virtual time on a small closed loop, so the pictures of the
documentation cannot lag behind the program: ``loads`` (what comes), ``sitters`` (which policies,
with which parameters), ``sitting`` (the run), ``drawing`` (the picture).
"""

from autoscaler.simulator.portraits.drawing import DrawingError, draw
from autoscaler.simulator.portraits.loads import LOADS, Load
from autoscaler.simulator.portraits.sitters import SITTERS, Sitter
from autoscaler.simulator.portraits.sitting import Point, sit

__all__ = ["LOADS", "SITTERS", "DrawingError", "Load", "Point", "Sitter", "draw", "sit"]
