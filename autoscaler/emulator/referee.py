"""Judges each scale call by the rules an autoscaler must keep, from the platform's side.

A caller can only know what a list told it. So what changed *after* its last list is no breach but a
race, booked apart; and a call that no recent list justifies is a breach even where it did no harm.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from autoscaler.emulator.app import App
from autoscaler.emulator.books import Breach
from autoscaler.emulator.scenario import Rules
from autoscaler.emulator.worker import HEALTHY, Phase, SimWorker

_MAX_CALLERS = 64


class Rule(StrEnum):
    """The rules, named for how they are broken."""

    REMOVED_BUSY = "removed-busy"
    REMOVED_WITH_SESSIONS = "removed-with-sessions"
    REMOVED_IN_FLIGHT = "removed-in-flight"
    REMOVED_ROLLIN = "removed-rollin"
    REMOVED_REPLACED = "removed-replaced"
    REMOVED_UNAVAILABLE = "removed-unavailable"
    REMOVED_FAILED = "removed-failed"
    REMOVED_TWICE = "removed-twice"
    REMOVED_UNKNOWN = "removed-unknown"
    REMOVED_REMOVING = "removed-removing"
    REMOVED_GONE = "removed-gone"
    REMOVED_UNSEEN = "removed-not-shown-free"
    NAMED_TWICE = "named-twice"
    NO_IDS = "no-ids"
    WRONG_COUNT = "wrong-count"
    ABOVE_MAX = "above-max"
    BELOW_MIN = "below-min"
    PAUSED_APP = "paused-app"
    PLATFORM_SCALED_APP = "platform-scaled-app"


@dataclass(frozen=True, slots=True)
class Glance:
    """What a caller's last usable list told it.

    Attributes:
        shown_at: moment at which the list was true. answered_at: when it was handed out.
        free_ids: workers it showed RUNNING, FREE and without sessions.
        max_workers: the maximum it reported.
    """

    shown_at: float
    answered_at: float
    free_ids: frozenset[str]
    max_workers: int | None


class Referee:
    """Watches one app's callers and books what they break."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._glances: OrderedDict[str, Glance] = OrderedDict()

    @property
    def _rules(self) -> Rules:
        """What the autoscaler is told now; a simulation changes it with the configuration."""
        return self._app.knobs.rules

    def saw(self, caller: str, glance: Glance) -> None:
        """Remember what a list told a caller."""
        self._glances[caller] = glance
        self._glances.move_to_end(caller)
        if len(self._glances) > _MAX_CALLERS:
            self._glances.popitem(last=False)

    def judge_up(self, caller: str, count: int) -> None:
        """Judge a scale-up by ``count`` before it is carried out."""
        self._judge_app()
        glance = self._glances.get(caller)
        limit, present = self._limit(glance), self._known_present(glance)
        if limit is not None and present + count > limit:
            self._book(Rule.ABOVE_MAX, f"{present} present + {count} asked > {limit}")

    def judge_down(self, caller: str, count: int, worker_ids: Sequence[str]) -> dict[str, bool]:
        """Judge a scale-down before it is carried out.

        Returns:
            For each id whether its worker's state is excused as a race.
        """
        self._judge_app()
        if not worker_ids:
            self._book(Rule.NO_IDS, f"{count} workers to remove, none named")
        elif count != len(worker_ids):
            self._book(Rule.WRONG_COUNT, f"{count} to remove, {len(worker_ids)} ids")
        for worker_id, times in Counter(worker_ids).items():
            if times > 1:
                self._book(Rule.NAMED_TWICE, f"{worker_id} named {times} times")
        glance = self._glances.get(caller)
        excused = {worker_id: self._judge_worker(glance, worker_id) for worker_id in worker_ids}
        self._judge_minimum(glance, set(worker_ids))
        return excused

    # -- the app ------------------------------------------------------------------------------

    def _judge_app(self) -> None:
        app = self._app
        if app.knobs.scaler in ("builtin", "container", "thirdParty"):
            self._book(Rule.PLATFORM_SCALED_APP, f"its autoscaler is {app.knobs.scaler}")
        if app.paused_at is not None:
            age_s = app.now - app.paused_at
            raced = age_s <= self._rules.app_info_grace_s
            self._book(Rule.PAUSED_APP, f"paused {age_s:.1f} s ago", raced=raced)

    def _limit(self, glance: Glance | None) -> int | None:
        """The maximum the caller had to keep: its own, and the higher of the reported and true."""
        app = self._app
        platform = app.max_workers
        if platform is not None and glance is not None:
            shown = glance.max_workers
            platform = None if shown is None else max(platform, shown)
        limits = [each for each in (platform, self._rules.max_workers) if each is not None]
        return min(limits, default=None)

    def _known_present(self, glance: Glance | None) -> int:
        """Places taken, without what the platform itself started after the caller's last look."""
        app = self._app
        shown_at = app.now if glance is None else glance.shown_at
        return sum(
            (worker.by_caller or worker.visible_at <= shown_at) and not app.is_paired(worker)
            for worker in app.workers.values()
        )

    def _judge_minimum(self, glance: Glance | None, worker_ids: set[str]) -> None:
        app = self._app
        named = [app.workers[each] for each in worker_ids if each in app.workers]
        going = {worker.id for worker in named if worker.phase in HEALTHY}
        left = app.healthy() - len(going)
        shown_at = app.now if glance is None else glance.shown_at
        surprises = sum(at > shown_at for at in app.exits)
        minimum = self._minimum(glance)
        if going and left + surprises < minimum:
            self._book(Rule.BELOW_MIN, f"{left} healthy left < {minimum}")

    def _minimum(self, glance: Glance | None) -> int:
        """The minimum the caller had to keep: where a maximum is lower, the maximum wins."""
        shown = None if glance is None else glance.max_workers
        bounds = (self._rules.min_workers, self._rules.max_workers, self._app.max_workers, shown)
        return min(bound for bound in bounds if bound is not None)

    # -- one worker ---------------------------------------------------------------------------

    def _judge_worker(self, glance: Glance | None, worker_id: str) -> bool:
        """Book what is wrong with removing this one; return whether a race excuses it."""
        worker = self._app.find(worker_id)
        if worker is None:
            self._book(Rule.REMOVED_UNKNOWN, f"no worker {worker_id}")
            return False
        seen_free = self._seen_free(glance, worker_id)
        rule = self._fault_of(worker)
        if rule is None:
            if not seen_free and worker.phase is not Phase.ERROR and self._is_running(worker):
                self._book(Rule.REMOVED_UNSEEN, f"{worker_id}: no recent list showed it FREE")
            return seen_free
        raced = seen_free and rule is not Rule.REMOVED_TWICE
        self._book(rule, f"{worker_id} is {worker.phase.value}", raced=raced)
        return raced

    def _is_running(self, worker: SimWorker) -> bool:
        return worker.phase in (Phase.FREE, Phase.BUSY)

    def _seen_free(self, glance: Glance | None, worker_id: str) -> bool:
        return (
            glance is not None
            and worker_id in glance.free_ids
            and self._app.now - glance.answered_at <= self._rules.race_window_s
        )

    def _fault_of(self, worker: SimWorker) -> Rule | None:
        """The rule that removing this worker breaks, whatever the caller knew."""
        if worker.removed_by_caller:
            return Rule.REMOVED_TWICE
        if worker.phase is Phase.STARTING:
            paired = self._app.is_paired(worker)
            return Rule.REMOVED_ROLLIN if paired else Rule.REMOVED_IN_FLIGHT
        by_phase = self._BY_PHASE.get(worker.phase)
        if by_phase is not None:
            opted_in = self._rules.clear_failed and by_phase in self._CLEARABLE
            return None if opted_in else by_phase
        if worker.live_sessions(self._app.now):
            return Rule.REMOVED_WITH_SESSIONS
        return Rule.REMOVED_REPLACED if worker.replaced_by else None

    _BY_PHASE = {  # noqa: RUF012 - a constant table
        Phase.BUSY: Rule.REMOVED_BUSY,
        Phase.UNAVAILABLE: Rule.REMOVED_UNAVAILABLE,
        Phase.ERROR: Rule.REMOVED_FAILED,
        Phase.REMOVING: Rule.REMOVED_REMOVING,
        Phase.TERMINATED: Rule.REMOVED_GONE,
    }
    _CLEARABLE = frozenset({Rule.REMOVED_UNAVAILABLE, Rule.REMOVED_FAILED})

    def _book(self, rule: Rule, detail: str, *, raced: bool = False) -> None:
        books = self._app.books
        breach = Breach(rule.value, self._app.now, self._app.label, detail)
        (books.raced if raced else books.broken).add(breach)
