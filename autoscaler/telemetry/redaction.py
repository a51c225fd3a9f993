"""Keeps secrets out of everything that is written.

Two nets, one behind the other. By key: a value under a name such as ``token`` never passes. By
text: secrets that the program holds are registered with :func:`redact` and are cut out of the
finished line, wherever they came from: a message, a traceback, the repr of an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "[redacted]"

SECRETS_MAX = 64
"""Secrets remembered; a token that was replaced stays secret until so many newer ones came."""

SECRET_LENGTH_MIN = 4
"""Shorter ones are not cut out of text: they would cut words apart and hide nothing."""

_KEY_ENDS = (
    "token",
    "authorization",
    "password",
    "passwd",
    "secret",
    "credential",
    "credentials",
    "cookie",
    "api_key",
    "apikey",
    "private_key",
)
_DEPTH_MAX = 8
_BEARER = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{16,}")


class Secrets:
    """Secret texts, each in the forms it may take in a line of text or JSON."""

    def __init__(self) -> None:
        self._forms: dict[str, tuple[str, ...]] = {}

    def __repr__(self) -> str:
        return f"Secrets({len(self._forms)} kept)"

    def add(self, secret: str) -> None:
        """Remember a secret; the oldest is dropped beyond ``SECRETS_MAX``."""
        secret = secret.strip()
        if len(secret) < SECRET_LENGTH_MIN:
            return
        escaped = json.dumps(secret)[1:-1]
        escaped_utf8 = json.dumps(secret, ensure_ascii=False)[1:-1]
        in_repr = repr(secret)[1:-1]
        self._forms.pop(secret, None)
        self._forms[secret] = tuple(dict.fromkeys((secret, escaped, escaped_utf8, in_repr)))
        while len(self._forms) > SECRETS_MAX:
            del self._forms[next(iter(self._forms))]

    def cut(self, text: str) -> str:
        """Return the text without any of them, and without anything that follows ``Bearer``."""
        for forms in self._forms.values():
            for form in forms:
                if form in text:
                    text = text.replace(form, MASK)
        return _BEARER.sub(rf"\1{MASK}", text) if "earer" in text or "EARER" in text else text


_PROCESS_SECRETS = Secrets()


def redact(secret: str) -> None:
    """Register a secret of this process: from now on no log line shows it."""
    _PROCESS_SECRETS.add(secret)


def cut_secrets(text: str) -> str:
    """Return the text without the registered secrets."""
    return _PROCESS_SECRETS.cut(text)


@lru_cache(maxsize=1024)
def is_secret_key(key: str) -> bool:
    """Whether a value under this name is a secret; ``token_file`` is a path and is none."""
    return key.lower().replace("-", "_").endswith(_KEY_ENDS)


def mask_mapping(mapping: Mapping[Any, Any], depth: int = 0) -> dict[Any, Any]:
    """Return the mapping with everything under a secret key masked, at any depth up to 8.

    What is nested deeper is masked whole, so that a structure that contains itself ends.
    """
    return {
        key: MASK
        if item is not None and isinstance(key, str) and is_secret_key(key)
        else _mask_value(item, depth + 1)
        for key, item in mapping.items()
    }


def _mask_value(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return MASK if depth >= _DEPTH_MAX else mask_mapping(value, depth)
    if isinstance(value, (list, tuple)):
        return MASK if depth >= _DEPTH_MAX else [_mask_value(item, depth + 1) for item in value]
    return value
