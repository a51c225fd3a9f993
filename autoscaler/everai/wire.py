"""The platform's replies, decoded: bytes in, words of the model out; pure.

Only the fields that this program uses are decoded. Every function raises MalformedReply where the
body is not the promised JSON, and nothing else. What is JSON of the promised shape, but makes no
sense, becomes a *problem* of the observation (never acted upon); what this version merely does not
know becomes an *oddity*.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from autoscaler.everai import wire_values
from autoscaler.everai.text import safe_text
from autoscaler.everai.wire_workers import Notes, Rows, WireWorker
from autoscaler.model import AppKey, NoData, Observation, QueuedRequest
from autoscaler.model.errors import MalformedReply

_T = TypeVar("_T")


def parse(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    """Decode a body.

    Raises:
        MalformedReply: it is not JSON of that shape. The message quotes nothing of the body.
    """
    try:
        return decoder.decode(body)
    except RecursionError:
        why = "it is nested too deeply"
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except (msgspec.DecodeError, ValueError) as error:
        why = str(error)
    html = body[:64].lstrip().startswith(b"<")
    hint = " (HTML or XML: a proxy's page, or not the API's address)" if html else ""
    raise MalformedReply(f"the reply is not the promised JSON{hint}: {safe_text(why)}")


class ErrorLike(msgspec.Struct, kw_only=True):
    """What an error object has and no other reply: some servers send one with status 200."""

    code: Any = None
    message: Any = None
    error: Any = None

    def refuse_error(self) -> None:
        """Raise MalformedReply where the object is an error in disguise."""
        if self.code or self.message or self.error:
            raise MalformedReply("the reply is an error object with a good status")


class _WorkerList(ErrorLike, rename="camel"):
    workers: list[WireWorker] | None = None
    queue_size: Any = None
    max_workers: Any = None
    last_scale_up_time: str | None = None
    last_scale_down_delete_time: str | None = None


class _StartedWorkers(msgspec.Struct, rename="camel"):
    worker_ids: list[str] | None = None


class _Queued(msgspec.Struct, rename="camel"):
    reason: str | None = None
    create_at: str | None = None


class _Queues(ErrorLike):
    queues: list[_Queued] | None = None


class _ErrorBody(msgspec.Struct):
    message: str = ""


_WORKER_LIST = msgspec.json.Decoder(_WorkerList)
_STARTED = msgspec.json.Decoder(_StartedWorkers)
_QUEUES = msgspec.json.Decoder(_Queues)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ERROR = msgspec.json.Decoder(_ErrorBody)


class OpenedList:
    """A worker list that was parsed and whose rows are not all read yet."""

    def __init__(self, body: bytes) -> None:
        """Parse the body of ``GET workers``; nothing after that raises."""
        self._reply = parse(_WORKER_LIST, body)
        if self._reply.workers is None:
            self._reply.refuse_error()
        self.rows = Rows(self._reply.workers or [])

    def observation(
        self,
        app: AppKey,
        *,
        requested_at: float,
        received_at: float,
        platform_now: float,
        show_all: bool = False,
    ) -> Observation:
        """Return the list, its rows being read; times are epoch seconds, as in Observation."""
        reply, notes = self._reply, self.rows.notes
        return Observation(
            app=app,
            workers=self.rows.workers,
            queue_size=_queue_size(reply.queue_size),
            requested_at=requested_at,
            received_at=received_at,
            platform_now=platform_now,
            max_workers=_max_workers(reply.max_workers, notes),
            last_scale_up_at=notes.time("lastScaleUpTime", reply.last_scale_up_time),
            last_scale_down_at=notes.time(
                "lastScaleDownDeleteTime", reply.last_scale_down_delete_time
            ),
            show_all=show_all,
            problems=notes.problems,
            oddities=notes.oddities,
        )


def decode_workers(body: bytes, app: AppKey, **told: Any) -> Observation:
    """Decode ``GET workers`` at once; ``told``: as for :meth:`OpenedList.observation`."""
    opened = OpenedList(body)
    opened.rows.read()
    return opened.observation(app, **told)


def _queue_size(value: Any) -> int | NoData:
    try:
        return wire_values.count(value)
    except ValueError as error:
        return NoData(f"queueSize {error}")


def _max_workers(value: Any, notes: Notes) -> int | None:
    """Return the platform's maximum; left out and 0 are the same in proto3: not told."""
    return notes.count("maxWorkers", value) or None


def decode_scale_up(body: bytes) -> tuple[str, ...]:
    """Decode ``POST workers:scale-up``: the ids started, none where the reply names none."""
    started = parse(_STARTED, body).worker_ids or []
    return tuple(dict.fromkeys(worker_id for worker_id in started if worker_id))


def decode_object(body: bytes) -> None:
    """Check that a body is a JSON object, as ``POST workers:scale-down`` answers."""
    parse(_OBJECT, body)


def decode_queue(body: bytes) -> tuple[QueuedRequest, ...]:
    """Decode ``GET request_queues``.

    Raises:
        MalformedReply: also where a request has no creation time, since its age is its use.
    """
    reply = parse(_QUEUES, body)
    if reply.queues is None:
        reply.refuse_error()
    return tuple(_queued(each) for each in reply.queues or [])


def _queued(wire: _Queued) -> QueuedRequest:
    try:
        created_at = wire_values.time(wire.create_at)
    except ValueError as error:
        raise MalformedReply(f"a queued request's createAt: {error}") from None
    if created_at is None:
        raise MalformedReply("a queued request has no createAt")
    return QueuedRequest(created_at, safe_text(wire.reason or "QueueReasonUnspecified", 80))


def error_message(body: bytes) -> str:
    """Return the message of a grpc-gateway error body; empty where it is none."""
    try:
        return parse(_ERROR, body).message
    except MalformedReply:
        return ""
