"""Rows made small: minutes column by column, events with a dictionary of the words they repeat.

A minute is a MessagePack array while its hour is under way. A finished hour is one row: the columns
of its minutes, since a column that hardly changes packs to almost nothing. Numbers are kept to a
hundredth (money to a millionth), which is finer than polls can tell.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from autoscaler.history.minutes import Minute

_HUNDREDTHS = frozenset(
    {
        "seen_s",
        "free_s",
        "busy_s",
        "in_flight_s",
        "other_s",
        "queue_s",
        "queue_seen_s",
        "arrivals",
    }
)
_SCALES = [
    100 if name in _HUNDREDTHS else 1_000_000 if name in ("cost", "price") else 1
    for name in Minute._fields
]
_LEVEL = 6
_COLUMNS = "_"
_WORDS = (
    b'"floor":"ceiling":"role":"abstains":"shadow":[],"raced":[],"interventions":[],"warnings":[],'
    b'"candidates":[{"worker_id":"","idle_s":,"why":"idle longest"}],"count":0,"limits":[{"reason":'
    b'"Stabilizing","before":,"after":,"why":"scale-down window still holds a recommendation of "}'
    b'],"census":{"free":0,"busy":0,"in_flight":0,"rollin":0,"paired":0,"on_order":0,"overdue":0,'
    b'"leaving":0,"removing":0,"unavailable":0,"unknown":0,"present":0},"proposals":[{"policy":'
    b'"queue","workers":0,"why":" busy +  waiting at a target of 1","inputs":{"busy":,"queue":,'
    b'"target":1.0}}],{"policy":"slo","workers":,"why":"expected  busy,  spare for 95% within 10 s,'
    b'  on order,  queued","inputs":{"rate_per_s":,"service_s":,"cold_start_s":,"expected_busy":,'
    b'"for_forecast":,"for_levels":,"for_backlog":,"tail":,"late_share":}},"action":"hold",'
    b'"action":"scale_up","action":"scale_down","reason":"AtTarget","message":" wanted and there",'
    b'"reason":"LoadAboveCapacity","message":" wanted,  there or on order: order ",'
    b'"reason":"LoadBelowCapacity","message":" wanted,  there: remove ","reason":"OrderPending",'
    b'"message":" wanted,  of them still starting","desired":,"combined":,"queue_size":0,'
    b'"min_workers":1,"max_workers":,"namespace":"default","app":"","at":"202","at_epoch_s":1'
)
"""What decisions have in common, the most frequent last, as zlib wants it. Never change it: rows
are read with the words they were written with; a second list would need a mark in the row."""


def pack_event(fields: Mapping[str, Any]) -> bytes:
    """Return an event's fields as a row keeps them."""
    press = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15, zdict=_WORDS)
    return press.compress(msgspec.json.encode(fields)) + press.flush()


def without_columns(fields: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields without those that a column of the row holds with the same value.

    Their names are kept under ``_COLUMNS``, in the place that each had.
    """
    order = [name for name in fields if name in columns and fields[name] == columns[name]]
    rest = {name: value for name, value in fields.items() if name not in order}
    return rest | {_COLUMNS: order} if order else rest


def with_columns(fields: dict[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields whole again, those of columns first."""
    order = fields.pop(_COLUMNS, ())
    return {name: columns[name] for name in order} | fields


def unpack_event(body: bytes) -> dict[str, Any]:
    """Return the fields of an event.

    Raises:
        ValueError: the row is damaged.
    """
    try:
        text = zlib.decompressobj(-15, zdict=_WORDS).decompress(body)
        return msgspec.json.decode(text, type=dict[str, Any])
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(f"an event cannot be read: {error}") from error


def pack_minute(minute: Minute) -> bytes:
    """Return a minute as a row of its own."""
    return msgspec.msgpack.encode(_scaled(minute))


def pack_hour(rows: Iterable[bytes]) -> bytes:
    """Return the rows of an hour's minutes as one."""
    minutes: list[Sequence[Any]] = [msgspec.msgpack.decode(row) for row in rows]
    columns = list(zip(*minutes, strict=True))
    return zlib.compress(msgspec.msgpack.encode(columns), _LEVEL)


def unpack_minute(row: bytes) -> Minute:
    """Return a minute.

    Raises:
        ValueError: the row is damaged.
    """
    try:
        return _restored(msgspec.msgpack.decode(row))
    except (msgspec.MsgspecError, TypeError) as error:
        raise ValueError(f"a minute cannot be read: {error}") from error


def unpack_hour(row: bytes) -> list[Minute]:
    """Return the minutes of an hour, in order.

    Raises:
        ValueError: the row is damaged.
    """
    try:
        columns = msgspec.msgpack.decode(zlib.decompress(row))
        return [_restored(values) for values in zip(*columns, strict=True)]
    except (zlib.error, msgspec.MsgspecError, TypeError) as error:
        raise ValueError(f"an hour cannot be read: {error}") from error


def _scaled(minute: Minute) -> list[Any]:
    values: tuple[Any, ...] = minute
    return [
        value if scale == 1 else round(value * scale)
        for value, scale in zip(values, _SCALES, strict=True)
    ]


def _restored(values: Sequence[Any]) -> Minute:
    return Minute(
        *(
            value if scale == 1 else value / scale
            for value, scale in zip(values, _SCALES, strict=True)
        )
    )
