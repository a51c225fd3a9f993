"""The instant-query call of the Prometheus HTTP API, and its reply as one number.

More than one series, none, or a value that is not finite is no number: a query must aggregate.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

import httpx

from autoscaler.model import PrometheusQuery
from autoscaler.signals.exchange import Call, Reply, SignalError, exchange, host_of, require_ok

_PATH = "api/v1/query"
_ERROR_TYPE = re.compile(r"[a-z_]{1,40}")
_NUMBER_AT = 1


async def query(client: httpx.AsyncClient, wanted: PrometheusQuery) -> float:
    """Ask for the value of an expression.

    Raises:
        SignalError: there is no single number.
    """
    base, mark, own = wanted.url.partition("?")
    url = f"{base.rstrip('/')}/{_PATH}{mark}{own}"
    params = dict(httpx.URL(url).params) | {
        "query": wanted.query,
        "timeout": f"{wanted.timeout_s:g}s",
    }
    call = Call(url, wanted.timeout_s, wanted.token_file, params)
    return read(await exchange(client, call), url)


def read(reply: Reply, url: str) -> float:
    """Return the number in a reply of the query call.

    Raises:
        SignalError: there is no single number.
    """
    _refuse_failed(reply, url)
    data = require_ok(reply, url)
    result = _result(data)
    if result is None:
        raise SignalError(f"{host_of(url)} answered no query result")
    kind, values = result
    number = _number(_only(values) if kind == "vector" else values)
    if number is None:
        raise SignalError(f"the query gives no finite number ({kind})")
    return number


def _refuse_failed(reply: Reply, url: str) -> None:
    """A bad expression comes as HTTP 400 with an errorType, which says more than the status."""
    if not isinstance(reply.data, dict) or reply.data.get("status") != "error":
        return
    kind = reply.data.get("errorType")
    named = kind if isinstance(kind, str) and _ERROR_TYPE.fullmatch(kind) else "error"
    hint = "; try the query in the server's own page" if named == "bad_data" else ""
    raise SignalError(f"{host_of(url)} refused the query ({named}, HTTP {reply.status}){hint}")


def _result(data: Any) -> tuple[str, list[Any]] | None:
    inner = data.get("data") if isinstance(data, dict) else None
    if not isinstance(inner, dict):
        return None
    kind, values = inner.get("resultType"), inner.get("result")
    if kind not in ("vector", "scalar") or not isinstance(values, list):
        return None
    return kind, values


def _only(series: list[Any]) -> Any:
    """Return the sample of the one series of a vector."""
    if len(series) != 1:
        count = "no series" if not series else f"{len(series)} series"
        raise SignalError(f"the query gives {count}, not one; aggregate it, e.g. with sum()")
    return series[0].get("value") if isinstance(series[0], dict) else None


def _number(sample: Any) -> float | None:
    """Read ``[time, "value"]``."""
    if not (isinstance(sample, list) and len(sample) == _NUMBER_AT + 1):
        return None
    text = sample[_NUMBER_AT]
    try:
        value = float(text) if isinstance(text, str) else float("nan")
    except ValueError:
        return None
    return value if isfinite(value) else None
