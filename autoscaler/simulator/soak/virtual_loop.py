"""An event loop on virtual time: waiting costs nothing, and two runs are the same to the last step.

Where a loop would sleep until its next timer, this one moves its clock there. It has no threads and
waits for no socket, so nothing outside of it can change the order of things.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

_T = TypeVar("_T")


class DeadlockError(RuntimeError):
    """Every task waits, and no timer is set that could wake one."""


class _Jump(selectors.BaseSelector):
    """Waits for no file: asked to wait, it tells how long."""

    def __init__(self, moved: Callable[[float], None]) -> None:
        self._moved = moved
        self._files = selectors.SelectSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._files.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._files.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._files.get_map()

    def close(self) -> None:
        self._files.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise DeadlockError("every task waits and no timer is set")
        if timeout > 0:
            self._moved(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose ``time()`` starts at 0 and moves from timer to timer."""

    def __init__(self) -> None:
        self._virtual_s = 0.0
        super().__init__(_Jump(self._move))

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._virtual_s

    def _move(self, seconds: float) -> None:
        self._virtual_s += seconds


def run_virtual(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end on a loop of its own.

    Raises:
        DeadlockError: nothing can happen any more.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class ProcessClock:
    """The clock of one process: the virtual time and how far its machine's clock is off.

    Steady while the process lives, as :class:`autoscaler.ports.Clock` wants it; a restarted process
    may be off by another amount.
    """

    def __init__(self, epoch_s: float, offset_s: float) -> None:
        """Take the platform's epoch seconds at the loop's second 0, and this machine's error."""
        self._loop = asyncio.get_running_loop()
        self._base_s = epoch_s + offset_s

    def now(self) -> float:
        """Return epoch seconds as this process believes them."""
        return self._base_s + self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait that long in virtual time."""
        await asyncio.sleep(max(0.0, seconds))
