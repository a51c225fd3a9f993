"""Lets the program act while this replica leads, and only then.

A reign begins with the state store and ends with it: what was remembered in another's time is never
used. Whoever acts asks here, not the elector: a reign that has begun again is not the old one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from autoscaler.control.election import Elector
from autoscaler.control.supervisor import Supervisor
from autoscaler.model import AppKey
from autoscaler.ports import Leadership, Term

HANDOVER_GRACE_S = 20.0
"""Seconds that passes under way are given where another replica is to have the lease: longer than
any scale call may take, so that none is cut off."""

Begin = Callable[[Term], Awaitable[None]]
End = Callable[[], Awaitable[None]]
Admit = Callable[[], Awaitable[bool]]


async def _always() -> bool:
    return True


class Reign:
    """Follows the elector; implements :class:`autoscaler.ports.Leadership`."""

    parts: tuple[Leadership, ...] = ()

    def __init__(self, elector: Elector) -> None:
        self.elector = elector
        self._term: Term | None = None

    @property
    def identity(self) -> str:
        """Who we are."""
        return self.elector.identity

    @property
    def leader(self) -> str:
        """Who leads, as far as is known."""
        return self.elector.leader

    @property
    def term(self) -> Term | None:
        """The reign in which we act; ``None`` while we do not."""
        return self._term if self._term == self.elector.term else None

    def left_s(self) -> float:
        """Return for how long acting is surely ours."""
        return 0.0 if self.term is None else self.elector.left_s()

    def of(self, app: AppKey) -> Leadership:  # noqa: ARG002 - the same for every app
        """Return itself."""
        return self

    async def follow(
        self,
        supervisor: Supervisor,
        *,
        begin: Begin,
        end: End,
        part: int = 0,
        admit: Admit = _always,
    ) -> None:
        """Start and stop the supervisor with our reigns, until cancelled.

        Args:
            supervisor: stands by at first.
            begin: opens the state store for a term; called before anything is looked at.
            end: closes it; called when nothing is under way any more.
            part: which part of the supervisor's apps.
            admit: asked before a reign begins; where it says no, the lease is given back.
        """
        while True:
            term = self.elector.term
            if term != self._term and self._term is not None:
                self._term = None
                await supervisor.stand_by(part)
                await end()
            elif term is not None and not self.elector.wanted:
                await self._hand_over(supervisor, end, part)
            elif term == self._term or term is None:
                await self.elector.moved()
            elif await admit():
                await begin(term)
                self._term = term
                supervisor.take_over(part)
            else:
                self.elector.wanted = False

    async def _hand_over(self, supervisor: Supervisor, end: End, part: int) -> None:
        """Give the lease to whoever is to have it, once what is under way has ended."""
        if self._term is not None:
            await supervisor.stand_by(part, grace_s=HANDOVER_GRACE_S)
            self._term = None
            await end()
        await self.elector.release()
