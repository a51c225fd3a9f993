"""Plain YAML straight from the parser's events, without a tree of nodes.

The tree costs 3.6 KiB an app, and a reload builds it beside everything that runs. Nearly every
configuration is plain: no anchors, no tags, no merged and no doubled keys. What is not, and what is
wrong, is left to the way with the tree, which can also say where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, nan
from re import Pattern
from sys import intern
from typing import Any

import yaml

IN_APPS = 4
"""Depth of what is inside an entry of a list at the top: it repeats, the entry has its name."""
WORD_MAX = 100
"""Longest number, characters; one that is longer is no plain one."""

Resolvers = Mapping[str, Sequence[tuple[str, Pattern[str]]]]
"""By a word's first character: what the word may be, as a tag, and its pattern."""

_TAG = "tag:yaml.org,2002:"


class NotPlain(Exception):  # noqa: N818 - named for what was found
    """The text is no plain YAML."""


def _float(word: str) -> float:
    sign = -1.0 if word[0] == "-" else 1.0
    bare = word.lstrip("+-").lower()
    return {".inf": sign * inf, ".nan": nan}.get(bare) or float(word)


_MAKE: dict[str, Callable[[str], Any]] = {
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": lambda word: word.lower() == "true",
    f"{_TAG}int": int,
    f"{_TAG}float": _float,
}


class PlainReader:
    """Makes the values of one text."""

    def __init__(self, loader: yaml.CSafeLoader, depth_max: int) -> None:
        self._next: Callable[[], Any] = loader.get_event
        self._resolvers: Resolvers = loader.yaml_implicit_resolvers
        self._depth_max = depth_max
        self._known: dict[tuple[Any, ...], dict[Any, Any]] = {}

    def read(self) -> dict[Any, Any]:
        """Return the mapping that the text is.

        Raises:
            NotPlain: it is not plain, not one document, too deep, or no mapping.
            yaml.YAMLError: it is no YAML.
        """
        self._expect(yaml.StreamStartEvent)
        self._expect(yaml.DocumentStartEvent)
        found = self._value(self._next(), 0)
        self._expect(yaml.DocumentEndEvent)
        self._expect(yaml.StreamEndEvent)
        if not isinstance(found, dict):
            raise NotPlain
        return found

    def _expect(self, kind: type[yaml.Event]) -> None:
        if not isinstance(self._next(), kind):
            raise NotPlain

    def _value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None or event.tag is not None:
            raise NotPlain
        if isinstance(event, yaml.ScalarEvent):
            return self._word(event.value) if event.implicit[0] else event.value
        if depth == self._depth_max:
            raise NotPlain
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(depth + 1)
        return self._sequence(depth + 1)

    def _sequence(self, depth: int) -> list[Any]:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, depth))
        return items

    def _mapping(self, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        texts: set[str] = set()
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.value in texts:
                raise NotPlain
            texts.add(event.value)
            key = self._value(event, depth)
            # Ten thousand apps have the same few keys: one text for all.
            key = intern(key) if type(key) is str else key
            found[key] = self._value(self._next(), depth)
        return found if depth < IN_APPS else self._same(found)

    def _same(self, found: dict[Any, Any]) -> dict[Any, Any]:
        """Return the first mapping that was equal; apps say the same of themselves again and again.

        Nobody changes what was read; it is merged into copies.
        """
        try:
            word = tuple((key, type(value), value) for key, value in found.items())
            return self._known.setdefault(word, found)
        except TypeError:  # something in it has no hash
            return found

    def _word(self, word: str) -> Any:
        """Return what a word without quotes means."""
        for tag, pattern in self._resolvers.get(word[:1], ()):
            if pattern.match(word):
                if tag not in _MAKE or len(word) > WORD_MAX:
                    raise NotPlain
                return _MAKE[tag](word)
        return word
