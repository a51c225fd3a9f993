"""Leader election over a lease: one replica leads, and knows for how long it surely does.

As in client-go, nobody trusts the times that stand in the lease: a candidate takes it once it has
seen it unchanged for its whole duration, by its own clock, so clocks that disagree do no harm. The
holder counts from the moment at which it *sent* its last successful renewal, which is before
anybody else can have seen it. It leads until ``renew_deadline_s`` after that, and stops then
whether or not the network lets it know anything; what it sent before ends by ``duration_s``.

    holder     sent a renewal ───── stops leading ──── its last call is over ─┐
                    0 s               10 s                 14.5 s             │
    candidate          └ saw it change ──────────────────────────── 15 s: takes it, waits 5 s, acts
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random  # noqa: TID251 - the type of an injected source, never the module's own

from autoscaler.model.errors import LeaseError, LeaseTaken
from autoscaler.ports import Clock, Lease, LeaseRecord, LeaseStore, Term

SLACK_S = 0.5
"""A call of the holder ends so long before another may take the lease: clocks drift apart."""
RELEASED_S = 1.0
"""Duration in a lease that its holder gave back, all calls ended; nobody need wait for it."""
TRIES = 3
"""So many renewals fit into the renew deadline even where none is answered."""
RELEASE_LIMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class LeasePace:
    """How long things take; seconds, each above 0.

    Attributes:
        duration_s: how long the lease must stand unchanged before another takes it.
        renew_deadline_s: how long the holder leads after its last renewal; less than the duration.
        retry_s: longest pause between two tries.
    """

    duration_s: float = 15.0
    renew_deadline_s: float = 10.0
    retry_s: float = 2.0

    @property
    def try_limit_s(self) -> float:
        """Time limit of one read or write of the lease, or of both together."""
        return self.renew_deadline_s / TRIES

    @property
    def margin_s(self) -> float:
        """From the moment the holder stops to the moment another may begin."""
        return self.duration_s - self.renew_deadline_s


class Elector:
    """Campaigns for a lease and keeps it; implements :class:`autoscaler.ports.Leadership`.

    Attributes:
        pace: how long things take.
        transitions: how often this replica began or ceased to lead.
        trouble: why the lease could not be read or written when last tried; empty where it could.
    """

    def __init__(
        self,
        store: LeaseStore,
        identity: str,
        *,
        pace: LeasePace,
        clock: Clock,
        rng: Random,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take the lease's store and who we are: a name that no other process ever has.

        ``on_trouble`` is told of the first failed try in a row, and with an empty text when the
        lease can be reached again.
        """
        self._store = store
        self._identity = identity
        self.pace = pace
        self._clock = clock
        self._rng = rng
        self._on_trouble = on_trouble
        self._lease: Lease | None = None
        self._changed_at = 0.0
        self._term: Term | None = None
        self._last_term: Term | None = None
        self._renewed_at = 0.0
        self._act_from = 0.0
        self._moved = asyncio.Event()
        self._turn = asyncio.Lock()
        self._wanted = True
        self.transitions = 0
        self.trouble = ""

    @property
    def identity(self) -> str:
        """Who we are."""
        return self._identity

    @property
    def leader(self) -> str:
        """Who held the lease when it was last seen; empty for nobody, or not seen yet."""
        return "" if self._lease is None else self._lease.record.holder

    @property
    def term(self) -> Term | None:
        """Our reign, while it lasts by our own clock."""
        return self._term if self._clock.now() < self._ends_at else None

    @property
    def campaigning(self) -> bool:
        """Whether the next try is one to take the lease; else it renews it, or sees it end."""
        return self._term is None

    @property
    def wanted(self) -> bool:
        """Whether to take the lease when it is free. Unset, it is only watched, or given up."""
        return self._wanted

    @wanted.setter
    def wanted(self, wanted: bool) -> None:
        if wanted != self._wanted:
            self._wanted = wanted
            self._moved.set()

    def left_s(self) -> float:
        """Return for how long acting is surely ours; at least the margin less the slack, or 0."""
        now = self._clock.now()
        if self._term is None or not self._act_from <= now < self._ends_at:
            return 0.0
        return self._renewed_at + self.pace.duration_s - SLACK_S - now

    async def moved(self) -> None:
        """Wait until the reign has begun or ended, or is wanted no more, since last asked."""
        await self._moved.wait()
        self._moved.clear()

    async def run(self) -> None:
        """Campaign, and keep what was won, until cancelled."""
        while True:
            await self.attempt()
            await self._clock.sleep(self.pause_s())

    async def attempt(self) -> None:
        """Try once to renew the lease or, where it is free and wanted, to take it."""
        async with self._turn:
            await self._attempt()

    async def _attempt(self) -> None:
        self._end_if_over()
        trouble = ""
        try:
            async with asyncio.timeout(self._limit_s()):
                await (self._campaign() if self._term is None else self._renew(self._term))
        except LeaseTaken:
            self._end()
        except LeaseError as error:
            trouble = str(error)
        except TimeoutError:
            trouble = f"no answer within {self.pace.try_limit_s:.3g} s"
        self._end_if_over()
        self._note(trouble)

    async def release(self) -> None:
        """Give the lease back, so that another need not wait for it.

        Only to be called once nothing that was sent is under way any more. Where the store cannot
        be reached the lease runs out by itself.
        """
        term = self._term
        self._end()
        if term is None:
            return
        try:
            async with self._turn, asyncio.timeout(RELEASE_LIMIT_S):
                await self._give_back(term)
        except (LeaseError, TimeoutError) as error:
            self._note(f"the lease could not be given back: {str(error) or 'no answer'}")

    async def _give_back(self, term: Term) -> None:
        for _ in range(TRIES):
            # Read anew each time: a renewal that was cut off may arrive all the same.
            lease = await self._store.read()
            if lease is None or not self._is_ours(lease, term):
                return
            with suppress(LeaseTaken):
                await self._empty(lease)
                return

    async def _empty(self, lease: Lease) -> None:
        now = self._clock.now()
        # Who still had to wait for the leader before leaves the waiting to whoever comes next.
        duration_s = RELEASED_S if now >= self._act_from else self.pace.duration_s
        record = replace(lease.record, holder="", duration_s=duration_s, renewed_at=now)
        self._lease = await self._store.write(record, lease)

    # -- the holder ---------------------------------------------------------------------------

    @property
    def _ends_at(self) -> float:
        return self._renewed_at + self.pace.renew_deadline_s

    async def _renew(self, term: Term) -> None:
        try:
            await self._write_renewal(term)
        except LeaseTaken:
            # Perhaps it was ourselves: a try that was given up may arrive all the same.
            found = await self._store.read()
            self._lease = None
            if found is not None:
                self._saw(found)
            await self._write_renewal(term)

    async def _write_renewal(self, term: Term) -> None:
        lease = self._lease
        if lease is None or not self._is_ours(lease, term):
            raise LeaseTaken("it is not the lease that was taken")
        sent_at = self._clock.now()
        self._saw(await self._store.write(replace(lease.record, renewed_at=sent_at), lease))
        self._renewed_at = sent_at

    def _is_ours(self, lease: Lease, term: Term | None) -> bool:
        """Whether it stands as we left it in that term; nobody else writes our name."""
        mine = lease.record.holder == self._identity
        return mine and term == Term(lease.id, lease.record.number)

    def _begin(self, lease: Lease, sent_at: float) -> None:
        self._term = self._last_term = Term(lease.id, lease.record.number)
        self._renewed_at = sent_at
        self.transitions += 1
        self._moved.set()

    def _end_if_over(self) -> None:
        if self._term is not None and self._clock.now() >= self._ends_at:
            self._end()

    def _end(self) -> None:
        if self._term is None:
            return
        self._term = None
        self.transitions += 1
        self._moved.set()

    # -- the candidate ------------------------------------------------------------------------

    async def _campaign(self) -> None:
        lease = await self._store.read()
        if lease is None:
            self._lease = None
        else:
            self._saw(lease)
        if self._wanted and (lease is None or self._is_free(lease)):
            await self._take(lease)

    def _saw(self, lease: Lease) -> None:
        """Take note of the lease; the time counts from when its record was seen to change."""
        old = self._lease
        if old is None or (old.id, old.record) != (lease.id, lease.record):
            self._changed_at = self._clock.now()
        self._lease = lease

    def _is_free(self, lease: Lease) -> bool:
        holder = lease.record.holder
        return holder in ("", self._identity) or self._clock.now() >= self._free_at(lease)

    def _free_at(self, lease: Lease) -> float:
        # The holder's duration, where it is longer than ours: it counts on that.
        return self._changed_at + max(self.pace.duration_s, lease.record.duration_s)

    async def _take(self, lease: Lease | None) -> None:
        sent_at = self._clock.now()
        number = 1 if lease is None else lease.record.number + 1
        record = LeaseRecord(self._identity, self.pace.duration_s, number, sent_at, sent_at)
        act_from = sent_at + self._wait_s(lease)
        if lease is not None and lease.record.holder == self._identity:
            # Taken before, perhaps by a try that was given up: the waiting goes on from there.
            act_from = max(act_from, self._act_from)
        self._act_from = act_from
        taken = await self._store.write(record, lease)
        self._saw(taken)
        self._begin(taken, sent_at)

    def _wait_s(self, lease: Lease | None) -> float:
        """Return how long the call of whoever led before may still be on its way."""
        if lease is None:
            # Perhaps somebody deleted it, and its holder has not noticed yet.
            return self.pace.duration_s
        record = lease.record
        if not record.holder:
            # Given back, or emptied by a person: then its holder has not noticed yet.
            return 0.0 if record.duration_s <= RELEASED_S else self.pace.duration_s
        return 0.0 if self._is_ours(lease, self._last_term) else self.pace.margin_s

    # -- pace ---------------------------------------------------------------------------------

    def _limit_s(self) -> float:
        """Return how long a try may take: not past the moment at which the reign ends."""
        limit_s = self.pace.try_limit_s
        if self._term is None:
            return limit_s
        return max(0.0, min(limit_s, self._ends_at - self._clock.now()))

    def pause_s(self) -> float:
        """Return the pause before the next try, jittered so that replicas do not march in step."""
        now, retry_s = self._clock.now(), self.pace.retry_s
        if self._term is not None:
            return min(retry_s * self._rng.uniform(0.8, 1.0), max(0.0, self._ends_at - now))
        pause_s = retry_s * self._rng.uniform(0.4, 0.8)
        if self._lease is None or self.trouble:
            return pause_s
        return min(pause_s, max(0.05, self._free_at(self._lease) - now))

    def _note(self, trouble: str) -> None:
        if bool(trouble) != bool(self.trouble):
            self._on_trouble(trouble)
        self.trouble = trouble
