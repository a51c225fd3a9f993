"""Drives the platform at EVERAI_ENDPOINT with the public client's generated API.

Runs in the public client's own virtual environment, so it imports nothing of this project. It
prints one JSON object of what the client understood.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main(app: str) -> dict[str, Any]:
    """List, scale up, wait until ready, scale down by ids; return what was seen."""
    from everai.api import (  # type: ignore[import-not-found]  # noqa: PLC0415 - not in our environment
        API,
    )
    from generated.apps import (  # type: ignore[import-not-found]  # noqa: PLC0415 - nor this
        AppServiceScaleDownWorkersBody,
        AppServiceScaleUpWorkersBody,
    )

    service = API().app_service_api
    where = {"namespace": "default", "name": app}
    before = service.list_workers(**where)
    started = service.scale_up_workers(
        **where, body=AppServiceScaleUpWorkersBody(scaleUpWorkersNum="2")
    )
    at_once = {worker.id: worker for worker in service.list_workers(**where).workers}
    ready = _until_free(service, where, started.worker_ids)
    service.scale_down_workers(
        **where,
        body=AppServiceScaleDownWorkersBody(scaleDownWorkersNum="2", workerIds=started.worker_ids),
    )
    after = {worker.id: worker for worker in service.list_workers(**where).workers}
    queue = service.list_request_queues(**where)
    return {
        "before": [worker.detail_status.value for worker in before.workers],
        "max_workers": before.max_workers,
        "queue_size": before.queue_size,
        "started": started.worker_ids,
        "at_once": [at_once[each].detail_status.value for each in started.worker_ids],
        "ready": ready,
        "after": [after[each].detail_status.value for each in started.worker_ids],
        "queue_reasons": sorted({entry.reason.value for entry in queue.queues or []}),
        "scaler": service.get_app(**where).app_v1alpha1.spec.autoscaler.manual.default_worker_num,
        "apps": [each.app_v1alpha1.metadata.name for each in service.list_apps("default").apps],
    }


def _until_free(service: Any, where: dict[str, str], ids: list[str]) -> list[str]:
    for _ in range(200):
        rows = {worker.id: worker for worker in service.list_workers(**where).workers}
        details = [rows[each].detail_status.value for each in ids]
        if set(details) == {"DETAIL_STATUS_FREE"}:
            return details
        time.sleep(0.05)
    raise SystemExit(f"workers {ids} never became FREE")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])))
