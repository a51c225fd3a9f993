"""Runs the platform's own policies on states given as JSON lines; one answer per line.

Runs in that package's own virtual environment, so it imports nothing of this project. The package
reads the clock; here the clock is what the state says.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any


def main() -> None:
    """Answer every line of standard input with the number of workers after the decision."""
    from everai_autoscaler.builtin import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not in our environment
        BuiltinFactory,
        builtin_autoscaler_helper,
    )
    from everai_autoscaler.model import (  # type: ignore[import-not-found]  # noqa: PLC0415 - nor this
        Factors,
    )

    for line in sys.stdin:
        state = json.loads(line)
        builtin_autoscaler_helper.datetime = _Clock(state["now"])
        with contextlib.redirect_stdout(io.StringIO()):
            scaler = BuiltinFactory().create(state["policy"], state["arguments"])
            result = scaler.decide(Factors.model_validate(state["factors"]))
        print(json.dumps(_read(result)), flush=True)  # noqa: T201 - the protocol


def _read(result: Any) -> dict[str, Any]:
    more = sum(action.count for action in result.actions if action.action == "ScaleUp")
    gone = [action.worker_id for action in result.actions if action.action == "ScaleDown"]
    return {"more": more, "gone": gone, "max_workers": result.max_workers}


class _Clock:
    """Stands for ``datetime`` where the package asks for the time."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> _Clock:
        return self

    def timestamp(self) -> int:
        return self._now


if __name__ == "__main__":
    main()
