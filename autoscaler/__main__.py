"""``python -m autoscaler``: the same as the console script."""

from autoscaler.cli import main

main()
