"""How a command reaches the daemon: address, token, and the name of an app as people type it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from autoscaler.cli.exits import USAGE, CommandError
from autoscaler.cli.remote import TIMEOUT_S, Credential, Remote
from autoscaler.model import AppKey
from autoscaler.settings.app import NAME_PATTERN

TOKEN = "AUTOSCALER_TOKEN"  # noqa: S105 - the variable's name
TOKEN_FILE = "AUTOSCALER_TOKEN_FILE"  # noqa: S105 - likewise

_NAME = re.compile(NAME_PATTERN)
_TOKEN = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._@-]*:)?(?P<token>[\x21-\x39\x3b-\x7e]+)")


def app_key(app: str, namespace: str) -> AppKey:
    """Return the app that ``NAME`` or ``NAMESPACE/NAME`` means.

    Raises:
        CommandError: it cannot be the name of one.
    """
    given, slash, name = app.rpartition("/")
    key = AppKey(given if slash else namespace, name)
    for word in key:
        if not _NAME.fullmatch(word):
            raise CommandError(f"{app!r} is no app's name; write NAME or NAMESPACE/NAME", USAGE)
    return key


def connect(url: str, token_file: Path | None, *, timeout_s: float | None = None) -> Remote:
    """Return the daemon at an address, with the token of the file, else of ``AUTOSCALER_TOKEN``.

    Raises:
        CommandError: the address or the token cannot be used.
    """
    limit_s = TIMEOUT_S if timeout_s is None else timeout_s
    return Remote(url, _credential(token_file), timeout_s=limit_s)


def _credential(file: Path | None) -> Credential | None:
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise CommandError(f"the token file {file} cannot be read: {why}", USAGE) from None
        return _parsed(text, f"file {file}")
    text = os.environ.get(TOKEN, "")
    return _parsed(text, TOKEN) if text.strip() else None


def _parsed(text: str, origin: str) -> Credential:
    """Return the first token; a line may be written as in the daemon's own file, ``name:token``."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    match = _TOKEN.fullmatch(first)
    if match is None:
        what = "holds no token" if not first else "holds characters that no token has"
        raise CommandError(f"{origin} {what}; put the token there, in one line", USAGE)
    return Credential(match["token"], origin)
