"""Which objects give an app: by the file's rules, the file first, the older before the newer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.model import AppKey
from autoscaler.ports import Resource, ResourceKey
from autoscaler.settings import Settings
from autoscaler.settings.problems import InvalidConfiguration
from autoscaler.settings.resource import Base, Judge, Judged, Readiness, Verdict, check_app
from tests.fakes.resources import resource

FILE = "/etc/autoscaler.yaml"


def settings(**given: Any) -> Settings:
    return Settings.model_validate({"custom_resources": {"enabled": True}, **given})


def verdict(judged: Judged, name: str = "one", namespace: str = "team") -> Verdict:
    return judged.verdicts[ResourceKey(namespace, name)]


def names(judged: Judged) -> list[str]:
    return [app.name for app in judged.settings.apps]


def problems(base: Base, **spec: Any) -> list[str]:
    with pytest.raises(InvalidConfiguration) as refused:
        check_app("one", spec, base)
    return [str(each) for each in refused.value.problems]


def test_an_object_is_an_app_like_those_of_the_file() -> None:
    given = settings(defaults={"interval": 30}, apps=[{"name": "a", "max_workers": 2}])
    judged = Judge().judge(given, FILE, [resource(policies=[{"type": "slo"}], min_workers=2)])
    assert names(judged) == ["a", "one"]
    one = judged.settings.apps[1]
    assert (one.min_workers, one.max_workers, one.interval) == (2, 5, 30.0)
    assert one.policies[0].type == "slo"
    found = verdict(judged)
    assert (found.readiness, found.app, found.scales) == (
        Readiness.ACCEPTED, AppKey("default", "one"), True,
    )  # fmt: skip


def test_the_spec_may_name_the_app_and_its_namespace() -> None:
    judged = Judge().judge(settings(), FILE, [resource("sd15", "prod")])
    assert verdict(judged, "sd15", "prod").app == AppKey("default", "sd15")
    made = resource()
    spec = {**made.spec, "name": "sd15", "namespace": "prod"}
    judged = Judge().judge(settings(), FILE, [replace(made, spec=spec)])
    assert verdict(judged).app == AppKey("prod", "sd15")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "spec.max_workers: is required"),
        ({"max_workers": 5, "min_workers": 9}, "spec.min_workers = 9: must not be above"),
        ({"max_workers": "many"}, 'spec.max_workers = "many": must be a whole number'),
        (
            {"max_workers": 5, "intervall": 3},
            "spec.intervall: unknown key (did you mean interval?)",
        ),
        (
            {"max_workers": 5, "policies": [{"type": "queue", "target": 0}]},
            "spec.policies[0].target = 0: must be more than 0",
        ),
        ({"max_workers": 5, "policies": [{"type": "quue"}]}, "spec.policies[0].type"),
        (
            {"max_workers": 5, "startup": {"backoff": 90, "backoff_ceiling": 60}},
            "spec.startup.backoff = 90: backoff must not be above backoff_ceiling",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(spec: dict[str, Any], words: str) -> None:
    found = problems(Base.of(settings()), **spec)
    assert any(words in each for each in found), found
    assert not any("apps[" in each for each in found)


def test_what_comes_from_the_defaults_is_blamed_there() -> None:
    found = problems(Base.of(settings(defaults={"max_workers": 3})), min_workers=4)
    assert found == ["spec.min_workers = 4: must not be above max_workers (3)"]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"token_file": "/run/token"}, "spec.token_file"),
        (
            {"policies": [{"type": "prometheus", "url": "https://evil.example", "query": "up",
                           "token_file": "/run/token"}]},
            "spec.policies[0].token_file",
        ),
        ({"shadow": [{"type": "everai-class", "class": "os:system"}]}, "spec.shadow[0].type"),
    ],
)  # fmt: skip
def test_an_object_names_no_file_and_no_code_of_the_daemon(spec: dict[str, Any], path: str) -> None:
    [found] = problems(Base.of(settings()), max_workers=3, **spec)
    assert found.startswith(path)
    assert "must not be given by an object" in found
    assert "/run/token" not in found


def test_policies_of_the_defaults_may_use_the_daemons_files() -> None:
    entry = {"type": "prometheus", "url": "https://prometheus.example", "query": "up",
             "token_file": "/run/token"}  # fmt: skip
    judged = Judge().judge(settings(defaults={"policies": [entry]}), FILE, [resource()])
    assert verdict(judged).scales


def test_the_file_goes_before_objects_and_both_places_are_named() -> None:
    given = settings(apps=[{"name": "zero", "max_workers": 1}, {"name": "one", "max_workers": 2}])
    judged = Judge().judge(given, FILE, [resource()])
    assert names(judged) == ["zero", "one"]
    assert judged.settings.apps[1].max_workers == 2
    found = verdict(judged)
    assert (found.readiness, found.scales) == (Readiness.DUPLICATE_APP, False)
    assert found.message == (
        "app default/one is given twice: here and by /etc/autoscaler.yaml: apps[1], which counts;"
        " remove one"
    )


@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_objects_the_older_one_counts_in_whatever_order_they_come(*, reverse: bool) -> None:
    old = resource("old")
    new = replace(resource("new"), created_at=old.created_at + 1)
    both = [replace(each, spec={"name": "sd15", "max_workers": 3}) for each in (old, new)]
    judged = Judge().judge(settings(), FILE, reversed(both) if reverse else both)
    assert verdict(judged, "old").scales
    assert verdict(judged, "new").readiness is Readiness.DUPLICATE_APP
    assert "by WorkerAutoscaler team/old" in verdict(judged, "new").message


def test_objects_of_one_age_are_told_apart_by_name() -> None:
    pair = [
        replace(resource("one", namespace), spec={"name": "sd15", "max_workers": 3})
        for namespace in ("b", "a")
    ]
    judged = Judge().judge(settings(), FILE, pair)
    assert verdict(judged, "one", "a").scales
    assert not verdict(judged, "one", "b").scales


def test_the_younger_takes_over_when_the_older_goes() -> None:
    judge = Judge()
    old, new = (
        replace(resource(name), spec={"name": "sd15", "max_workers": 3}) for name in ("a", "b")
    )
    judge.judge(settings(), FILE, [old, new])
    judged = judge.judge(settings(), FILE, [new])
    assert verdict(judged, "b").scales


def changed(made: Resource, **spec: Any) -> Resource:
    return replace(made, generation=made.generation + 1, spec={"max_workers": 5, **spec})


def test_a_wrong_spec_keeps_the_last_good_one() -> None:
    judge, one = Judge(), resource(min_workers=2)
    judge.judge(settings(), FILE, [one])
    wrong = changed(one, min_workers=9)
    judged = judge.judge(settings(), FILE, [wrong])
    found = verdict(judged)
    assert (found.readiness, found.scales) == (Readiness.INVALID_SPEC, True)
    assert found.message.endswith("; generation 1 stays in force")
    assert "spec.min_workers = 9" in found.message
    assert judged.settings.apps[0].min_workers == 2
    assert found.last_good is not None
    assert found.last_good.spec == one.spec
    # a second wrong one does not hide the good one
    judged = judge.judge(settings(), FILE, [changed(wrong, min_workers=8)])
    assert judged.settings.apps[0].min_workers == 2
    repaired = changed(changed(wrong), min_workers=3)
    judged = judge.judge(settings(), FILE, [repaired])
    assert verdict(judged).readiness is Readiness.ACCEPTED
    assert judged.settings.apps[0].min_workers == 3


def test_the_next_daemon_finds_the_last_good_spec_in_the_status() -> None:
    status = {"lastGood": {"generation": 3, "spec": {"max_workers": 7}}}
    one = replace(resource(), generation=4, spec={"min_workers": 1}, status=status)
    judged = Judge().judge(settings(), FILE, [one])
    assert judged.settings.apps[0].max_workers == 7
    assert verdict(judged).message.endswith("; generation 3 stays in force")


@pytest.mark.parametrize(
    "held",
    [
        None,
        "no",
        {},
        {"generation": "1", "spec": {}},
        {"generation": 1, "spec": {"max_workers": -1}},
    ],
)
def test_a_status_that_holds_nothing_useful_is_no_spec(held: object) -> None:
    one = replace(resource(), spec={}, status={"lastGood": held})
    judged = Judge().judge(settings(), FILE, [one])
    assert judged.settings.apps == ()
    assert verdict(judged).message.endswith("nothing is scaled until it is repaired")
    assert verdict(judged).app is None


def test_another_object_of_the_same_name_inherits_nothing() -> None:
    judge, one = Judge(), resource()
    judge.judge(settings(), FILE, [one])
    other = replace(one, uid="another", spec={})
    assert judge.judge(settings(), FILE, [other]).settings.apps == ()


def test_new_defaults_reach_every_object() -> None:
    judge, one = Judge(), resource()
    judge.judge(settings(), FILE, [one])
    judged = judge.judge(settings(defaults={"interval": 60}), FILE, [one])
    assert judged.settings.apps[0].interval == 60.0
    # defaults that make it wrong: what was good stays
    judged = judge.judge(settings(defaults={"min_workers": 8}), FILE, [one])
    assert verdict(judged).readiness is Readiness.INVALID_SPEC
    assert judged.settings.apps[0].interval == 60.0
    assert verdict(judge.judge(settings(), FILE, [one])).readiness is Readiness.ACCEPTED


def test_what_did_not_change_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, one, two = Judge(), resource("one"), resource("two")
    judge.judge(settings(), FILE, [one, two])
    checked: list[str] = []

    def count(name: str, spec: Any, base: Base) -> Any:
        checked.append(name)
        return check_app(name, spec, base)

    monkeypatch.setattr("autoscaler.settings.resource.judging.check_app", count)
    judge.judge(settings(), FILE, [one, changed(two, min_workers=2)])
    assert checked == ["two"]


def test_many_problems_are_counted() -> None:
    policies = [{"type": "queue", "name": str(i), "target": 0} for i in range(9)]
    judged = Judge().judge(settings(), FILE, [resource(policies=policies)])
    assert "and 4 more; nothing is scaled" in verdict(judged).message
