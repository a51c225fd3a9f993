"""Foreign text made fit for messages: short, one line, and without the token.

Whatever the platform or a proxy sends may end up in a log line. It must not break the line, flood
the log, or carry our own secret back (some servers quote the token that they refuse).
"""

from __future__ import annotations

_LIMIT = 160
_QUOTABLE = 2**20
"""Bytes searched for the token: far more than are quoted, so that no part of one is left."""


def safe_text(text: str, limit: int = _LIMIT) -> str:
    """Return ``text`` on one line, unprintable characters dropped, at most ``limit`` characters."""
    head = text[: 4 * limit]
    line = " ".join("".join(c if c.isprintable() else " " for c in head).split())
    return line if len(line) <= limit and len(text) == len(head) else line[: limit - 1] + "…"


def hide(text: str, secret: str) -> str:
    """Return ``text`` without ``secret``, nor its form in JSON that escapes slashes."""
    for form in (secret, secret.replace("/", "\\/")):
        text = text.replace(form, "[token]")
    return text


def excerpt(body: bytes, secret: str) -> str:
    """Return the beginning of a body for a message, the token hidden before it is cut."""
    return safe_text(hide(body[:_QUOTABLE].decode("utf-8", errors="replace"), secret))
