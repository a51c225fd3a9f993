"""The daemon's life as its operator sees it."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import httpx
import pytest

from autoscaler.emulator import Emulator, Fault
from tests.process.process_support import TOKEN, Daemon, StartDaemon, emulated, environ, eventually

pytestmark = pytest.mark.process

STEADY = {"phases": [{"phase": "plateau", "per_s": 4}], "service": 1.0}
WAITING = {"phases": [{"phase": "burst", "requests": 4}], "service": 600}


def one_app(**knobs: object) -> dict[str, object]:
    return {"apps": [{"name": "demo", "initial_workers": 1, "cold_start": 0.3, **knobs}]}


def scale_calls(emulator: Emulator) -> dict[str, int]:
    """What the platform's books say of the scale calls for the one app."""
    return dict(emulator.books()["apps"]["default/demo"]["scale_calls"])


async def lose_an_order(emulator: Emulator, start_daemon: StartDaemon) -> Daemon:
    """Start a daemon whose first scale-up is carried out and never answered; return it then."""
    hang = Fault(kind="hang-after", operations=frozenset({"scale-up"}))
    emulator.handler.injector.switch([hang])
    daemon = await start_daemon(emulator, [{"name": "demo"}])

    async def asked() -> bool:
        return bool(scale_calls(emulator)["up"])

    await eventually(asked)
    return daemon


async def shows(daemon: Daemon, **counts: int) -> None:
    """Wait until the last decision's census has these counts."""

    async def shown() -> bool:
        census = ((await daemon.app("demo")).get("decision") or {}).get("census") or {}
        return all(census.get(name) == count for name, count in counts.items())

    await eventually(shown)


async def test_a_term_during_a_scale_up_leaves_nothing_half_done(
    start_daemon: StartDaemon,
) -> None:
    async with emulated(one_app(load=WAITING, cold_start=1.0)) as emulator:
        daemon = await lose_an_order(emulator, start_daemon)
        assert await daemon.stop() == 0
        emulator.handler.injector.switch([])
        again = await start_daemon(emulator, [{"name": "demo"}])
        await shows(again, busy=4)
        calls = scale_calls(emulator)
        assert (calls["up"], calls["workers_granted"]) == (1, 3)
        assert await again.stop() == 0


async def test_a_kill_during_a_scale_up_does_not_double_the_order(
    start_daemon: StartDaemon,
) -> None:
    # the lag is longer than a slow machine takes to start the program again
    async with emulated(one_app(load=WAITING, list_lag_s=20.0)) as emulator:
        daemon = await lose_an_order(emulator, start_daemon)
        daemon.process.send_signal(signal.SIGKILL)
        await daemon.process.wait()
        emulator.handler.injector.switch([])
        again = await start_daemon(emulator, [{"name": "demo"}])
        await shows(again, on_order=3)
        await shows(again, busy=4)
        calls = scale_calls(emulator)
        assert (calls["up"], calls["workers_granted"]) == (1, 3)


async def test_metrics_probes_and_api_while_it_scales(start_daemon: StartDaemon) -> None:
    async with emulated(one_app(load=STEADY)) as emulator:
        daemon = await start_daemon(emulator, [{"name": "demo"}])

        async def ready() -> bool:
            return (await daemon.client.get(f"{daemon.url}/readyz")).status_code == httpx.codes.OK

        await eventually(ready)
        assert (await daemon.client.get(f"{daemon.url}/livez")).status_code == httpx.codes.OK

        async def scaled() -> bool:
            text = (await daemon.client.get(f"{daemon.url}/metrics")).text
            wanted = (
                'autoscaler_scale_requests_total{namespace="default",app="demo",'
                'direction="up",outcome="applied"}'
            )
            return wanted in text

        await eventually(scaled)
        text = (await daemon.client.get(f"{daemon.url}/metrics")).text
        assert TOKEN not in text
        assert 'autoscaler_platform_requests_total{code="200",operation="list_workers"}' in text
        listed = (await daemon.client.get(f"{daemon.url}/api/v1/apps")).json()
        assert [entry["name"] for entry in listed["items"]] == ["demo"]
        assert await daemon.stop() == 0
        assert TOKEN not in daemon.log_path.read_text()


async def test_a_dry_run_sends_nothing(start_daemon: StartDaemon) -> None:
    async with emulated(one_app(load=STEADY)) as emulator:
        daemon = await start_daemon(emulator, [{"name": "demo"}], "--dry-run")

        async def said() -> bool:
            request = (await daemon.app("demo")).get("last_scale_request")
            return bool(request and request["outcome"] == "dry_run")

        await eventually(said)
        calls = scale_calls(emulator)
        assert (calls["up"], calls["down"]) == (0, 0)


async def test_once_is_one_pass(start_daemon: StartDaemon) -> None:
    async with emulated(one_app(initial_workers=1)) as emulator:
        good = await start_daemon(emulator, [{"name": "demo", "min_workers": 3}], "--once")
        assert await good.process.wait() == 0
        calls = scale_calls(emulator)
        assert (calls["up"], calls["workers_granted"]) == (1, 2)
        missing = await start_daemon(emulator, [{"name": "nobody"}], "--once")
        assert await missing.process.wait() == 3


async def test_a_second_daemon_on_the_same_store_is_refused(start_daemon: StartDaemon) -> None:
    async with emulated(one_app()) as emulator:
        await start_daemon(emulator, [{"name": "demo"}])
        second = await start_daemon(emulator, [{"name": "demo"}], "--once")
        assert await second.process.wait() == 1
        assert "in use by another autoscaler" in second.log_path.read_text()


async def test_a_taken_port_is_said(start_daemon: StartDaemon, tmp_path: Path) -> None:
    async with emulated(one_app()) as emulator:
        first = await start_daemon(emulator, [{"name": "demo"}])
        address = first.url.removeprefix("http://")
        config = str(tmp_path / "autoscaler.yaml")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "autoscaler", "run", "--config", config, "--listen", address,
            env=environ(AUTOSCALER_STATE__PATH=str(tmp_path / "other.db")),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 1
        assert address in said.decode()


async def test_a_bad_reload_keeps_the_last_good_configuration(
    start_daemon: StartDaemon, tmp_path: Path
) -> None:
    async with emulated(one_app()) as emulator:
        daemon = await start_daemon(emulator, [{"name": "demo"}])
        config = tmp_path / "autoscaler.yaml"
        good = config.read_text()

        async def logged(event: str) -> bool:
            return any(event in entry["event"] for entry in daemon.events())

        async def in_force(max_workers: int) -> bool:
            decision = (await daemon.app("demo")).get("decision")
            return bool(decision and decision["max_workers"] == max_workers)

        config.write_text(good.replace("max_workers: 8", "max_workers: eight"))
        daemon.process.send_signal(signal.SIGHUP)
        await eventually(lambda: logged("configuration refused"))
        await eventually(lambda: in_force(8))
        config.write_text(good.replace("max_workers: 8", "max_workers: 5"))
        daemon.process.send_signal(signal.SIGHUP)
        await eventually(lambda: logged("configuration reloaded"))
        await eventually(lambda: in_force(5))


async def test_a_changed_file_is_read_without_a_signal(
    start_daemon: StartDaemon, tmp_path: Path
) -> None:
    async with emulated(one_app()) as emulator:
        daemon = await start_daemon(emulator, [{"name": "demo"}])
        config = tmp_path / "autoscaler.yaml"
        replacement = tmp_path / "new.yaml"
        replacement.write_text(config.read_text().replace("max_workers: 8", "max_workers: 6"))
        replacement.rename(config)

        async def in_force() -> bool:
            decision = (await daemon.app("demo")).get("decision")
            return bool(decision and decision["max_workers"] == 6)

        await eventually(in_force)
        (reloaded,) = [e for e in daemon.events() if e["event"] == "configuration reloaded"]
        assert reloaded["changes"] == ["app default/demo: max_workers 8 → 6"]


async def test_apps_are_discovered_by_rule(start_daemon: StartDaemon) -> None:
    apps = [{"name": "demo"}, {"name": "auto", "scaler": "builtin"}, {"name": "other"}]
    async with emulated({"apps": apps}) as emulator:
        rules = {"discover": [{"names": ["demo", "auto"], "app": {"max_workers": 3}}]}
        daemon = await start_daemon(emulator, [], extra=rules)

        async def decided() -> bool:
            decision = (await daemon.app("demo")).get("decision")
            return bool(decision and decision["max_workers"] == 3)

        await eventually(decided)
        refused = [e for e in daemon.events() if "left alone" in e["event"]]
        assert [(e["app"], "builtin" in e["why"]) for e in refused] == [("auto", True)]
        assert await daemon.app("other") == {}


async def test_the_demo_is_clean() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "autoscaler", "demo", "--speed", "6",
        env=environ(), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode == 0, out.decode()
    assert "rules broken" in out.decode()
