"""``python -m autoscaler``, and the console script."""

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line.

    The kernel drops signals that the first process of a container does not handle, and loading
    the program takes a moment: a SIGTERM of that moment must end it too.
    """
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, _leave)
    from autoscaler.cli import main as command_line  # noqa: PLC0415 - this is what takes a moment

    command_line()


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
