"""The schema is never stricter than the file: what the file's checks take, the API server takes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from autoscaler.policies.registry import BUILT_IN
from autoscaler.settings import KIND, AppSettings, InvalidConfiguration, PolicySettings, check
from autoscaler.settings.resource.entries import OF_THE_FILE, TYPES
from tests.kubernetes.api_server import ApiServer
from tests.kubernetes.custom_objects import Objects, custom_objects

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
EXAMPLES = [*ROOT.glob("docs/examples/**/*.yaml"), *ROOT.glob("tests/chart/values/*.yaml")]
OWN_FILES = ("token_file",)
"""Keys that only the file has."""

App = dict[str, Any]
MODEL = AppSettings.model_json_schema(mode="validation")
ENTRY = TypeAdapter(PolicySettings)
DURATIONS = ("1ms", "0.5s", "90s", "5m", "1h30m", "1d", "2d12h", "30", " 45s", 1, 15, 300, 86_400)
DEFAULTS = {"max_workers": 100_000, "min_workers": 0}
BASES: Mapping[str, App] = {
    "step": {"steps": [{"above": 5, "change": "+2"}, {"below": 1, "change": -1}]},
    "schedule": {"windows": [{"cron": "* 9-18 * * 1-5", "min_workers": 1}]},
    "prometheus": {"url": "https://p.example.test", "query": "up"},
    "webhook": {"url": "https://w.example.test"},
    "fixed": {"workers": 3},
}


@pytest.fixture(scope="module")
def objects(worker_autoscalers: ApiServer) -> Iterator[Objects]:
    with custom_objects(worker_autoscalers) as made:
        yield made


def apps_in(text: str) -> Iterator[App]:
    """Yield the apps of configurations, values of the chart, and objects, in YAML text."""
    for document in yaml.safe_load_all(text):
        if not isinstance(document, dict):
            continue
        if document.get("kind") == KIND:
            yield document["spec"]
        made = document.get("config", document)
        yield from made.get("apps", []) if isinstance(made, dict) else []


def written_apps() -> list[App]:
    """Return every app that the documents, the examples and the chart's tests show."""
    texts = [path.read_text(encoding="utf-8") for path in EXAMPLES]
    for page in PAGES:
        texts += re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [app for text in texts for app in apps_in(text)]


WRITTEN = written_apps()


def test_there_are_apps_to_look_at() -> None:
    assert len(WRITTEN) > 20
    assert {entry["type"] for app in WRITTEN for entry in app.get("policies", [])} >= {*TYPES}


@pytest.mark.parametrize("app", WRITTEN, ids=lambda app: json.dumps(app)[:60])
def test_every_app_that_is_shown_anywhere_can_be_an_object(objects: Objects, app: App) -> None:
    if any(entry["type"] in OF_THE_FILE for entry in app.get("policies", [])):
        assert "put this app into the file" in objects.refusal(app)
        return
    assert objects.refusal(app) == ""


def values(node: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return values of a JSON Schema, its ends among them."""
    if "$ref" in node:
        return values(MODEL["$defs"][node["$ref"].rpartition("/")[2]])
    if "anyOf" in node:
        kinds = {each.get("type") for each in node["anyOf"]}
        if kinds == {"number", "string"}:
            return st.sampled_from(DURATIONS)
        return st.one_of([values(each) for each in node["anyOf"]])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if "const" in node:
        return st.just(node["const"])
    return _OF_TYPE[node["type"]](node)


def _integers(node: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    low, high = node.get("minimum", 0), node.get("maximum", 1_000_000)
    return st.sampled_from((low, high)) | st.integers(low, high)


def _numbers(node: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    low = node.get("minimum", node.get("exclusiveMinimum", 0))
    high = node.get("maximum", 1e9)
    open_end = "exclusiveMinimum" in node
    return st.floats(low, high, exclude_min=open_end, allow_subnormal=False) | st.just(high)


def _objects(node: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    needed = set(node.get("required", ()))
    keys = {key: values(inner) for key, inner in node.get("properties", {}).items()}
    return st.fixed_dictionaries(
        {key: made for key, made in keys.items() if key in needed},
        optional={key: made for key, made in keys.items() if key not in needed},
    )


_OF_TYPE: Mapping[str, Callable[[Mapping[str, Any]], st.SearchStrategy[Any]]] = {
    "integer": _integers,
    "number": _numbers,
    "object": _objects,
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
    "string": lambda _: st.sampled_from(("a", "Llama_3.1-8b", "0", "x" * 253)),
    "array": lambda node: st.lists(values(node["items"]), max_size=3),
}


@st.composite
def entries(draw: st.DrawFn) -> App:
    """Return a policy's entry that the file takes: random parameters where they go together."""
    kind = draw(st.sampled_from(TYPES))
    alternatives = MODEL["properties"]["policies"]["items"]["oneOf"]
    (node,) = [one for one in alternatives if one["properties"]["type"]["const"] == kind]
    base = {"type": kind, **BASES.get(kind, {})}
    optional = {
        key: values(inner)
        for key, inner in node["properties"].items()
        if key not in ("type", "name", *OWN_FILES) and key not in node.get("required", ())
    }
    made: App = dict(base)
    for key, value in draw(st.fixed_dictionaries({}, optional=optional)).items():
        try:
            ENTRY.validate_python({**made, key: value})
        except ValidationError:
            continue
        made[key] = value
    return made


@st.composite
def apps(draw: st.DrawFn) -> App:
    """Return an app that the models of the file take, key by key."""
    lists = st.lists(entries(), min_size=1, max_size=4, unique_by=lambda one: one["type"])
    own = ("policies", "shadow", *OWN_FILES)
    nodes = {key: values(node) for key, node in MODEL["properties"].items() if key not in own}
    made: App = {}
    drawn = draw(st.fixed_dictionaries({}, optional={**nodes, "policies": lists, "shadow": lists}))
    for key, value in drawn.items():
        try:
            AppSettings.model_validate({"name": "a", "max_workers": 1, **made, key: value})
        except ValidationError:
            continue
        made[key] = value
    return made


def the_file_takes(app: App, folder: Path) -> bool:
    file = folder / "autoscaler.yaml"
    file.write_text(
        json.dumps({"defaults": DEFAULTS, "apps": [{"name": "app", **app}]}), encoding="utf-8"
    )
    try:
        check(file, {"HOME": "/home/somebody"}, None)
    except InvalidConfiguration:
        return False
    return True


@pytest.fixture(scope="module")
def seen() -> Iterator[list[bool]]:
    """Which of the made apps the file took; enough of them, or the test says nothing."""
    looked: list[bool] = []
    yield looked
    assert looked.count(True) > len(looked) / 4


@given(app=apps())
@example(app={"max_workers": 0, "min_workers": 0, "policies": [{"type": "fixed", "workers": 0}]})
@settings(
    max_examples=400, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_whatever_the_file_takes_the_server_takes(
    objects: Objects, seen: list[bool], tmp_path_factory: pytest.TempPathFactory, app: App
) -> None:
    folder = tmp_path_factory.getbasetemp()
    taken = the_file_takes(app, folder)
    seen.append(taken)
    if taken:
        assert objects.refusal(app) == ""


def test_the_types_are_those_of_the_file() -> None:
    assert {*TYPES, *OF_THE_FILE} == {policy.kind for policy in BUILT_IN}
