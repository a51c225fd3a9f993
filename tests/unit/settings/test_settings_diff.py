from __future__ import annotations

from collections.abc import Callable

import pytest

from autoscaler.settings import Checked, diff

Check = Callable[..., Checked]


def app(name: str = "sd15", values: str = "") -> str:
    return f"{{name: {name}, max_workers: 8{', ' if values else ''}{values}}}"


def apps(*entries: str) -> str:
    return f"apps: [{', '.join(entries)}]\n"


CHANGES = [
    (apps(app()), apps(app()), ()),
    (
        apps(app()),
        "apps: [{name: sd15, max_workers: 10}]",
        ("app default/sd15: max_workers 8 → 10",),
    ),
    (apps(app()), apps(app(), app("flux")), ("app default/flux added: 1 to 8 workers",)),
    (apps(app(), app("flux")), apps(app()), ("app default/flux removed",)),
    (
        apps(app()),
        apps(app(values="interval: 1m")),
        ("app default/sd15: interval 15s → 60s",),
    ),
    (
        apps(app()),
        apps(app(values="policies: [{type: queue, target: 2}]")),
        ("app default/sd15: policies[queue].target 1 → 2",),
    ),
    (
        apps(app()),
        apps(app(values="policies: [{type: fixed, workers: 2}]")),
        ("app default/sd15: policies[queue] removed", "app default/sd15: policies[fixed] added"),
    ),
    (
        apps(app(values="policies: [{type: queue}, {type: free-workers}]")),
        apps(app(values="policies: [{type: free-workers}, {type: queue}]")),
        ("app default/sd15: policies: order queue, free-workers → free-workers, queue",),
    ),
    (
        apps(app(values="policies: [{type: queue, name: x}]")),
        apps(app(values="policies: [{type: free-workers, name: x}]")),
        ("app default/sd15: policies[x]: type queue → free-workers",),
    ),
    (
        apps(app()),
        apps(app(values="order_deadline: 2m, paused: down")),
        ("app default/sd15: paused false → down", "app default/sd15: order_deadline none → 120s"),
    ),
    (
        apps(app()),
        apps(app(values="drain: {disruption: {type: workers, value: 1, window: 1h}}")),
        ("app default/sd15: drain.disruption none → …",),
    ),
    (
        apps(app()),
        "log: {level: debug}\neverai: {read_timeout: 5s}\ndry_run: true\n" + apps(app()),
        ("dry_run false → true", "everai.read_timeout 10s → 5s", "log.level info → debug"),
    ),
    (
        "defaults: {interval: 15s}\n" + apps(*(app(f"a{n}") for n in range(7))),
        "defaults: {interval: 30s}\n" + apps(*(app(f"a{n}") for n in range(7))),
        ("7 apps (default/a0, …): interval 15s → 30s",),
    ),
]


@pytest.mark.parametrize(("old", "new", "lines"), CHANGES)
def test_diff(checked: Check, old: str, new: str, lines: tuple[str, ...]) -> None:
    assert diff(checked(old).settings, checked(new).settings) == lines
