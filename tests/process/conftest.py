"""Makes the fixtures of the module beside it known."""

from process_support import start_daemon

__all__ = ["start_daemon"]
