"""Orders by hand through a real API: what they do, say, and refuse."""

from __future__ import annotations

import pytest

from autoscaler.model import AppKey, InterventionKind
from autoscaler.model.intervention import Intervention
from tests.unit.cli.conftest import READ_TOKEN, Run, Site

APP = AppKey("default", "sd15")
WHY = ("--reason", "load test")


@pytest.fixture(autouse=True)
def app(site: Site) -> None:
    site.decided("sd15")


def held(site: Site) -> list[tuple[str, str, int, bool]]:
    return sorted(
        (one.kind.value, one.direction, one.workers, one.until is None)
        for one in site.orders.in_force(APP)
    )


async def test_a_pause_and_its_end(site: Site, acting: Run) -> None:
    shown = await acting("pause", "sd15", *WHY, "--direction", "down")
    assert shown.exit_code == 0, shown.output
    assert "default/sd15: paused, nothing is removed" in shown.stdout
    assert "until resumed" in shown.stdout
    assert "to undo: autoscaler resume default/sd15" in shown.stderr
    assert held(site) == [("pause", "down", 0, True)]
    (order,) = site.orders.in_force(APP)
    assert (order.who.partition(" ")[0], order.why) == ("ops", "load test")
    over = await acting("resume", "sd15", *WHY)
    assert over.exit_code == 0
    assert "pause ended" in over.stdout
    assert held(site) == []
    again = await acting("resume", "sd15", *WHY)
    assert (again.exit_code, "nothing to end" in again.stdout) == (0, True)


async def test_half_of_a_pause_ends(site: Site, acting: Run) -> None:
    await acting("pause", "sd15", *WHY, "--for", "2h")
    shown = await acting("resume", "sd15", *WHY, "--direction", "up")
    assert "scaling up resumed; scaling down stays paused" in shown.stdout
    assert held(site) == [("pause", "down", 0, False)]
    (order,) = site.orders.in_force(APP)
    assert order.until == pytest.approx(site.now + 7200, abs=60)
    other = await acting("resume", "sd15", *WHY, "--direction", "up")
    assert "scaling up is not paused by hand" in other.stdout
    await acting("resume", "sd15", *WHY, "--direction", "down")
    assert held(site) == []


async def test_scale_and_boost_end_by_themselves(site: Site, acting: Run) -> None:
    set_ = await acting("scale", "sd15", "3", *WHY, "--for", "1h30m")
    assert set_.exit_code == 0, set_.output
    assert "3 wanted" in set_.stdout
    assert "there are 2 workers, 2 wanted so far (minimum 1, maximum 8)" in set_.stderr
    assert (await acting("boost", "default/sd15", "4", *WHY, "--for", "1h")).exit_code == 0
    assert held(site) == [("boost", "both", 4, False), ("override", "both", 3, False)]
    ends = {one.kind: one.until for one in site.orders.in_force(APP)}
    assert ends[InterventionKind.OVERRIDE] == pytest.approx(site.now + 5400, abs=60)


async def test_a_dry_run_sends_nothing(site: Site, run: Run) -> None:
    for arguments in (["pause", "sd15"], ["scale", "sd15", "3", "--for", "1h"]):
        shown = await run(*arguments, *WHY, "--dry-run")
        assert shown.exit_code == 0, shown.output
        assert "(dry run: nothing was sent)" in shown.stdout
    assert site.orders.calls == 0


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["scale", "sd15", "9", "--for", "1h"], 2, "is above max_workers of default/sd15"),
        (["scale", "sd15", "0", "--for", "1h"], 2, "is below min_workers of default/sd15"),
        (["boost", "sd15", "3", "--for", "30d"], 2, "must be from 1m to 7d"),
        (["boost", "sd15", "3", "--for", "ever"], 2, "--for 'ever' is no length of time"),
        (["pause", "sd16"], 4, "No app default/sd16 is known here"),
        (["scale", "sd15", "3"], 2, "--for"),
        (["scale", "sd15", "three", "--for", "1h"], 2, "N"),
    ],
)
async def test_what_is_refused(
    site: Site, acting: Run, arguments: list[str], status: int, words: str
) -> None:
    shown = await acting(*arguments, *WHY)
    assert (shown.exit_code, shown.stdout) == (status, "")
    assert words in shown.stderr
    assert site.orders.calls == 0


async def test_a_reason_is_required(site: Site, acting: Run) -> None:
    shown = await acting("pause", "sd15")
    assert (shown.exit_code, "--reason" in shown.stderr) == (2, True)


async def test_a_token_is_required(site: Site, run: Run) -> None:
    without = await run("pause", "sd15", *WHY)
    assert (without.exit_code, without.stdout) == (2, "")
    assert "needs a token and none is given; set AUTOSCALER_TOKEN_FILE" in without.stderr
    wrong = await run("pause", "sd15", *WHY, env={"AUTOSCALER_TOKEN": READ_TOKEN})
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "The one sent is from AUTOSCALER_TOKEN." in wrong.stderr
    assert READ_TOKEN not in wrong.output
    assert site.orders.calls == 0


async def test_an_order_that_was_not_written_down(site: Site, acting: Run) -> None:
    site.orders.disk_full = True
    shown = await acting("pause", "sd15", *WHY)
    assert shown.exit_code == 0
    assert "warning: The order holds, but could not be written down" in shown.stderr


async def test_what_an_order_replaces_is_named(site: Site, acting: Run) -> None:
    old = Intervention(InterventionKind.PAUSE, site.now, None, "bob", "holiday", "up")
    await site.orders.intervene(APP, old)
    shown = await acting("pause", "sd15", *WHY)
    assert "ended: pause up of bob: holiday" in shown.stderr
