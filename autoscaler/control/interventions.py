"""Takes people's orders: written down before they are confirmed, told to the recorder, obeyed next.

An order changes an app's memory, which belongs to the app's passes; so it waits for the one under
way to end, which takes seconds at most.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autoscaler.control.reconciler import AppRun, Reconciler
from autoscaler.control.supervisor import Supervisor
from autoscaler.decision.interventions import with_order, without_orders
from autoscaler.model import AppKey, Intervention, InterventionKind
from autoscaler.model.errors import NotLeader
from autoscaler.ports import AlwaysLeader, Leadership


@dataclass(frozen=True, slots=True)
class Desk:
    """Implements :class:`autoscaler.ports.Interventions` over a running supervisor."""

    supervisor: Supervisor
    reconciler: Reconciler
    leadership: Leadership = field(default_factory=AlwaysLeader)

    def knows(self, app: AppKey) -> bool:
        """Whether the app is configured here."""
        return app in self.supervisor

    def in_force(self, app: AppKey) -> tuple[Intervention, ...]:
        """Return what holds for an app now; nothing for one that was not looked at yet."""
        if app not in self.supervisor:
            return ()
        memory = self.supervisor.run_of(app).memory
        now = self.reconciler.clock.now()
        return tuple(one for one in memory.interventions if one.in_force(now)) if memory else ()

    async def intervene(self, app: AppKey, intervention: Intervention) -> None:
        """Put an order in force, instead of an earlier one of its kind, and look at once.

        Raises:
            KeyError: the app is not configured here.
            NotLeader: another replica leads; nothing was done.
            StateError: it could not be written down; it holds all the same until a restart.
        """

        async def work(run: AppRun) -> None:
            run.memory = with_order(await self.reconciler.remember(run), intervention)
            self.reconciler.recorder.intervened(app, intervention, self.reconciler.clock.now(), "")
            await self.reconciler.state.write_intent(app, run.memory)

        self._check_leading(app)
        await self.supervisor.between_passes(app, work)

    async def end(
        self, app: AppKey, kinds: frozenset[InterventionKind], who: str, why: str
    ) -> tuple[Intervention, ...]:
        """End the orders of these kinds; return those that were in force.

        Raises:
            KeyError: the app is not configured here.
            NotLeader: another replica leads; nothing was done.
            StateError: it could not be written down; a restart would bring the orders back.
        """
        ended: tuple[Intervention, ...] = ()

        async def work(run: AppRun) -> None:
            nonlocal ended
            run.memory, ended = without_orders(await self.reconciler.remember(run), kinds)
            for one in ended:
                self.reconciler.recorder.intervened(
                    app, one, self.reconciler.clock.now(), f"ended by {who}: {why}"
                )
            if ended:
                await self.reconciler.state.write_intent(app, run.memory)

        self._check_leading(app)
        await self.supervisor.between_passes(app, work)
        return ended

    def _check_leading(self, app: AppKey) -> None:
        owner = self.leadership.of(app)
        if owner.left_s() <= 0:
            leader = owner.leader or "nobody that can be seen"
            raise NotLeader(f"the order for {app} was not taken: {leader} leads, ask that replica")
