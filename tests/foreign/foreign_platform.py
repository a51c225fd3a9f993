"""Plays the platform for a container autoscaler, with the platform's own public types.

Runs in that package's own virtual environment, so it imports nothing of this project. Each line of
standard input is the arguments of a ``Factors``; it is posted as the package writes it, and the
reply is read as the package reads it. One JSON object a line comes out.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any


def main(address: str) -> None:
    """Post every line's ``Factors`` to ``address`` and print what was understood of the reply."""
    from everai_autoscaler.model import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not in our environment
        DecideResult,
        Factors,
    )

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for line in sys.stdin:
        body = Factors(**json.loads(line)).model_dump_json().encode()
        request = urllib.request.Request(  # noqa: S310 - the test's own server
            address, data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        with opener.open(request, timeout=30) as reply:
            result = DecideResult.from_json(reply.read())
        print(json.dumps(_read(result)), flush=True)  # noqa: T201 - the protocol


def _read(result: Any) -> dict[str, Any]:
    return {
        "max_workers": result.max_workers,
        "types": sorted({type(action).__name__ for action in result.actions}),
        "more": sum(a.count for a in result.actions if a.action == "ScaleUp"),
        "gone": [a.worker_id for a in result.actions if a.action == "ScaleDown"],
    }


if __name__ == "__main__":
    main(sys.argv[1])
