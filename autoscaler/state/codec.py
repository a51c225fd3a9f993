"""Memory as JSON and back. Written by one version, read by the next: unknown keys are dropped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import msgspec

from autoscaler.decision import AppMemory
from autoscaler.model.errors import StateError
from autoscaler.policies import Policy


def _plain(value: object) -> object:
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
_DECODER = msgspec.json.Decoder(AppMemory)


def encode(memory: AppMemory) -> bytes:
    """Return the memory as JSON.

    Raises:
        StateError: a policy's state is not made of dataclasses and plain values.
    """
    try:
        return _ENCODER.encode(memory)
    except (TypeError, msgspec.MsgspecError) as error:
        raise StateError(f"memory cannot be stored: {error}") from error


def decode(row: bytes) -> AppMemory:
    """Return the memory; policy states are plain values still, see :func:`revive`.

    Raises:
        StateError: the row is no memory.
    """
    try:
        return _DECODER.decode(row)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise StateError(f"a stored memory cannot be read: {error}") from error


def revive(memory: AppMemory, policies: Iterable[Policy]) -> AppMemory:
    """Return memory whose policy states have their types again.

    A state that no longer fits its policy (another version, other policies) is dropped: a policy
    can always begin anew.
    """
    states: dict[str, Any] = {}
    for policy in policies:
        raw = memory.policy_states.get(policy.name)
        if raw is None:
            continue
        if policy.state_type is None:
            states[policy.name] = raw
            continue
        try:
            states[policy.name] = msgspec.convert(raw, policy.state_type)
        except (msgspec.MsgspecError, TypeError):
            continue
    return replace(memory, policy_states=states)
