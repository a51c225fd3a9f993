"""The forms of a message, and the signatures, against values worked out by other means."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from autoscaler.model import AppKey
from autoscaler.notifications import Event, Format, Notice, Severity
from autoscaler.notifications.formats import LINE_CHARS_MAX, LINES_MAX, body, refusal, signed
from autoscaler.telemetry import redact
from tests.fakes.clock import T0

APP = AppKey("default", "sd15")


def notice(text: str = "queue & <all>", severity: Severity = Severity.WARNING) -> Notice:
    return Notice(Event.BEGAN, severity, APP, T0, "NoData", text, {"since": T0 - 60})


def text_of(form: Format, content: dict[str, Any]) -> str:
    match form:
        case Format.SLACK:
            found = content["text"]
        case Format.FEISHU:
            found = content["content"]["text"]
        case _:
            found = content["markdown"]["text"]
    return str(found)


def test_the_generic_form_is_whole() -> None:
    content = body(Format.GENERIC, [notice()])
    assert content == {
        "version": 1,
        "events": [
            {
                "event": "began",
                "severity": "warning",
                "namespace": "default",
                "app": "sd15",
                "at": "2025-11-24T16:00:00.000Z",
                "at_epoch_s": T0,
                "reason": "NoData",
                "text": "queue & <all>",
                "fields": {"since": T0 - 60},
            }
        ],
    }


def test_slack_text_is_escaped() -> None:
    content = body(Format.SLACK, [notice()])
    assert list(content) == ["text"]
    assert "queue &amp; &lt;all&gt;" in content["text"]
    assert content["text"].startswith("*autoscaler: default/sd15 began NoData*\n")


def test_feishu_calls_nobody() -> None:
    content = body(Format.FEISHU, [notice('<at user_id="all">x</at>')])
    assert content["msg_type"] == "text"
    assert "<" not in content["content"]["text"]
    assert content["content"]["text"].startswith("autoscaler: ")


def test_dingtalk_gets_markdown_with_a_title() -> None:
    content = body(Format.DINGTALK, [notice()])
    assert content["msgtype"] == "markdown"
    assert content["markdown"]["title"] == "autoscaler: default/sd15 began NoData"
    assert content["markdown"]["text"].endswith("began NoData: queue & <all>")


@pytest.mark.parametrize("form", [Format.SLACK, Format.FEISHU, Format.DINGTALK])
def test_many_are_told_in_one_message_the_worst_first(form: Format) -> None:
    many = [notice(f"number {number} " + "x" * 1000) for number in range(40)]
    worst = notice("the worst", Severity.CRITICAL)
    text = text_of(form, body(form, [*many, worst]))
    lines = [line for line in text.split("\n") if line]
    assert "the worst" in lines[1]
    assert lines[-1] == f"and {41 - LINES_MAX} more"
    assert "41 began" in lines[0]
    assert all(len(line) <= LINE_CHARS_MAX for line in lines)


@pytest.mark.parametrize("form", list(Format))
def test_no_form_shows_a_secret(form: Format) -> None:
    redact("hush-hush-very-secret")
    told = notice("the platform said hush-hush-very-secret")
    assert "hush-hush" not in json.dumps(body(form, [told]))


def openssl(key: str, message: str) -> str:
    """HMAC-SHA256 in base64, by another program."""
    made = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.encode().hex()}",
         "-binary"],
        input=message.encode(), capture_output=True, check=True,
    )  # fmt: skip
    encoded = subprocess.run(["base64", "-w0"], input=made.stdout, capture_output=True, check=True)
    return encoded.stdout.decode()


def test_dingtalk_is_signed_in_the_address() -> None:
    secret, url = "SEC-of-dingtalk+/=", "https://oapi.example.com/robot/send?access_token=key"
    address, content = signed(Format.DINGTALK, url, {"a": 1}, secret, T0)
    asked = parse_qs(urlsplit(address).query)
    at = f"{T0 * 1000:.0f}"
    assert asked == {
        "access_token": ["key"],
        "timestamp": [at],
        "sign": [openssl(secret, f"{at}\n{secret}")],
    }
    assert content == {"a": 1}


def test_feishu_is_signed_in_the_body() -> None:
    secret, url = "secret of feishu", "https://open.example.com/hook/key"
    address, content = signed(Format.FEISHU, url, {"a": 1}, secret, T0)
    at = f"{T0:.0f}"
    assert address == url
    assert content == {"timestamp": at, "sign": openssl(f"{at}\n{secret}", ""), "a": 1}


@pytest.mark.parametrize(
    ("form", "reply", "trouble", "again"),
    [
        (Format.DINGTALK, {"errcode": 0, "errmsg": "ok"}, "", False),
        (Format.DINGTALK, {"errcode": 310000}, "refused it with code 310000", False),
        (Format.DINGTALK, {"errcode": 130101}, "refused it with code 130101", True),
        (Format.DINGTALK, {"errmsg": "?"}, "refused it with code none", False),
        (Format.FEISHU, {"code": 0}, "", False),
        (Format.FEISHU, {"StatusCode": 0}, "", False),
        (Format.FEISHU, {"code": 19021}, "refused it with code 19021", False),
        (Format.FEISHU, {"code": 11232}, "refused it with code 11232", True),
        (Format.FEISHU, {"code": "<script>"}, "refused it with code none", False),
        (Format.SLACK, None, "", False),
        (Format.GENERIC, {"code": 7}, "", False),
        (Format.FEISHU, None, "", False),
    ],
)
def test_a_refusal_with_http_200_is_seen(
    form: Format, reply: Any, trouble: str, *, again: bool
) -> None:
    assert refusal(form, reply) == (trouble, again)
