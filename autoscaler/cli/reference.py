"""The reference in docs/cli.md, made from the commands themselves, so that it cannot lag behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from autoscaler.cli.exits import MEANINGS

MARKS = ("<!-- commands: begin -->\n", "<!-- commands: end -->\n")
"""Lines of a page between which the reference stands."""

_OPTIONS_HEAD = "| option | value | default | meaning | variable |\n|---|---|---|---|---|\n"
_ARGUMENTS_HEAD = "| argument | meaning |\n|---|---|\n"
_OF_THE_ROOT = frozenset({"help", "install_completion", "show_completion", "version"})

_PLACEHOLDERS: dict[Any, str] = {int: "N", float: "NUMBER", Path: "PATH", str: "TEXT"}


def with_commands(page: str, program: Any) -> str:
    """Return a page with the reference between its marks written anew.

    Raises:
        ValueError: the page lacks the marks.
    """
    before, begin, rest = page.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (begin and end):
        raise ValueError(f"there are no lines {MARKS[0].strip()} and {MARKS[1].strip()} in it")
    return before + begin + commands_as_markdown(program) + end + after


def commands_as_markdown(program: Any) -> str:
    """Return every command of a program, by the panels of its help, and the exit statuses."""
    panels: dict[str, list[str]] = {}
    for path, command in _commands(program, ()):
        panel = getattr(command, "rich_help_panel", None) or "Commands"
        panels.setdefault(panel, []).append(_command(path, command))
    sections = [f"## {panel}\n\n{''.join(texts)}" for panel, texts in panels.items()]
    return f"\n{_statuses()}{''.join(sections)}"


def _commands(group: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        if inner is None:
            yield (*path, name), command
            continue
        for deeper, each in _commands(command, (*path, name)):
            each.rich_help_panel = getattr(each, "rich_help_panel", None) or command.rich_help_panel
            yield deeper, each


def _statuses() -> str:
    rows = "".join(f"| {status} | {_cell(meaning)} |\n" for status, meaning in MEANINGS.items())
    return f"## Exit statuses\n\n| status | meaning |\n|---|---|\n{rows}\n"


def _command(path: tuple[str, ...], command: Any) -> str:
    params = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [each for each in params if each.param_type_name == "argument"]
    options = [
        each
        for each in params
        if each.param_type_name == "option" and each.name not in _OF_THE_ROOT
    ]
    kinds = get_type_hints(command.callback)
    usage = " ".join(["autoscaler", *path, *(_placeholder(each) for each in arguments)])
    tables = ""
    if arguments:
        tables += _ARGUMENTS_HEAD + "".join(_argument(each) for each in arguments) + "\n"
    if options:
        tables += (
            _OPTIONS_HEAD + "".join(_option(each, kinds[each.name]) for each in options) + "\n"
        )
    return f"### `{usage}`\n\n{_prose(command.help)}\n\n{tables}"


def _placeholder(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _argument(argument: Any) -> str:
    return f"| `{argument.metavar or argument.name.upper()}` | {_cell(argument.help)} |\n"


def _option(option: Any, kind: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else _value(option, kind)
    cells = [names, value, _default(option), _cell(option.help), _variable(option)]
    return f"| {' | '.join(cells)} |\n"


def _value(option: Any, kind: Any) -> str:
    """Return what an option takes: its choices, or a placeholder."""
    if option.metavar:
        return f"`{option.metavar}`"
    kinds = list(_plain(kind))
    choices = [each for one in kinds for each in _choices(one)]
    if choices:
        return ", ".join(f"`{each}`" for each in choices)
    return f"`{next((_PLACEHOLDERS[one] for one in kinds if one in _PLACEHOLDERS), 'TEXT')}`"


def _plain(kind: Any) -> Iterator[Any]:
    """Yield the types that a type is made of: of a list, of one that may be None."""
    inner = () if get_origin(kind) is Literal else get_args(kind)
    if not inner:
        yield kind
    for each in inner:
        yield from _plain(each)


def _choices(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is Literal:
        return tuple(str(each) for each in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return tuple(each.value for each in kind)
    return ()


def _default(option: Any) -> str:
    if option.required:
        return "required"
    default = option.default
    if option.is_flag or default is None or default in ("", [], ()) or callable(default):
        return ""
    return f"`{getattr(default, 'value', default)}`"


def _variable(option: Any) -> str:
    named = option.envvar
    names = [named] if isinstance(named, str) else list(named or ())
    return ", ".join(f"`{name}`" for name in names)


def _prose(text: str | None) -> str:
    """Return a help text with each paragraph on one line."""
    paragraphs = re.split(r"\n\s*\n", (text or "").strip())
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
