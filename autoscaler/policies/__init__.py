"""Policies: one file each, pure; an observation goes in, a recommendation comes out."""

from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import Duration, PolicyParams, PositiveDuration, parse_duration
from autoscaler.policies.registry import policies

__all__ = [
    "Answer",
    "Duration",
    "Policy",
    "PolicyParams",
    "PositiveDuration",
    "parse_duration",
    "policies",
]
