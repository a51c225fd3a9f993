"""The program itself: health, configuration in its own words, policies, the document."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from autoscaler.policies import policies
from autoscaler.settings import Settings
from autoscaler.settings.written import written


async def test_health_in_detail(client: httpx.AsyncClient, parts: Any) -> None:
    parts.details["platform_circuit_open"] = True
    body = (await client.get("/api/v1/health")).json()
    assert body["live"] is True
    assert body["ready"] is False
    assert (body["version"], body["uptime_s"], body["apps"]) == ("1.2.3", 100.0, 1)
    assert body["platform_circuit_open"] is True
    assert body["history"]["writing"] is True
    assert body["acting"] is False


async def test_an_apps_configuration_can_be_put_into_a_file_again(
    client: httpx.AsyncClient, parts: Any
) -> None:
    given = {
        "name": "sd15",
        "max_workers": 4,
        "interval": "30s",
        "policies": [{"type": "queue", "target": 2}, {"type": "fixed", "workers": 1}],
        "behavior": {"scale_down": {"stabilization_window": "10m", "cooldown": "1m"}},
    }
    parts.configure(given)
    told = (await client.get("/api/v1/apps/default/sd15/config")).json()["config"]
    assert (told["interval"], told["min_workers"]) == ("30s", 1)
    assert told["behavior"]["scale_down"]["stabilization_window"] == "600s"
    assert told["policies"][1]["type"] == "fixed"
    assert Settings.model_validate({"apps": [told]}) == Settings.model_validate({"apps": [given]})


async def test_the_whole_has_every_section_and_files_by_name(
    client: httpx.AsyncClient, parts: Any
) -> None:
    parts.configure(
        {"name": "sd15", "max_workers": 4},
        everai={"endpoint": "https://everai.example.com", "token_file": "/run/secrets/everai"},
    )
    whole = (await client.get("/api/v1/config")).json()["config"]
    assert whole["everai"]["token_file"] == "/run/secrets/everai"
    assert whole["apps"] == 1
    assert whole["server"]["listen"] == "127.0.0.1:8080"
    assert set(Settings.model_fields) == set(whole)


class PluginSection(BaseModel):
    """What a plug-in might bring."""

    api_key: str = "SECRET"
    headers: dict[str, str] = {"X-Key": "SECRET"}
    nothing: str | None = None
    url: str = "https://somebody:SECRET@example.com/path"
    options: dict[str, Any] = {"password": "SECRET", "size": 3, "deep": [{"auth": "SECRET"}]}


def test_what_may_be_a_secret_is_masked() -> None:
    told = written(PluginSection())
    assert "SECRET" not in json.dumps(told)
    assert told["url"] == "https://…@example.com/path"
    assert told["options"]["size"] == 3
    assert told["nothing"] is None


async def test_policies_with_their_parameters(client: httpx.AsyncClient) -> None:
    body = (await client.get("/api/v1/policies")).json()
    assert [item["type"] for item in body["items"]] == list(policies())
    queue = next(item for item in body["items"] if item["type"] == "queue")
    assert "target" in {parameter["name"] for parameter in queue["parameters"]}


async def test_the_document_is_whole(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/v1/openapi.json")).json()
    assert document["servers"] == [{"url": "/api/v1"}]
    assert document["info"]["version"] == "1.2.3"
    for path, item in document["paths"].items():
        for operation in item.values():
            assert operation["summary"], path
            assert operation["tags"], path
            for status, answer in operation["responses"].items():
                if status != "200":
                    assert list(answer["content"]) == ["application/problem+json"], path
    text = json.dumps(document)
    references = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert references <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in text


@pytest.mark.parametrize("address", ["/docs", "/redoc", "/api/v1/docs", "/api/v1/redoc"])
async def test_no_page_from_elsewhere(client: httpx.AsyncClient, address: str) -> None:
    assert (await client.get(address)).status_code == 404
