"""Prometheus queries: the call on the wire, every kind of reply, and every kind of trouble."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import NoData, Observation, PrometheusQuery, SignalRequest
from autoscaler.signals import SignalFetcher
from autoscaler.signals.exchange import Reply, SignalError
from autoscaler.signals.prometheus import read

SECRET = "top-secret-token"


def vector(*values: object) -> bytes:
    result = [{"metric": {}, "value": [1.0, value]} for value in values]
    return answer("vector", result)


def answer(kind: str, result: object) -> bytes:
    return json.dumps(
        {"status": "success", "data": {"resultType": kind, "result": result}}
    ).encode()


@pytest.fixture
def ask(site: Any, fetcher: SignalFetcher, look: Callable[..., Observation]) -> Callable[..., Any]:
    """Fetch one query; return the answer."""

    async def fetch(**more: Any) -> float | NoData:
        own = {"url": site.url, "timeout_s": 5.0, "query": "sum(rate(x[1m]))"} | more
        request = PrometheusQuery("load", **own)
        answers = await fetcher.fetch((request,), look(busy=1))
        assert answers.keys() == {"load"}
        return answers["load"]

    return fetch


async def test_the_query_goes_out_as_the_api_wants_it(site: Any, ask: Callable[..., Any]) -> None:
    site.body = vector("3.5")
    assert await ask(url=site.url + "/prom/?tenant=a") == 3.5
    line = site.requests[0].splitlines()[0].split()
    assert line[0] == "GET"
    parts = urlsplit(line[1])
    assert parts.path == "/prom/api/v1/query"
    assert parse_qs(parts.query) == {
        "query": ["sum(rate(x[1m]))"],
        "timeout": ["5s"],
        "tenant": ["a"],
    }
    assert "authorization" not in site.requests[0].lower()


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (vector("0"), 0.0),
        (vector("1e3"), 1000.0),
        (vector("-2.5"), -2.5),
        (answer("scalar", [1.0, "7"]), 7.0),
    ],
)
async def test_one_number(site: Any, ask: Callable[..., Any], body: bytes, value: float) -> None:
    site.body = body
    assert await ask() == value


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (vector(), "no series, not one; aggregate it"),
        (vector("1", "2"), "2 series, not one; aggregate it"),
        (vector("NaN"), "no finite number"),
        (vector("+Inf"), "no finite number"),
        (vector(3), "no finite number"),
        (answer("matrix", []), "no query result"),
        (answer("string", [1.0, "7"]), "no query result"),
        (answer("vector", {}), "no query result"),
        (answer("vector", ["x"]), "no finite number"),
        (answer("scalar", []), "no finite number"),
        (b"[]", "no query result"),
        (b"<html>", "answered no JSON"),
        (b"", "answered no JSON"),
        (b"[" * 100_000, "answered no JSON"),
    ],
)
async def test_no_number(site: Any, ask: Callable[..., Any], body: bytes, words: str) -> None:
    site.body = body
    got = await ask()
    assert isinstance(got, NoData)
    assert words in got.why


async def test_a_refused_query_names_its_kind_but_repeats_nothing(
    site: Any, ask: Callable[..., Any]
) -> None:
    site.status = 400
    site.body = json.dumps(
        {"status": "error", "errorType": "bad_data", "error": f"parse error near {SECRET}"}
    ).encode()
    got = await ask()
    assert isinstance(got, NoData)
    assert "refused the query (bad_data, HTTP 400)" in got.why
    assert SECRET not in got.why


@pytest.mark.parametrize("status", [401, 404, 500, 503, 302])
async def test_another_status(site: Any, ask: Callable[..., Any], status: int) -> None:
    site.status, site.body = status, b"oops"
    site.location = site.url if status == 302 else ""
    got = await ask()
    assert isinstance(got, NoData)
    assert got.why == f"127.0.0.1:{site.port} answered HTTP {status}"
    assert len(site.requests) == 1  # a redirect is not followed: it could lead the token astray


async def test_a_server_that_hangs_ends_at_the_time_limit(
    site: Any, ask: Callable[..., Any]
) -> None:
    site.hang = True
    got = await ask(timeout_s=0.1)
    assert isinstance(got, NoData)
    assert "no answer" in got.why
    assert "0.1 s" in got.why


async def test_a_server_that_is_not_there(ask: Callable[..., Any], unused_port: int) -> None:
    got = await ask(url=f"http://127.0.0.1:{unused_port}")
    assert isinstance(got, NoData)
    assert "cannot be reached" in got.why


async def test_a_reply_without_end_is_cut_off(site: Any, ask: Callable[..., Any]) -> None:
    site.endless = True
    got = await ask()
    assert isinstance(got, NoData)
    assert "larger than 1 MB" in got.why


async def test_a_token_is_sent_and_appears_nowhere_else(
    site: Any, ask: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET + "\n")
    site.status = 403
    caplog.set_level("DEBUG")
    got = await ask(token_file=str(file))
    assert f"authorization: bearer {SECRET}" in site.requests[0].lower()
    assert isinstance(got, NoData)
    assert SECRET not in got.why + caplog.text


@pytest.mark.parametrize("content", [None, "", "two words", "a\nb", "schlüssel"])
async def test_a_bad_token_file_is_said_and_nothing_is_sent(
    site: Any, ask: Callable[..., Any], tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    got = await ask(token_file=str(file))
    assert isinstance(got, NoData)
    assert "token_file" in got.why
    assert not site.requests


async def test_an_unverified_certificate_is_refused(ask: Callable[..., Any], tls_site: str) -> None:
    got = await ask(url=tls_site)
    assert isinstance(got, NoData)
    assert "cannot be reached" in got.why


async def test_all_are_fetched_at_once_and_one_failure_is_only_its_own(
    site: Any, fetcher: SignalFetcher, look: Callable[..., Observation], unused_port: int
) -> None:
    site.body = vector("4")
    good = PrometheusQuery("good", site.url, 5.0, query="x")
    bad = PrometheusQuery("bad", f"http://127.0.0.1:{unused_port}", 5.0, query="x")
    other = SignalRequest("other", site.url, 5.0)
    answers = await fetcher.fetch((bad, good, other), look())
    assert answers["good"] == 4.0
    assert isinstance(answers["bad"], NoData)
    assert answers["other"] == NoData("no way to fetch a SignalRequest")
    assert await fetcher.fetch((), look()) == {}


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "data", "result", "resultType", "value", "errorType"]), inner
        )
    ),
    max_leaves=12,
)


@given(status=st.sampled_from([200, 400]), data=json_values)
def test_any_json_is_a_number_or_an_error(status: int, data: Any) -> None:
    with suppress(SignalError):
        assert isinstance(read(Reply(status, data), "http://host"), float)


def test_the_client_verifies_certificates_and_follows_nothing(fetcher: SignalFetcher) -> None:
    client = fetcher._client
    assert client.follow_redirects is False
    transport = client._transport
    assert isinstance(transport, httpx.AsyncHTTPTransport)
    context = transport._pool._ssl_context
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
