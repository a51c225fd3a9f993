"""The measures that the checks go by, where the platform's side cannot know what the client could.

Each says what it excuses. They are as small as the API lets them be.
"""

from __future__ import annotations

from autoscaler.decision.drain import CONFIRMATION_VALID_S

LATENCY_MAX_S = 0.3
"""Longest way of a request to the platform, where nothing stalls it."""
RACE_WINDOW_S = CONFIRMATION_VALID_S + LATENCY_MAX_S
"""A worker shown FREE may have changed for so long when the removal arrives: the promised two
seconds from the list's sending to the call's, and the call's way."""
RELOAD_GRACE_S = 150.0
"""A pass that was under way at a reload ends within this time: until then either bounds hold."""
