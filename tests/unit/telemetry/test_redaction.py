"""The token must appear in no line, by whatever way it came."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog

from autoscaler.telemetry import redact, redaction
from autoscaler.telemetry.redaction import MASK, SECRETS_MAX, Secrets, is_secret_key, mask_mapping

TOKEN = "ey-Very.Secret_42"


@pytest.fixture(autouse=True)
def _secrets_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_PROCESS_SECRETS", Secrets())
    redact(TOKEN)


class Holder:
    def __repr__(self) -> str:
        return f"Holder({TOKEN})"


@pytest.mark.parametrize(
    "fields",
    [
        {"message": f"sent {TOKEN} to the platform"},
        {"headers": {"X-Odd": [TOKEN]}},
        {TOKEN: "as a key"},
        {"holder": Holder()},
        {"header": "Authorization: Bearer abcdefghijklmnopqrstuvwxyz"},
        {"token": "some other"},
        {"Authorization": "abcdefghijklmnop"},
        {"settings": {"everai": {"everai_token": "abcdefghijklmnop"}}},
    ],
)
@pytest.mark.parametrize("style", ["log", "console_log"])
def test_no_secret_is_written(
    fields: dict[str, Any], style: str, request: pytest.FixtureRequest
) -> None:
    log = request.getfixturevalue(style)
    structlog.get_logger().warning("event", **fields)
    assert "event" in log.text
    for secret in (TOKEN, "abcdefghijklmnop", "some other"):
        assert secret not in log.text
    assert MASK in log.text


@pytest.mark.parametrize("style", ["log", "console_log"])
def test_no_secret_in_a_traceback(style: str, request: pytest.FixtureRequest) -> None:
    log = request.getfixturevalue(style)
    try:
        int(f"401 for {TOKEN}")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "401 for" in log.text
    assert TOKEN not in log.text


def test_no_secret_from_a_library(log: Any) -> None:
    logging.getLogger("httpx").warning("header %s", TOKEN)
    assert "header" in log.text
    assert TOKEN not in log.text


@pytest.mark.parametrize("secret", ['quote"and\\slash', "umlaut-ü-应用", "new\nline"])
@pytest.mark.parametrize("style", ["log", "console_log"])
def test_a_secret_that_is_escaped_in_the_line_is_found(
    secret: str, style: str, request: pytest.FixtureRequest
) -> None:
    redact(secret)
    log = request.getfixturevalue(style)
    structlog.get_logger().info("event", value=f"<{secret}>")
    assert f"<{MASK}>" in log.text


def test_words_are_not_cut_by_empty_or_short_secrets(log: Any) -> None:
    redact("")
    redact(" e ")
    structlog.get_logger().info("event", message="every bearer of news")
    assert log.events[0]["message"] == "every bearer of news"


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("token", True),
        ("EVERAI_TOKEN", True),
        ("Proxy-Authorization", True),
        ("Set-Cookie", True),
        ("api-key", True),
        ("token_file", False),
        ("app", False),
        ("tokens_left", False),
    ],
)
def test_which_keys_are_secret(key: str, *, secret: bool) -> None:
    assert is_secret_key(key) is secret


def test_a_missing_secret_is_shown_as_missing() -> None:
    assert mask_mapping({"token": None}) == {"token": None}


def test_the_registry_shows_nothing_and_forgets_the_oldest() -> None:
    secrets = Secrets()
    for index in range(SECRETS_MAX + 1):
        secrets.add(f"secret-number-{index:03}")
    assert "secret-number" not in repr(secrets)
    assert secrets.cut("secret-number-000") == "secret-number-000"
    assert secrets.cut(f"secret-number-{SECRETS_MAX:03}") == MASK
