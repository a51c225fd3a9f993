"""Lets the program act while this replica leads, and only then.

A reign begins with the state store and ends with it: what was remembered in another's time is never
used. Whoever acts asks here, not the elector: a reign that has begun again is not the old one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from autoscaler.control.election import Elector
from autoscaler.control.supervisor import Supervisor
from autoscaler.ports import Term

Begin = Callable[[Term], Awaitable[None]]
End = Callable[[], Awaitable[None]]


class Reign:
    """Follows the elector; implements :class:`autoscaler.ports.Leadership`."""

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

    async def follow(self, supervisor: Supervisor, *, begin: Begin, end: End) -> None:
        """Start and stop the supervisor with our reigns, until cancelled.

        Args:
            supervisor: stands by at first.
            begin: opens the state store for a term; called before anything is looked at.
            end: closes it; called when nothing is under way any more.
        """
        while True:
            term = self.elector.term
            if term != self._term and self._term is not None:
                self._term = None
                await supervisor.stand_by()
                await end()
            elif term != self._term:
                assert term is not None  # noqa: S101 - the branch above has the other case
                await begin(term)
                self._term = term
                supervisor.take_over()
            else:
                await self.elector.moved()
