"""Replies about whole apps, decoded; pure. Raises MalformedReply and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec

from autoscaler.everai import wire_values
from autoscaler.everai.text import safe_text
from autoscaler.everai.wire import ErrorLike, parse
from autoscaler.model import AppInfo, AppKey, AppStatus, Scaler
from autoscaler.model.errors import MalformedReply
from autoscaler.model.frozen import nothing

_STATUSES = {
    "STATUS_DEPLOYED": AppStatus.DEPLOYED,
    "STATUS_PAUSED": AppStatus.PAUSED,
    "STATUS_TERMINATING": AppStatus.TERMINATING,
    "STATUS_DELETED": AppStatus.DELETED,
}
_SCALERS = (Scaler.BUILTIN, Scaler.CONTAINER, Scaler.THIRD_PARTY, Scaler.MANUAL)
"""In the order of caution: an app that the platform scales in any way is not ours."""


class _Metadata(msgspec.Struct):
    name: str | None = None
    namespace: str | None = None
    labels: dict[str, Any] | None = None


class _Spec(msgspec.Struct):
    autoscaler: dict[str, Any] | None = None


class _Status(msgspec.Struct, rename="camel"):
    status: str | None = None
    desired_worker: Any = None
    ready_worker: Any = None


class _App(msgspec.Struct):
    metadata: _Metadata | None = None
    spec: _Spec | None = None
    status: _Status | None = None


class _Versioned(msgspec.Struct, rename="camel"):
    app_v1alpha1: _App | None = msgspec.field(default=None, name="appV1alpha1")


class _Apps(ErrorLike):
    apps: list[_Versioned] | None = None


_APP = msgspec.json.Decoder(_Versioned)
_APPS = msgspec.json.Decoder(_Apps)


def decode_app(body: bytes, key: AppKey) -> AppInfo:
    """Decode ``GET app``.

    Raises:
        MalformedReply: also where the reply is about another app.
    """
    app = parse(_APP, body).app_v1alpha1
    if app is None:
        raise MalformedReply("the reply has no appV1alpha1")
    info = _info(app, key)
    if info.key != key:
        raise MalformedReply(f"the reply is about another app, {safe_text(str(info.key))}")
    return info


def decode_apps(body: bytes, namespace: str | None) -> tuple[AppInfo, ...]:
    """Decode ``GET apps``; ``namespace`` is the one asked for, if one was.

    An entry of a manifest version that this program does not know is left out.
    """
    reply = parse(_APPS, body)
    if reply.apps is None:
        reply.refuse_error()
    asked = AppKey(namespace or "default", "")
    return tuple(
        _info(entry.app_v1alpha1, asked) for entry in reply.apps or [] if entry.app_v1alpha1
    )


def _info(app: _App, asked: AppKey) -> AppInfo:
    metadata = app.metadata or _Metadata()
    status = app.status or _Status()
    key = AppKey(metadata.namespace or asked.namespace, metadata.name or asked.name)
    if not key.name:
        raise MalformedReply("an app in the list has no name")
    labels = {k: v for k, v in (metadata.labels or {}).items() if isinstance(v, str)}
    return AppInfo(
        key=key,
        scaler=_scaler(app.spec),
        status=_STATUSES.get(status.status or "", AppStatus.UNKNOWN),
        labels=labels or nothing(),
        desired_worker=_count("desiredWorker", status.desired_worker),
        ready_worker=_count("readyWorker", status.ready_worker),
    )


def _scaler(spec: _Spec | None) -> Scaler:
    """Return who scales the app: a section counts where it is there and not null."""
    sections = (spec.autoscaler if spec is not None else None) or {}
    for scaler in _SCALERS:
        if sections.get(scaler.value) is not None:
            return scaler
    return Scaler.UNKNOWN


def _count(name: str, value: Any) -> int:
    try:
        return wire_values.count(value)
    except ValueError as error:
        raise MalformedReply(f"{name} {error}") from None
