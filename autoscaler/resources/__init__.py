"""Apps given as objects of a cluster: watched, and told how they fare."""

from autoscaler.resources.keeping import StatusKeeper
from autoscaler.resources.tally import Tally
from autoscaler.resources.telling import EventDesk
from autoscaler.resources.watching import Watching

__all__ = ["EventDesk", "StatusKeeper", "Tally", "Watching"]
