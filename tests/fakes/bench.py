"""A reconciler over a platform in memory, and apps on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from autoscaler.control.fleet import Fleet
from autoscaler.control.reconciler import AppRun, Reconciler
from autoscaler.decision import AppMemory, AppSpec
from autoscaler.model import AppKey, Decision, Worker
from autoscaler.ports import AlwaysLeader, Leadership, State
from autoscaler.state import VolatileState
from tests.fakes.clock import ManualClock
from tests.fakes.platform import FakeApp, FakePlatform
from tests.fakes.recorder import RecordingRecorder
from tests.fakes.stories import KEY, Wish, spec, wish, worker


@dataclass(slots=True)
class Bench:
    """Everything that a pass touches, within a test's reach."""

    clock: ManualClock
    platform: FakePlatform
    recorder: RecordingRecorder
    state: State = field(default_factory=VolatileState)
    fleet: Fleet = field(default_factory=Fleet)
    dry_run: bool = False
    leadership: Leadership = field(default_factory=AlwaysLeader)
    runs: dict[AppKey, AppRun] = field(default_factory=dict)
    wishes: dict[AppKey, Wish] = field(default_factory=dict)

    def reconciler(self) -> Reconciler:
        return Reconciler(
            self.platform,
            self.state,
            self.clock,
            self.recorder,
            self.fleet,
            dry_run=self.dry_run,
            leadership=self.leadership,
        )

    def app(
        self, *workers: Worker | str, key: AppKey = KEY, wants: int = 1, **fields: Any
    ) -> FakeApp:
        """Put an app on the platform and under our care."""
        listed = [w if isinstance(w, Worker) else worker(w) for w in workers]
        self.wishes[key] = wish(wants)
        policies = (self.wishes[key],)
        self.runs[key] = AppRun(spec(key=key, policies=policies, **fields))
        return self.platform.add(key, *listed)

    def spec(self, key: AppKey = KEY) -> AppSpec:
        return self.runs[key].spec

    def memory(self, key: AppKey = KEY) -> AppMemory:
        memory = self.runs[key].memory
        assert memory is not None
        return memory

    async def pass_(self, key: AppKey = KEY, *, wants: int | None = None) -> Decision:
        """Run one pass, then let 15 seconds go by."""
        if wants is not None:
            self.wishes[key].answer = wants
        decision = await self.reconciler().reconcile(self.runs[key])
        self.clock.jump(15)
        return decision

    def restart(self, key: AppKey = KEY) -> None:
        """Forget what a process forgets."""
        self.runs[key] = AppRun(replace(self.runs[key].spec))
