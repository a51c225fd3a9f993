"""The running daemon, as commands ask it: the one place that knows its addresses and fields.

Every error becomes one sentence and an exit status (:class:`CommandError`). Redirects are not
followed, so a token goes to no other place than the one that was named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import quote

import httpx

from autoscaler.cli.exits import NOT_FOUND, TROUBLE, USAGE, CommandError
from autoscaler.model import AppKey

DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_S = 10.0
APPS_PER_PAGE = 1000
EVENTS_PER_PAGE = 500

Fields = dict[str, Any]
_Query = Mapping[str, str | int | float | list[str] | None]


class Answer(dict[str, Any]):
    """An object of an answer; a field that should be there and is not says so in words."""

    def __missing__(self, name: str) -> Any:
        raise CommandError(
            f"the answer has no field {name!r}, as a daemon's has; is it the right address, and as"
            " new as this program?"
        )


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """A token and where it is from; its text never shows the value."""

    value: str
    origin: str

    def __repr__(self) -> str:
        return f"Credential(from {self.origin})"


@dataclass(frozen=True, slots=True)
class AppFilter:
    """Which apps: empty for all. ``search``: part of ``namespace/name``; ``sort``: a column."""

    namespace: str = ""
    search: str = ""
    states: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    sort: str = "name"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: empty for all. ``start``, ``end``: epoch seconds; ``full``: decisions whole."""

    start: float | None = None
    end: float | None = None
    kinds: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    full: bool = False


class Remote:
    """A daemon's HTTP API.

    Args:
        url: base address; a path prefix is allowed. credential: shown where there is one.
        timeout_s: for connecting, and between two pieces of an answer.

    Raises:
        CommandError: ``url`` is no http or https URL.
    """

    def __init__(
        self, url: str, credential: Credential | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        base = _base(url)
        self.url = str(base).rstrip("/")
        self._credential = credential
        self._timeout_s = timeout_s
        headers = {} if credential is None else {"Authorization": f"Bearer {credential.value}"}
        self._client = httpx.Client(
            headers=headers, timeout=timeout_s, trust_env=not _is_loopback(base.host)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Remote({self.url})"

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def apps(self, wanted: AppFilter = AppFilter(), *, limit: int | None = None) -> list[Fields]:
        """Return the apps that match, all pages of them, or the first ``limit``."""
        found: list[Fields] = []
        query: dict[str, str | int | float | list[str] | None] = {
            "namespace": wanted.namespace or None,
            "q": wanted.search or None,
            "status": list(wanted.states),
            "reason": list(wanted.reasons),
            "sort": None if wanted.sort == "name" else wanted.sort,
            "order": "desc" if wanted.sort in ("workers", "queue", "desired") else None,
            "limit": min(limit or APPS_PER_PAGE, APPS_PER_PAGE),
        }
        while True:
            page = self._get("/apps", query)
            found += page["items"]
            query["offset"] = page.get("next_offset")
            if query["offset"] is None or (limit is not None and len(found) >= limit):
                return found

    def app(self, key: AppKey) -> Fields:
        """Return everything that is known of an app now."""
        return self._get(_path(key))

    def explanation(self, key: AppKey, at: float) -> Fields:
        """Return the decision in force at a moment of the past (epoch seconds), explained."""
        return self._get(f"{_path(key)}/explanation", {"at": _number(at)})

    def events(self, key: AppKey | None, wanted: EventFilter, limit: int) -> list[Fields]:
        """Return the newest ``limit`` (≥ 1) events that match, newest first, over all pages."""
        found: list[Fields] = []
        for page in self._event_pages(key, wanted, limit):
            found += page["items"]
            if len(found) >= limit:
                break
        return found[:limit]

    def _event_pages(self, key: AppKey | None, wanted: EventFilter, limit: int) -> Iterator[Fields]:
        query: dict[str, str | int | float | list[str] | None] = {
            "start": _number(wanted.start),
            "end": _number(wanted.end),
            "kind": list(wanted.kinds),
            "action": list(wanted.actions),
            "reason": list(wanted.reasons),
            "full": "true" if wanted.full else None,
            "limit": min(limit, EVENTS_PER_PAGE),
        }
        while True:
            page = self._get("/events" if key is None else f"{_path(key)}/events", query)
            yield page
            query["cursor"] = page.get("next_cursor")
            if query["cursor"] is None:
                return

    def samples(self, key: AppKey, start: float, points: int) -> list[Fields]:
        """Return an app's numbers since a moment (epoch seconds), in order of time."""
        query = {"start": _number(start), "points": points}
        items: list[Fields] = self._get(f"{_path(key)}/samples", query)["items"]
        return items

    def cost(
        self, key: AppKey | None, start: float, end: float | None, fixed: int | None
    ) -> Fields:
        """Return what an app, or all together, took since a moment (epoch seconds)."""
        query = {"start": _number(start), "end": _number(end), "fixed_workers": fixed}
        return self._get("/cost" if key is None else f"{_path(key)}/cost", query)

    def order(self, key: AppKey, verb: str, body: Mapping[str, Any]) -> Fields:
        """Give an order by hand: ``pause``, ``resume``, ``override`` or ``boost``."""
        if self._credential is None:
            raise CommandError(
                f"{verb} needs a token and none is given; {_HOW_TO_GIVE_A_TOKEN}", USAGE
            )
        return self._ask("POST", f"{_path(key)}/{verb}", json=dict(body))

    def _get(self, path: str, query: _Query | None = None) -> Fields:
        given = {name: value for name, value in (query or {}).items() if value not in (None, [])}
        return self._ask("GET", path, params=given)

    def _ask(self, method: str, path: str, **more: Any) -> Fields:
        address = f"{self.url}/api/v1{path}"
        try:
            reply = self._client.request(method, address, **more)
        except httpx.TimeoutException:
            raise CommandError(
                f"the daemon at {self.url} did not answer within {self._timeout_s:g} s; look at its"
                " log, or try again"
            ) from None
        except httpx.HTTPError as error:
            raise CommandError(
                f"no daemon answers at {self.url} ({error}); start one with `autoscaler run`, or"
                " give its address with --url or AUTOSCALER_URL"
            ) from None
        return self._content(reply)

    def _content(self, reply: httpx.Response) -> Fields:
        try:
            content = reply.json(object_hook=Answer)
        except ValueError:
            content = None
        if not reply.is_success:
            raise self._refusal(reply, content if isinstance(content, dict) else {})
        if not isinstance(content, dict):
            raise self._foreign(reply)
        return content

    def _refusal(self, reply: httpx.Response, problem: Fields) -> CommandError:
        detail = problem.get("detail")
        if not isinstance(detail, str):
            return self._foreign(reply)
        said = f"the daemon at {self.url} says: {detail}"
        if reply.status_code == httpx.codes.UNAUTHORIZED:
            return CommandError(f"{said} {self._about_the_token()}")
        return CommandError(said, _STATUSES.get(reply.status_code, TROUBLE))

    def _about_the_token(self) -> str:
        if self._credential is None:
            return f"To give one: {_HOW_TO_GIVE_A_TOKEN}."
        return f"The one sent is from {self._credential.origin}."

    def _foreign(self, reply: httpx.Response) -> CommandError:
        kind = reply.headers.get("content-type", "no content type")
        return CommandError(
            f"{reply.request.url.copy_with(query=None)} does not answer as a daemon does (status"
            f" {reply.status_code}, {kind}); is it the right address, and as new as this program?"
        )


_STATUSES: dict[int, int] = {
    httpx.codes.NOT_FOUND: NOT_FOUND,
    httpx.codes.UNPROCESSABLE_ENTITY: USAGE,
}
_HOW_TO_GIVE_A_TOKEN = "set AUTOSCALER_TOKEN_FILE (or --token-file) or AUTOSCALER_TOKEN"  # noqa: S105


def _base(text: str) -> httpx.URL:
    what = "give the daemon's address such as http://127.0.0.1:8080 with --url or AUTOSCALER_URL"
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, ValueError):
        raise CommandError(f"{text!r} is no URL; {what}", USAGE) from None
    if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
        raise CommandError(f"{text!r} is no http or https URL; {what}", USAGE)
    if url.userinfo:
        raise CommandError(f"an address holds no user or password; {what}", USAGE)
    return url


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine, which no proxy leads to."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _path(key: AppKey) -> str:
    return f"/apps/{quote(key.namespace, safe='')}/{quote(key.name, safe='')}"


def _number(at: float | None) -> str | None:
    return None if at is None else f"{at:.3f}"
