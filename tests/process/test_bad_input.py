"""Every kind of bad answer: the reason code, the hold, and that other apps go on."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.emulator import Emulator, Fault
from tests.process.process_support import Daemon, StartDaemon, emulated, eventually

pytestmark = pytest.mark.process

BUSY = {"phases": [{"phase": "plateau", "per_s": 4}], "service": 1.0}
FAULTS = {
    "403": "Forbidden",
    "404": "AppNotFound",
    "429": "Throttled",
    "500": "PlatformError",
    "503": "PlatformError",
    "html": "PlatformError",
    "truncated": "PlatformUnreachable",
    "garbage": "MalformedReply",
    "reset-before": "PlatformUnreachable",
    "hang": "PlatformUnreachable",
    # Last: a token that was refused is not shown again for a minute.
    "401": "Unauthorized",
}


def app(name: str, **knobs: Any) -> dict[str, Any]:
    return {"name": name, "initial_workers": 1, "cold_start": 0.3, **knobs}


async def goes_on(daemon: Daemon, name: str) -> None:
    """Fail unless a new look at the app is taken."""
    before = (await daemon.app(name))["observation"]["received_at_epoch_s"]

    async def newer() -> bool:
        seen = await daemon.app(name)
        return bool(seen["observation"]["received_at_epoch_s"] > before)

    await eventually(newer)


async def turns(daemon: Daemon, name: str, reason: str) -> None:
    async def turned() -> bool:
        return await daemon.reason(name) == reason

    await eventually(turned)


def switch(emulator: Emulator, *faults: dict[str, Any]) -> None:
    emulator.handler.injector.switch([Fault.model_validate(fault) for fault in faults])


async def test_a_spoilt_reply_holds_its_app_alone(start_daemon: StartDaemon) -> None:
    scenario = {"apps": [app("sick", load=BUSY), app("well", load=BUSY)]}
    async with emulated(scenario) as emulator:
        daemon = await start_daemon(emulator, [{"name": "sick"}, {"name": "well"}])
        for kind, reason in FAULTS.items():
            fault = {"kind": kind, "apps": ["default/sick"], "retry_after_s": None}
            switch(emulator, fault)
            await turns(daemon, "sick", reason)
            decision = (await daemon.app("sick"))["decision"]
            assert decision["action"] == "hold", kind
            await goes_on(daemon, "well")
            switch(emulator)
            if kind == "401":
                break

            async def recovered() -> bool:
                decided = (await daemon.app("sick")).get("decision")
                return bool(decided and decided["census"])

            await eventually(recovered)
        books = emulator.books()["apps"]
        assert books["default/sick"]["broken"] == []
        assert books["default/well"]["scale_calls"]["up"] > 0
        assert await daemon.stop() == 0


async def test_numbers_that_make_no_sense_are_no_data(start_daemon: StartDaemon) -> None:
    async with emulated({"apps": [app("sick"), app("well")]}) as emulator:
        switch(emulator, {"kind": "absurd-numbers", "apps": ["default/sick"]})
        daemon = await start_daemon(emulator, [{"name": "sick"}, {"name": "well"}])
        await turns(daemon, "sick", "NoData")
        await goes_on(daemon, "well")
        assert emulator.books()["apps"]["default/sick"]["scale_calls"]["up"] == 0


async def test_a_worker_listed_twice_is_a_contradiction_or_the_same_row(
    start_daemon: StartDaemon,
) -> None:
    scenario = {"apps": [app("sick", initial_workers=4), app("well")]}
    async with emulated(scenario) as emulator:
        switch(emulator, {"kind": "duplicate-rows", "apps": ["default/sick"]})
        daemon = await start_daemon(
            emulator, [{"name": "sick", "min_workers": 4}, {"name": "well"}]
        )
        await turns(daemon, "sick", "AtTarget")
        census = (await daemon.app("sick"))["decision"]["census"]
        assert census["free"] == 4
        await goes_on(daemon, "well")


async def test_paused_unknown_and_platform_scaled_apps_are_left_alone(
    start_daemon: StartDaemon,
) -> None:
    scenario = {"apps": [app("pausing", load=BUSY), app("built-in", scaler="builtin"), app("well")]}
    async with emulated(scenario) as emulator:
        names = ("pausing", "built-in", "missing", "well")
        daemon = await start_daemon(emulator, [{"name": name} for name in names])
        await turns(daemon, "missing", "AppNotFound")
        await turns(daemon, "built-in", "PlatformScaled")
        emulator.fleet.app("pausing").pause()
        await turns(daemon, "pausing", "AppPaused")
        calls = emulator.books()["apps"]["default/pausing"]["scale_calls"]
        await goes_on(daemon, "well")
        await goes_on(daemon, "pausing")
        assert emulator.books()["apps"]["default/pausing"]["scale_calls"] == calls
        assert emulator.books()["apps"]["default/built-in"]["scale_calls"]["up"] == 0


async def test_ten_thousand_workers_in_a_list(start_daemon: StartDaemon) -> None:
    scenario = {"apps": [app("huge", initial_workers=10_000), app("well")]}
    async with emulated(scenario) as emulator:
        wanted = {"name": "huge", "max_workers": 20_000, "min_workers": 10_000}
        daemon = await start_daemon(emulator, [wanted, {"name": "well"}])
        await turns(daemon, "huge", "AtTarget")
        assert (await daemon.app("huge"))["decision"]["census"]["free"] == 10_000
        await goes_on(daemon, "well")


@pytest.mark.parametrize("skew_s", [-7200.0, 7200.0])
async def test_a_platform_clock_two_hours_off_changes_nothing(
    start_daemon: StartDaemon, skew_s: float
) -> None:
    load = {"phases": [{"phase": "burst", "requests": 30, "for_s": 1}], "service": 0.5}
    async with emulated({"apps": [app("skewed", load=load)]}, skew_s=skew_s) as emulator:
        behavior = {"scale_down": {"stabilization_window": 1}}
        daemon = await start_daemon(emulator, [{"name": "skewed", "behavior": behavior}])

        async def scaled_up_and_down() -> bool:
            calls = emulator.books()["apps"]["default/skewed"]["scale_calls"]
            return bool(calls["up"] and calls["down"])

        await eventually(scaled_up_and_down)
        report = emulator.books()["apps"]["default/skewed"]
        assert report["broken"] == []
        assert await daemon.reason("skewed") != "ForeignScaler"


async def test_a_missing_token_is_said_and_found_when_it_comes(
    start_daemon: StartDaemon, tmp_path: Any
) -> None:
    token_file = tmp_path / "token"
    async with emulated({"apps": [app("demo")]}) as emulator:
        daemon = await start_daemon(
            emulator, [{"name": "demo"}], AUTOSCALER_EVERAI__TOKEN_FILE=str(token_file)
        )
        await turns(daemon, "demo", "Unauthorized")
        token_file.write_text(emulator.token + "\n")
        await turns(daemon, "demo", "AtTarget")
        assert emulator.token not in daemon.log_path.read_text()
