"""What an HTTP status means to the caller, and how long the platform asked to wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus

import httpx

from autoscaler.everai.call import Reply
from autoscaler.everai.text import excerpt, hide, safe_text
from autoscaler.everai.token import Token
from autoscaler.everai.wire import error_message
from autoscaler.model.errors import (
    AppNotFound,
    Forbidden,
    PlatformError,
    Rejected,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)

_RETRY_AFTER_MAX_S = 86_400.0
_SECONDS = re.compile(r"[0-9]{1,9}")


def http_date(headers: Mapping[str, str], name: str) -> float | None:
    """Return epoch seconds of an HTTP date header; ``None`` where it has none that can be read."""
    text = headers.get(name)
    return None if text is None else _epoch_s(text)


@lru_cache(maxsize=64)
def _epoch_s(text: str) -> float | None:
    """Return epoch seconds of a date; remembered: replies of one second bear the same."""
    try:
        epoch_s = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return epoch_s if epoch_s > 0 else None


def retry_after_s(reply: Reply) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, in 0…86400; ``None`` without one.

    A date is compared with the reply's own ``Date``, so that skewed clocks do not matter.
    """
    text = reply.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _RETRY_AFTER_MAX_S)
    at = http_date(reply.headers, "retry-after")
    if at is None:
        return None
    now = http_date(reply.headers, "date") or reply.received_at
    return min(max(at - now, 0.0), _RETRY_AFTER_MAX_S)


def error_for(reply: Reply, what: str, token: Token, *, changes: bool) -> PlatformError:
    """Return the error for a reply that is not 2xx.

    Args:
        reply: the reply.
        what: the call, for the message.
        token: the one that was sent; it is removed from whatever the reply quotes.
        changes: whether the call was a POST, which a 5xx may have carried out.
    """
    status = reply.status
    said = f"{what}: {status} {_phrase(status)}{_quote(reply, token)}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _denied(said, status, token)
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _overloaded(reply, said, changes=changes)
    if status < HTTPStatus.BAD_REQUEST:
        return _redirected(reply, said, token, changes=changes)
    return _refused(reply, said)


def _denied(said: str, status: int, token: Token) -> PlatformError:
    if status == HTTPStatus.UNAUTHORIZED:
        return Unauthorized(
            f"{said}. The token ({token.origin}) is wrong or has expired; put a good one there.",
            status=status,
        )
    return Forbidden(
        f"{said}. The token ({token.origin}) may not do this; use one of the account that owns "
        "the app.",
        status=status,
    )


def _overloaded(reply: Reply, said: str, *, changes: bool) -> PlatformError:
    wait_s = retry_after_s(reply)
    text = said if wait_s is None else f"{said}; it asks to wait {wait_s:g} s"
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(text, status=reply.status, retry_after_s=wait_s)
    return ServerFault(text, status=reply.status, maybe_applied=changes, retry_after_s=wait_s)


def _refused(reply: Reply, said: str) -> PlatformError:
    status = reply.status
    if status == HTTPStatus.NOT_FOUND:
        return AppNotFound(f"{said}. {_not_found_hint(reply)}", status=status)
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return Unreachable(said, status=status)
    if status == _PROXY_AUTH:
        said = f"{said}. The HTTP proxy wants a user and a password in its URL."
    return Rejected(said, status=status)


_PROXY_AUTH = HTTPStatus.PROXY_AUTHENTICATION_REQUIRED


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _quote(reply: Reply, token: Token) -> str:
    """Return what the reply's body says, for a message."""
    said = safe_text(hide(error_message(reply.body), token.value))
    said = said or excerpt(reply.body, token.value)
    return f": {said}" if said else ""


def _not_found_hint(reply: Reply) -> str:
    if error_message(reply.body):
        return "Check the app's namespace and name."
    return "This is not the API's own reply: check everai.endpoint, then the app's name."


def _redirected(reply: Reply, said: str, token: Token, *, changes: bool) -> PlatformError:
    """Return the error for a redirect (or another 1xx to 3xx, which no call expects)."""
    location = reply.headers.get("location", "")
    try:
        target = str(httpx.URL(location).copy_with(query=None, fragment=None, userinfo=b""))
    except (httpx.InvalidURL, ValueError):
        target = "an address that cannot be read"
    where = f" to {safe_text(hide(target, token.value))}" if location else ""
    return Rejected(
        f"{said}. The platform redirects{where}; redirects are not followed, so that the token "
        "goes nowhere else. Set everai.endpoint to the API's own address.",
        status=reply.status,
        maybe_applied=changes and reply.status == HTTPStatus.SEE_OTHER,
    )
