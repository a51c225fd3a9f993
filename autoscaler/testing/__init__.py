"""What authors of plug-ins test with: the conformance suite of policies."""

from autoscaler.testing.conformance import Violation, assert_conformant, check
from autoscaler.testing.scenes import Scene, observe

__all__ = ["Scene", "Violation", "assert_conformant", "check", "observe"]
