"""Addresses of databases: from the settings or from a file, and never in any output."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from autoscaler.model.errors import ConfigurationError
from autoscaler.telemetry import redact

_DRIVERS = ("postgresql+psycopg", "postgresql")


def address_in(file: Path, key: str) -> URL:
    """Return the address that a file holds; ``key``: the setting that names the file.

    Raises:
        ConfigurationError: it cannot be read, or is no address of PostgreSQL.
    """
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise ConfigurationError(f"{key} {file} cannot be read: {why}") from None
    return address(text, f"{key} {file}")


def address(text: str, what: str) -> URL:
    """Return an address, its password unknown to every log from now on.

    Raises:
        ConfigurationError: it is no address of PostgreSQL.
    """
    redact(text)
    try:
        url = make_url(text)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in _DRIVERS:
        # the address is not quoted: it may hold a password
        raise ConfigurationError(
            f"{what}: must hold an address such as postgresql+psycopg://user:password@host/name"
        )
    if url.password is not None:
        redact(str(url.password))
    return url.set(drivername=_DRIVERS[0])
