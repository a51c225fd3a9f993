"""What the platform's replies look like: proto3 JSON, written from the contract alone.

Nothing here is shared with the client: two sides that share their models would agree on a mistake.
Zero values are left out, as proto3 JSON does it; times carry 0, 3, 6 or 9 digits of a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from autoscaler.emulator.app import App
from autoscaler.emulator.worker import Phase, SimWorker

_encode = msgspec.json.Encoder().encode
_CREATED_SHARE, _PENDING_SHARE = 0.1, 0.3
_SPECIAL = {"cpus": "CPUs", "gpu_name": "GPUName", "gpus": "GPUs", "source": "from"}
Count = int | str
"""A count: a number, or a string as proto3 JSON writes an int64."""


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return _SPECIAL.get(name) or head + "".join(part.capitalize() for part in tail)


class _Message(msgspec.Struct, omit_defaults=True, rename=_camel):
    """Base of all messages: camel case, zero values left out."""


class WorkerRow(_Message):
    """One element of ``workers``, field by field as in the contract."""

    id: str
    device_id: str = ""
    status: str = ""
    detail_status: str = ""
    created_at: str = ""
    deleted_at: str = ""
    launch_at: str = ""
    last_serve_at: str = ""
    success_count: Count = 0
    failed_count: Count = 0
    session_number: Count = 0
    cpus: int = 0
    memory: Count = 0
    gpu_name: str = ""
    gpus: int = 0
    app_id: str = ""
    app_revision: str = ""
    replace_worker_id: str = ""
    user_id: str = ""
    request_id: str = ""
    gpu_model: str = ""
    gpu_num: int = 0
    stop_at: str = ""
    device_public_address: str = ""
    area: str = ""


class WorkerList(_Message):
    """Reply of ``GET workers``."""

    workers: list[msgspec.Raw] = []
    queue_size: Count = 0
    queue_name: str = ""
    last_scale_up_time: str = ""
    last_scale_down_delete_time: str = ""
    max_workers: Count = 0


class ScaleUpReply(_Message):
    """Reply of ``POST workers:scale-up``."""

    worker_ids: list[str] = []


class QueueEntry(_Message):
    """One element of ``queues``."""

    index: int = 0
    reason: str = ""
    create_at: str = ""


class QueueList(_Message):
    """Reply of ``GET request_queues``."""

    queues: list[QueueEntry] = []


class EventEntry(_Message):
    """One element of ``events``."""

    type: str = ""
    message: str = ""
    source: str = ""
    created_at: str = ""


class EventList(_Message):
    """Reply of ``GET events``."""

    events: list[EventEntry] = []


class Metadata(_Message):
    """``metadata`` of an app."""

    name: str
    namespace: str = ""
    resource_version: str = ""
    uid: str = ""
    created_at: str = ""
    updated_at: str = ""
    labels: dict[str, str] = {}


class AppState(_Message):
    """``status`` of an app."""

    desired_worker: int = 0
    ready_worker: int = 0
    status: str = ""


class AppBody(_Message):
    """``appV1alpha1``."""

    metadata: Metadata
    spec: dict[str, object]
    status: AppState


class ErrorReply(msgspec.Struct):
    """What a grpc-gateway answers where something went wrong; nothing is left out."""

    code: int
    message: str
    details: list[str] = []


def rfc3339(epoch_s: float | None) -> str:
    """Write a time as proto3 JSON does; nothing for ``None``."""
    if epoch_s is None or math.isinf(epoch_s):
        return ""
    whole = math.floor(epoch_s)
    text = datetime.fromtimestamp(whole, UTC).isoformat()[:19]
    nanos = int((epoch_s - whole) * 1e9)
    if nanos == 0:
        return text + "Z"
    if nanos % 1_000_000 == 0:
        return f"{text}.{nanos // 1_000_000:03d}Z"
    if nanos % 1_000 == 0:
        return f"{text}.{nanos // 1_000:06d}Z"
    return f"{text}.{nanos:09d}Z"


def _count(app: App, value: int) -> Count:
    return str(value) if value and app.knobs.counts_as_strings else value


# -- workers ----------------------------------------------------------------------------------


def worker_list(app: App, workers: Iterable[SimWorker]) -> bytes:
    """Encode a worker list; rows that did not change since the last list are not built again."""
    reply = WorkerList(
        workers=[msgspec.Raw(_row(app, worker)) for worker in workers],
        queue_size=_count(app, len(app.queue)),
        queue_name=f"{app.knobs.namespace}.{app.knobs.name}",
        last_scale_up_time=rfc3339(app.last_scale_up_at),
        last_scale_down_delete_time=rfc3339(app.last_scale_down_at),
        max_workers=_count(app, app.max_workers or 0),
    )
    return _encode(reply)


def _row(app: App, worker: SimWorker) -> bytes:
    sessions = worker.live_sessions(app.now) if worker.sessions else 0
    status = _status(app.now, worker)
    served = worker.success_count + worker.failed_count
    key = (worker.phase, status, served, worker.last_serve_at, sessions)
    if worker.row_key != key:
        worker.row, worker.row_key = _encode(_worker_row(app, worker, status, sessions)), key
    return worker.row


def _worker_row(app: App, worker: SimWorker, status: str, sessions: int) -> WorkerRow:
    knobs = app.knobs
    launched = status not in ("STATUS_INITIALIZED", "STATUS_CREATED")
    return WorkerRow(
        id=worker.id,
        device_id=worker.device_id,
        status=status,
        detail_status=_detail(app, worker),
        created_at=rfc3339(worker.created_at),
        deleted_at=rfc3339(worker.ended_at),
        launch_at=rfc3339(worker.created_at + _PENDING_SHARE * worker.start_s) if launched else "",
        last_serve_at=rfc3339(worker.last_serve_at),
        success_count=_count(app, worker.success_count),
        failed_count=_count(app, worker.failed_count),
        session_number=_count(app, sessions),
        cpus=2,
        memory=_count(app, 1024),
        gpu_name=knobs.gpu_model,
        gpus=1,
        app_id=app.uid,
        app_revision=worker.revision,
        replace_worker_id=worker.replaces,
        gpu_model=knobs.gpu_model,
        gpu_num=1,
        stop_at=rfc3339(worker.ended_at),
    )


_STATUS = {
    Phase.FREE: "STATUS_RUNNING",
    Phase.BUSY: "STATUS_RUNNING",
    Phase.UNAVAILABLE: "STATUS_UNAVAILABLE",
    Phase.REMOVING: "STATUS_TERMINATING",
    Phase.TERMINATED: "STATUS_TERMINATED",
    Phase.ERROR: "STATUS_ERROR",
}
_DETAIL = {
    Phase.FREE: "DETAIL_STATUS_FREE",
    Phase.BUSY: "DETAIL_STATUS_BUSY",
    Phase.UNAVAILABLE: "DETAIL_STATUS_FREE",
    Phase.REMOVING: "DETAIL_STATUS_REMOVE",
    Phase.TERMINATED: "DETAIL_STATUS_REMOVE",
}


def _status(now: float, worker: SimWorker) -> str:
    if worker.phase is not Phase.STARTING:
        return _STATUS[worker.phase]
    age_s = now - worker.created_at
    if age_s < _CREATED_SHARE * worker.start_s:
        return "STATUS_INITIALIZED"
    return "STATUS_CREATED" if age_s < _PENDING_SHARE * worker.start_s else "STATUS_PENDING"


def _detail(app: App, worker: SimWorker) -> str:
    if worker.phase is Phase.STARTING:
        rollin = worker.replaces and app.knobs.rollin_detail == "rollin"
        return "DETAIL_STATUS_ROLLIN" if rollin else "DETAIL_STATUS_IN_FLIGHT"
    return _DETAIL.get(worker.phase, "")


# -- the rest ---------------------------------------------------------------------------------


def scale_up_reply(worker_ids: list[str]) -> bytes:
    """Encode the ids of the workers that were started."""
    return _encode(ScaleUpReply(worker_ids))


def queue_list(app: App) -> bytes:
    """Encode the waiting requests, oldest first."""
    reason = "QueueReasonWorkerBusy" if app.workers else "QueueReasonNotDispatch"
    entries = [
        QueueEntry(index, reason, rfc3339(request.arrival_s))
        for index, request in enumerate(app.queue)
    ]
    return _encode(QueueList(entries))


def event_list(app: App) -> bytes:
    """Encode the app's latest events, newest first."""
    entries = [
        EventEntry(line.kind, line.message, line.source, rfc3339(line.at))
        for line in reversed(app.journal.lines)
    ]
    return _encode(EventList(entries))


def request_statistic(app: App, interval_s: float) -> bytes:
    """Encode requests per interval (seconds); keys are the intervals' begins."""
    totals: dict[int, list[int]] = {}
    for hour, counts in app.journal.hourly.items():
        begin = int(hour * 3600 // interval_s * interval_s)
        totals[begin] = [a + b for a, b in zip(totals.get(begin, (0, 0, 0)), counts, strict=True)]
    names = ("totalRequest", "successRequest", "failedRequest")
    rows = {
        rfc3339(begin): {
            "requestStatistics": [{n: v for n, v in zip(names, counts, strict=True) if v}]
        }
        for begin, counts in totals.items()
    }
    return _encode({"requestStatistic": rows})


def app_reply(app: App) -> bytes:
    """Encode one app."""
    return _encode({"appV1alpha1": _app_body(app)})


def app_list(apps: Iterable[App]) -> bytes:
    """Encode several apps."""
    entries = [{"appV1alpha1": _app_body(app)} for app in apps]
    return _encode({"apps": entries} if entries else {})


def _app_body(app: App) -> AppBody:
    knobs = app.knobs
    ready = sum(worker.phase in (Phase.FREE, Phase.BUSY) for worker in app.workers.values())
    return AppBody(
        metadata=Metadata(
            name=knobs.name,
            namespace=knobs.namespace,
            resource_version=app.revision,
            uid=app.uid,
            created_at=rfc3339(app.created_at),
            updated_at=rfc3339(app.updated_at),
            labels=knobs.labels,
        ),
        spec=_spec(app),
        status=AppState(
            desired_worker=app.healthy(),
            ready_worker=ready,
            status="STATUS_PAUSED" if app.paused_at is not None else "STATUS_DEPLOYED",
        ),
    )


def _spec(app: App) -> dict[str, object]:
    spec: dict[str, object] = {
        "image": "quay.io/emulated/app:v1",
        "resource": {"cpu": 2, "memory": "1 GiB", "gpu": 1},
    }
    match app.knobs.scaler:
        case "manual":
            spec["autoscaler"] = {"manual": {"defaultWorkerNum": app.knobs.default_workers}}
        case "builtin":
            spec["autoscaler"] = {"builtin": {"name": "simple"}}
        case "container" | "thirdParty" as kind:
            spec["autoscaler"] = {kind: {}}
        case "none":
            pass
    return spec


def error_reply(code: int, message: str) -> bytes:
    """Encode an error as a grpc-gateway does."""
    return _encode(ErrorReply(code, message))
