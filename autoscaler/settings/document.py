"""The YAML file: its values, and on which line each one stands.

The C parser's events become values at once where the text is plain (:mod:`plain_yaml`); a tree of
nodes is made for what is not, and when a line is to be named. Words are read as YAML 1.2 does:
``22:30``, ``no`` and ``2026-01-02`` stay text instead of becoming 1350, false and a date.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from pathlib import Path as FilePath
from typing import Any

import yaml

from autoscaler.settings.plain_yaml import NotPlain, PlainReader
from autoscaler.settings.problems import Path, Problem, UnreadableConfiguration, path_text

SIZE_MAX = 32 * 1024 * 1024
"""Largest file that is read, bytes: hundreds of thousands of apps."""

_PART = 2**20
DEPTH_MAX = 100
"""Deepest nesting that is read, levels: a configuration needs a dozen."""

_TAG = "tag:yaml.org,2002:"
_WORDS: tuple[tuple[str, str, str], ...] = (
    ("merge", r"<<", "<"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?[0-9]+[eE][-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
)


class _Loader(yaml.CSafeLoader):
    """CSafeLoader with YAML 1.2's idea of what is a number, a boolean, nothing or text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute


for _name, _pattern, _first in _WORDS:
    _Loader.add_implicit_resolver(
        _TAG + _name, re.compile(rf"^(?:{_pattern})$"), ["" if c == "\0" else c for c in _first]
    )


class _Lines:
    """The tree of nodes of a text that can be parsed, made when a line is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def root(self) -> yaml.Node | None:
        loader = _Loader(self._text)
        try:
            root: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
        return root


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file.

    Attributes:
        source: the file's name, for messages.
        data: its values; empty where it could not be parsed.
        lines: where they stand.
        problems: what is wrong with it as YAML.
        usable: whether ``data`` is worth checking further.
    """

    source: str
    data: dict[Any, Any]
    lines: _Lines = field(default_factory=lambda: _Lines(""))
    problems: tuple[Problem, ...] = ()
    usable: bool = True

    def line(self, path: Path) -> int | None:
        """Return the line of the value at ``path``, or of the nearest one around it."""
        node, line = self.lines.root, None
        for part in path:
            found = _step(node, part)
            if found is None:
                break
            node, line = found
        return line


def read(path: FilePath) -> Document:
    """Read and parse a file.

    Raises:
        UnreadableConfiguration: there is nothing to parse.
    """
    return parse(_text(path), str(path))


def parse(text: str, source: str) -> Document:
    """Parse YAML text; what is wrong with it is in the result's ``problems``."""
    loader = _Loader(text)
    try:
        return Document(source, PlainReader(loader, DEPTH_MAX).read(), _Lines(text))
    except (NotPlain, yaml.YAMLError):
        return _parse_by_tree(text, source)
    finally:
        loader.dispose()


def _parse_by_tree(text: str, source: str) -> Document:
    """Parse what is not plain, or wrong."""
    too_deep = _too_deep(text, source)
    if too_deep is not None:
        return too_deep
    loader = _Loader(text)
    try:
        return _from_tree(loader, text, source)
    except yaml.YAMLError as error:
        return _unusable(source, _syntax(error, source))
    except ValueError as error:  # Python reads no number of more than 4300 digits
        return _unusable(source, Problem("", f"holds no usable number: {error}", source=source))
    finally:
        loader.dispose()


def _from_tree(loader: _Loader, text: str, source: str) -> Document:
    root = loader.get_single_node()
    if root is None:
        return Document(source, {})
    survey = _Survey(source, root)
    if survey.unusable:
        return _unusable(source, *survey.problems)
    data = loader.construct_document(root)
    if not isinstance(data, dict):
        message = "the file must be a mapping (keys and values), such as `apps: […]`"
        return _unusable(source, Problem("", message, line=1, source=source))
    return Document(source, data, _Lines(text), survey.problems)


def _too_deep(text: str, source: str) -> Document | None:
    """Refuse what is nested too deeply before a tree is built.

    The C parser builds it by recursion and takes the whole process down where it is deep enough.
    """
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEPTH_MAX:
                line = event.start_mark.line + 1 if event.start_mark is not None else None
                message = f"is nested deeper than {DEPTH_MAX} levels"
                return _unusable(source, Problem("", message, line=line, source=source))
    except yaml.YAMLError as error:
        return _unusable(source, _syntax(error, source))
    return None


def _unusable(source: str, *problems: Problem) -> Document:
    return Document(source, {}, problems=problems, usable=False)


def _text(path: FilePath) -> str:
    try:
        if path.is_dir():
            raise UnreadableConfiguration(f"{path} is a directory; name a YAML file")
        with path.open("rb") as file:
            # Not in one go: that makes room for the largest file there may be.
            raw = b"".join(islice(iter(partial(file.read, _PART), b""), SIZE_MAX // _PART + 1))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise UnreadableConfiguration(f"{path} cannot be read: {why}") from None
    except ValueError:
        raise UnreadableConfiguration(f"{str(path)!r} is no file name") from None
    if len(raw) > SIZE_MAX:
        raise UnreadableConfiguration(f"{path} is larger than {SIZE_MAX} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableConfiguration(
            f"{path} is no UTF-8 text: byte {error.start} cannot be decoded; save it as UTF-8"
        ) from None


def _syntax(error: yaml.YAMLError, source: str) -> Problem:
    """Turn PyYAML's error into a problem, without its excerpt of the file."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        what = ": ".join(part for part in (error.context, error.problem) if part)
        hint = "use spaces, not tabs" if "\\t" in what else ""
        line = mark.line + 1 if mark is not None else None
        return Problem("", f"is no valid YAML: {what}", line=line, hint=hint, source=source)
    if isinstance(error, yaml.reader.ReaderError):
        what = f"character number {error.position} is not allowed in YAML"
        return Problem("", f"is no valid YAML: {what}", source=source)
    return Problem("", f"is no valid YAML: {error}", source=source)


def _step(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    """Go one part down; the line of a mapping's value is that of its key."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        if part < len(node.value):
            found: yaml.Node = node.value[part]
            return found, found.start_mark.line + 1
        return None
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):
            if key.value == str(part):
                return value, key.start_mark.line + 1
    return None


class _Survey:
    """Walks the tree once, for keys that a mapping has twice and for what cannot be used.

    Attributes:
        problems: in the order of the file.
        unusable: whether no values can be made: an anchor holds itself, or a key is no text.
    """

    def __init__(self, source: str, root: yaml.Node) -> None:
        self._source = source
        self._seen: set[int] = set()
        self._open: set[int] = set()
        self.problems: tuple[Problem, ...] = ()
        self.unusable = False
        self._visit(root, ())

    def _visit(self, node: yaml.Node, path: Path) -> None:
        if isinstance(node, yaml.ScalarNode):
            return
        if id(node) in self._open:
            self.unusable = True
            self._report(node, path, "refers to itself")
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, path)
        else:
            for index, item in enumerate(node.value):
                self._visit(item, (*path, index))
        self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> None:
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.unusable = True
                self._report(key, path, "has a key that is no text")
                continue
            if key.tag != _TAG + "merge" and key.value in lines:
                message = f"is given twice; the first is on line {lines[key.value]}"
                self._report(key, (*path, key.value), message)
            lines[key.value] = key.start_mark.line + 1
            self._visit(value, (*path, key.value))

    def _report(self, node: yaml.Node, path: Path, message: str) -> None:
        line = node.start_mark.line + 1
        found = Problem(path_text(path), message, line=line, source=self._source)
        self.problems = (*self.problems, found)
