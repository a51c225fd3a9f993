"""Makes the fixtures of the module beside it known."""

from tests.process.process_support import start_daemon

__all__ = ["start_daemon"]
