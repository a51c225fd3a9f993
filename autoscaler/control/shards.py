"""Several replicas that share the apps out: a lease for each shard, and who wants which.

Each shard has an elector, a term and a fence of its own, as the lead has where one replica acts for
all. What is added is only who *wants* a lease: replicas know of each other by their seats, and each
works out by rendezvous what the others work out too. A wrong guess costs a while without an owner,
never a second one.

The number of shards is in the leases' names. While another number still acts in the same set, a
replica takes no seat and begins no reign: it lists once more after it took a lease, and whoever
comes second sees the first. The lease of a single leader is left empty, and as such that whoever
takes it waits for its whole duration: time enough for all shards to be given up.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from random import Random  # noqa: TID251 - the type of an injected source, never the module's own

from autoscaler.control.board import Board, Seat
from autoscaler.control.election import RELEASE_LIMIT_S, RELEASED_S, Elector, LeasePace
from autoscaler.control.reign import Reign
from autoscaler.control.rendezvous import shard_of, spread
from autoscaler.control.supervisor import Supervisor
from autoscaler.model import AppKey
from autoscaler.model.errors import LeaseError, LeaseTaken
from autoscaler.ports import Clock, LeaseBoard, LeaseRecord, Term

Begin = Callable[[int, Term], Awaitable[None]]
End = Callable[[int], Awaitable[None]]


def lease_names(name: str, shards: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the leases of shards, and of those of seats.

    Besides, the lease ``name`` itself is kept empty.
    """
    of_shards = tuple(f"{name}-{index}-of-{shards}" for index in range(shards))
    return of_shards, tuple(f"{name}-replica-{index}" for index in range(shards))


class Shards:
    """What this replica has of the shards; implements :class:`autoscaler.ports.Leadership`.

    Attributes:
        reigns: one per shard.
    """

    term: Term | None = None

    def __init__(
        self,
        source: LeaseBoard,
        name: str,
        count: int,
        identity: str,
        *,
        pace: LeasePace,
        clock: Clock,
        rng: Random,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take the board, the leases' common name, how many shards there are, and who we are."""
        of_shards, of_seats = lease_names(name, count)
        self.pace = pace
        self._identity = identity
        self._clock = clock
        self._rng = rng
        self._on_trouble = on_trouble
        self._board = Board(source, clock)
        self._names = of_shards
        self._single = name
        self._single_lease = self._board.lease(name)
        self._other = re.compile(re.escape(name) + r"-\d+-of-\d+")
        self._seat = Seat(self._board, of_seats, identity, pace=pace, rng=rng)
        self._listed = asyncio.Event()
        self._leaving = False
        self._troubles: dict[str, str] = {}
        self.reigns = tuple(
            Reign(
                Elector(
                    self._board.lease(one),
                    identity,
                    pace=pace,
                    clock=clock,
                    rng=rng,
                    on_trouble=partial(self._note, one),
                )
            )
            for one in of_shards
        )
        for reign in self.reigns:
            reign.elector.wanted = False

    # -- what the rest of the program asks ----------------------------------------------------

    @property
    def identity(self) -> str:
        """Who we are."""
        return self._identity

    @property
    def leader(self) -> str:
        """Nobody: each shard has its own."""
        return ""

    @property
    def parts(self) -> tuple[Reign, ...]:
        """The reign over each shard."""
        return self.reigns

    def left_s(self) -> float:
        """Return for how long some shard is surely ours."""
        return max(reign.left_s() for reign in self.reigns)

    def of(self, app: AppKey) -> Reign:
        """Return the reign over the app's shard."""
        return self.reigns[self.part_of(app)]

    def part_of(self, app: AppKey) -> int:
        """Return the app's shard."""
        return shard_of(app, len(self.reigns))

    @property
    def owned(self) -> int:
        """How many shards are surely ours now."""
        return sum(reign.left_s() > 0 for reign in self.reigns)

    @property
    def transitions(self) -> int:
        """How often a shard was won or lost here."""
        return sum(reign.elector.transitions for reign in self.reigns)

    @property
    def replicas(self) -> int:
        """How many replicas live, as far as can be seen from here."""
        return len(self._seat.living())

    @property
    def calls(self) -> int:
        """Requests for leases since the start."""
        return self._board.calls

    @property
    def trouble(self) -> str:
        """Why a lease could not be read or written when last tried; empty where all could."""
        return next(iter(self._troubles.values()), "")

    # -- life ---------------------------------------------------------------------------------

    async def run(self, supervisor: Supervisor, *, begin: Begin, end: End) -> None:
        """Campaign for our share, and act for its apps, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(), name="shards")
            for index, reign in enumerate(self.reigns):
                group.create_task(self._campaign(reign.elector), name=f"elector {index}")
                follow = reign.follow(
                    supervisor,
                    begin=partial(begin, index),
                    end=partial(end, index),
                    part=index,
                    admit=self._admit,
                )
                group.create_task(follow, name=f"reign {index}")

    async def leave(self) -> None:
        """Let the others know that we are about to go; what we have stays ours until released."""
        self._leaving = True
        try:
            async with asyncio.timeout(RELEASE_LIMIT_S):
                await self._seat.leave()
        except (LeaseError, TimeoutError):
            return

    async def release(self) -> None:
        """Give every lease back, once nothing that was sent is under way any more."""
        await asyncio.gather(*(reign.elector.release() for reign in self.reigns))

    async def _campaign(self, elector: Elector) -> None:
        while True:
            if elector.campaigning:
                await self._listed.wait()
            await elector.attempt()
            if not elector.campaigning:
                await self._clock.sleep(elector.pause_s())

    async def _watch(self) -> None:
        while True:
            self._note(self._single, await self._look())
            await self._clock.sleep(self.pace.retry_s * self._rng.uniform(0.4, 0.8))

    def _note(self, lease: str, trouble: str) -> None:
        """Tell of the first lease that cannot be read or written, and when all can be again."""
        before = self.trouble
        if trouble:
            self._troubles[lease] = trouble
        else:
            self._troubles.pop(lease, None)
        if bool(before) != bool(self.trouble):
            self._on_trouble(self.trouble)

    async def _look(self) -> str:
        """List the leases, keep the seat, and want our share; return what went wrong."""
        try:
            async with asyncio.timeout(self.pace.try_limit_s):
                await self._board.refresh()
                await self._bury_single()
                clear = self._is_clear()
                if clear and not self._leaving:
                    await self._seat.keep()
        except LeaseError as error:
            return str(error)
        except TimeoutError:
            return f"no answer within {self.pace.try_limit_s:.3g} s"
        self._want(clear=clear)
        # Wakes who waits now; who comes later waits for the next listing.
        self._listed.set()
        self._listed.clear()
        return ""

    def _want(self, *, clear: bool) -> None:
        living = self._seat.living()
        if self._board.live(self._single, self.pace.duration_s):
            # Replicas that know no shards have come: theirs is the word.
            for reign in self.reigns:
                reign.elector.wanted = False
            return
        if self._identity not in living:
            # Nobody counts on us: what we have stays, nothing is added.
            for reign in self.reigns:
                reign.elector.wanted = reign.elector.term is not None
            return
        holders = {}
        for index, (name, reign) in enumerate(zip(self._names, self.reigns, strict=True)):
            ours = reign.elector.term is not None
            holders[index] = (
                self._identity if ours else self._board.live(name, self.pace.duration_s)
            )
        wanted = spread(len(self.reigns), living, holders)
        for index, reign in enumerate(self.reigns):
            mine = wanted[index] == self._identity
            reign.elector.wanted = mine and (clear or reign.elector.term is not None)

    def _is_clear(self) -> bool:
        """Whether nobody acts by another number of shards, or as the only leader."""
        others = [
            name
            for name in self._board.leases
            if self._other.fullmatch(name) and name not in self._names
        ]
        live = any(self._board.live(name, self.pace.duration_s) for name in others)
        return self._is_buried() and not live

    def _is_buried(self) -> bool:
        lease = self._board.leases.get(self._single)
        return (
            lease is not None and not lease.record.holder and lease.record.duration_s > RELEASED_S
        )

    async def _bury_single(self) -> None:
        """Make the lease of a single leader one that nobody takes without waiting.

        Where one was given back a moment ago, another single leader may be about to take it.
        """
        single, duration_s = self._single, self.pace.duration_s
        if self._is_buried() or self._board.recent(single, duration_s):
            return
        now, over = self._clock.now(), self._board.leases.get(single)
        number = 0 if over is None else over.record.number
        with suppress(LeaseTaken):
            await self._single_lease.write(LeaseRecord("", duration_s, number, now, now), over)

    async def _admit(self) -> bool:
        """Say whether a reign may begin: nobody else's leases are seen after ours was taken."""
        try:
            async with asyncio.timeout(self.pace.try_limit_s):
                await self._board.refresh(since=self._clock.now())
        except (LeaseError, TimeoutError):
            return False
        return self._is_clear()
