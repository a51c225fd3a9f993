"""What one target has been told, so that it is told neither twice nor of what passes at once.

Trouble flickers: a platform that answers every second request makes a decision with a reason of
trouble every few seconds. So trouble is told once it has lasted, its end only where its begin was
told, and the same thing of the same app once in a window.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autoscaler.model import AppKey, Decision
from autoscaler.notifications import notice
from autoscaler.notifications.notice import Event, Notice
from autoscaler.notifications.tally import Fate, Tally
from autoscaler.notifications.target import Target

KEYS_MAX = 10_000
"""So many things told are remembered; beyond it those whose window has passed are dropped."""


@dataclass(slots=True)
class _Trouble:
    """An episode: since when (epoch seconds), the reasons told, those that quiet hours held."""

    since: float
    told: list[str] = field(default_factory=list)
    held: set[str] = field(default_factory=set)


class Subscription:
    """Decides what one target is told, and counts what it is not."""

    def __init__(self, target: Target, tally: Tally) -> None:
        self.target = target
        self._tally = tally
        self._about: dict[AppKey, bool] = {}
        self._troubles: dict[AppKey, _Trouble] = {}
        self._told_at: dict[tuple[Event, AppKey | None, str], float] = {}

    def decided(self, decision: Decision) -> Notice | None:
        """Take a decision; return what to tell of trouble that lasts or is over."""
        if not self._is_about(decision.app):
            return None
        trouble = self._troubles.get(decision.app)
        if decision.reason.value not in self.target.reasons:
            return self._over(decision, trouble)
        if trouble is None:
            trouble = self._troubles[decision.app] = _Trouble(decision.at)
        young = decision.at - trouble.since < self.target.after_s
        if young or decision.reason.value in trouble.told:
            return None
        return self._begun(decision, trouble)

    def _begun(self, decision: Decision, trouble: _Trouble) -> Notice | None:
        begun = notice.began(decision, trouble.since)
        if not self.target.wants(begun) or self._told_lately(begun):
            return None
        if self._is_quiet(begun):
            self._held(trouble, begun)
            return None
        trouble.told.append(decision.reason.value)
        return self._tell(begun)

    def offered(self, found: Notice) -> Notice | None:
        """Take what happened at once; return it if it is to be told."""
        if found.app is not None and not self._is_about(found.app):
            return None
        if not self.target.wants(found):
            return None
        if found.event is not Event.BY_HAND and self._told_lately(found):
            self._tally.count(self.target.name, Fate.REPEATED)
            return None
        return self._unless_quiet(found)

    def forget(self, app: AppKey) -> None:
        """Drop what is remembered of an app."""
        self._about.pop(app, None)
        self._troubles.pop(app, None)

    def _over(self, decision: Decision, trouble: _Trouble | None) -> Notice | None:
        if trouble is None:
            return None
        del self._troubles[decision.app]
        if not trouble.told:
            return None
        over = notice.ended(decision, trouble.told[-1], trouble.since)
        return self._unless_quiet(over) if self.target.wants(over) else None

    def _held(self, trouble: _Trouble, begun: Notice) -> None:
        """Count it once; if it still lasts when quiet hours end, it is told then."""
        if begun.reason not in trouble.held:
            trouble.held.add(begun.reason)
            self._tally.count(self.target.name, Fate.QUIET)

    def _unless_quiet(self, found: Notice) -> Notice | None:
        if self._is_quiet(found):
            self._tally.count(self.target.name, Fate.QUIET)
            return None
        return self._tell(found)

    def _is_quiet(self, found: Notice) -> bool:
        quiet = self.target.quiet
        return quiet is not None and quiet.holds_back(found, found.at)

    def _is_about(self, app: AppKey) -> bool:
        known = self._about.get(app)
        if known is None:
            known = self._about[app] = self.target.is_about(app)
        return known

    def _told_lately(self, found: Notice) -> bool:
        at = self._told_at.get(found.key)
        return at is not None and found.at - at < self.target.window_s

    def _tell(self, found: Notice) -> Notice:
        if len(self._told_at) >= KEYS_MAX:
            fresh = found.at - self.target.window_s
            self._told_at = {key: at for key, at in self._told_at.items() if at > fresh}
        if len(self._told_at) < KEYS_MAX:
            self._told_at[found.key] = found.at
        return found
