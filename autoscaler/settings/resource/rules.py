"""Rules over several values of one object, in CEL: what the object alone can decide.

They say what ``settings.app_rules`` says, and never more: a value that only the file's ``defaults``
could complete is left to the daemon, and so is a duration that CEL cannot read (in days, or a
number in quotes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autoscaler.settings.resource.entries import OF_THE_FILE, TOKEN_FILE
from autoscaler.settings.resource.structural import Schema, is_duration

VALIDATIONS = "x-kubernetes-validations"
_Path = tuple[str, ...]
_PROPERTY = "properties"
_SPEC = (_PROPERTY, "spec")

_TIME = (
    "(type(t) == int ? duration(string(t < 9000000000 ? t : 9000000000) + 's') : "
    "type(t) == string && t.matches('^([0-9.]{1,5}m?[hms]){1,4}$') ? duration(t) : "
    "duration('-1s'))"
)
"""A duration ``t`` of the object as CEL's own; -1 s where CEL cannot read it, or not for certain:
it knows no days, and fails beyond some 290 years."""

_UNREAD = "duration('0s')"
_PERCENT = "self.type != 'percent' || self.value <= 100.0"
_PERCENT_WORDS = "must be at most 100 percent: no more than all can be removed"
_APP = "(has({0}.spec.name) ? {0}.spec.name : {0}.metadata.name)"


def with_rules(root: Schema) -> Schema:
    """Return the schema of a whole object with the rules at their places.

    Raises:
        KeyError: a value that a rule is about is not in the schema.
    """
    made: Schema = dict(root)
    for path, rule in _rules(root):
        made = _put(made, path, rule)
    return made


def _rules(root: Schema) -> Iterator[tuple[_Path, Mapping[str, Any]]]:
    app = _APP.format("self"), _APP.format("oldSelf")
    renamed = (
        "must stay as it is: another name is another app. Make another object for it, and delete "
        "this one"
    )
    yield (), _rule(f"{app[0]} == {app[1]}", renamed, ".spec.name")
    yield from (((*_SPEC, *path), rule) for path, rule in _of_the_spec())
    yield from _positive(root["properties"]["spec"], _SPEC)


def _positive(node: Schema, path: _Path) -> Iterator[tuple[_Path, Mapping[str, Any]]]:
    """Yield the rule for text such as 0s, for each duration that must be above 0.

    Lists are not entered: there are so many durations in a policy's entry that their rules would
    cost more than the API server grants. The daemon looks at those.
    """
    for key, inner in node.get(_PROPERTY, {}).items():
        where = (*path, _PROPERTY, key)
        if is_duration(inner) and inner["minimum"]:
            rule = "type(self) != string || self.matches('[1-9]')"
            yield where, _rule(rule, "must be above 0")
        yield from _positive(inner, where)


def _of_the_spec() -> Iterator[tuple[_Path, Mapping[str, Any]]]:
    yield (), _namespace()
    yield (), _not_above("min_workers", "max_workers")
    yield (), _fallback()
    yield (), _times("interval", "interval_max", "interval_max must not be below interval", high=1)
    yield (), _names()
    for key in ("interval", "interval_max"):
        yield (_PROPERTY, key), _look()
    for low, high in (("deadline_floor", "deadline_ceiling"), ("backoff", "backoff_ceiling")):
        words = f"{low} must not be above {high}"
        yield (_PROPERTY, "startup"), _times(low, high, words, high=0)
    rates = (_PROPERTY, "behavior", _PROPERTY, "scale_down", _PROPERTY, "policies", "items")
    yield rates, _rule(_PERCENT, _PERCENT_WORDS, ".value")
    budget = (_PROPERTY, "drain", _PROPERTY, "disruption")
    yield budget, _rule(_PERCENT, _PERCENT_WORDS, ".value")
    for key in ("policies", "shadow"):
        yield from (((_PROPERTY, key, "items"), rule) for rule in _of_an_entry())


def _of_an_entry() -> Iterator[Mapping[str, Any]]:
    for kind in sorted(OF_THE_FILE):
        words = f"{kind} runs code of the daemon's machine: put this app into the file"
        yield _rule(f"self.type != '{kind}'", words, ".type")
    words = f"{TOKEN_FILE} names a file of the daemon's machine: put this app into the file"
    rule = f"!has(self.{TOKEN_FILE}) || self.{TOKEN_FILE} == ''"
    yield _rule(rule, words, f".{TOKEN_FILE}")


def _namespace() -> Mapping[str, Any]:
    kept = "has(self.__namespace__) && self.__namespace__ == oldSelf.__namespace__"
    words = (
        "must stay as it is once set: another namespace is another app. Make another object for "
        "it, and delete this one"
    )
    return _rule(f"!has(oldSelf.__namespace__) || ({kept})", words, ".namespace")


def _not_above(low: str, high: str) -> Mapping[str, Any]:
    rule = f"!has(self.{low}) || !has(self.{high}) || self.{low} <= self.{high}"
    return _rule(rule, f"must not be above {high}", f".{low}")


def _fallback() -> Mapping[str, Any]:
    rule = (
        "!has(self.max_workers) || !has(self.fallback) || !has(self.fallback.workers) || "
        "self.fallback.workers <= self.max_workers"
    )
    return _rule(rule, "must not be above max_workers", ".fallback.workers")


def _times(first: str, second: str, words: str, *, high: int) -> Mapping[str, Any]:
    """Return the rule that one duration is not above another; ``high`` says which to blame."""
    both = f"[[self.{first}, self.{second}].map(t, {_TIME})]"
    read = f"p[0] < {_UNREAD} || p[1] < {_UNREAD} || p[0] <= p[1]"
    rule = f"!has(self.{first}) || !has(self.{second}) || {both}.all(p, {read})"
    return _rule(rule, words, f".{(first, second)[high]}")


def _look() -> Mapping[str, Any]:
    bounds = "d >= duration('200ms') && d <= duration('24h')"
    rule = f"[self].map(t, {_TIME}).all(d, d < {_UNREAD} || ({bounds}))"
    return _rule(rule, "must be from 0.2s to 1d")


def _names() -> Mapping[str, Any]:
    listed = f"[{_names_of('policies')} + {_names_of('shadow')}]"
    rule = f"{listed}.all(l, l.all(n, l.exists_one(m, m == n)))"
    words = (
        "two entries of policies and shadow have one name (that of an entry without one is its "
        "type); give one of them a name"
    )
    return _rule(rule, words, ".policies")


def _names_of(key: str) -> str:
    name = "has(p.name) && p.name != '' ? p.name : p.type"
    return f"(has(self.{key}) ? self.{key}.map(p, {name}) : [])"


def _rule(rule: str, message: str, field: str = "") -> Mapping[str, Any]:
    """Return one rule.

    Messages have no values in them: the API server bounds what a rule may cost, and takes a number
    made text for endless.

    Args:
        rule: CEL; true is well.
        message: what the user reads.
        field: path of what is to blame, below the place of the rule.
    """
    made = {"rule": rule, "message": message}
    return made | ({"fieldPath": field} if field else {})


def _put(node: Schema, path: _Path, rule: Mapping[str, Any]) -> Schema:
    """Return a copy of the schema with a rule at a place."""
    if not path:
        return {**node, VALIDATIONS: [*node.get(VALIDATIONS, ()), dict(rule)]}
    return {**node, path[0]: _put(node[path[0]], path[1:], rule)}
