"""From the configuration to targets, and that the address of a webhook is shown nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from autoscaler.app.notices import to_targets
from autoscaler.notifications import Event, Format, Severity
from autoscaler.policies.cron_windows import Matching, Starting
from autoscaler.settings import Checked, check, diff
from autoscaler.telemetry.decision_log import TROUBLE

PAGE = (Path(__file__).parents[3] / "docs/notifications.md").read_text(encoding="utf-8")
APPS = "apps: [{name: sd15, max_workers: 8}]\n"


def checked(folder: Path, notifications: str) -> Checked:
    file = folder / "autoscaler.yaml"
    file.write_text(f"notifications:\n{notifications}\n{APPS}", encoding="utf-8")
    return check(file, {"HOME": "/home/somebody"})


def test_the_example_of_the_page_is_good(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    file = tmp_path / "autoscaler.yaml"
    file.write_text(found[1], encoding="utf-8")
    result = check(file, {"HOME": "/home/somebody"})
    assert result.warnings == ()
    call, releases, audit = to_targets(result.settings)
    assert (call.format, releases.format, audit.format) == (
        Format.DINGTALK, Format.SLACK, Format.GENERIC,
    )  # fmt: skip
    assert call.quiet is not None
    assert call.quiet.windows == (Matching("* 0-7 * * *"),)
    assert call.quiet.severity is Severity.CRITICAL
    assert call.events == frozenset(Event) - {Event.SCALED, Event.TEST}
    assert call.reasons == frozenset(reason.value for reason in TROUBLE)
    assert (releases.apps, audit.token_file) == (
        ("prod/*",), "/var/run/secrets/audit/token",
    )  # fmt: skip


def test_the_page_lists_the_reasons_of_trouble() -> None:
    begin, end = "<!-- trouble: begin -->", "<!-- trouble: end -->"
    listed = PAGE.partition(begin)[2].partition(end)[0]
    assert listed == ", ".join(f"`{name}`" for name in sorted(each.value for each in TROUBLE))


def test_every_key_reaches_the_target(tmp_path: Path) -> None:
    text = """
  - name: ops
    format: feishu
    url_file: URL
    secret_file: SECRET
    events: [scaled]
    reasons: [AtMaximum]
    severity: warning
    after: 2m
    window: 1h
    timeout: 3s
    quiet:
      timezone: Europe/Berlin
      severity: warning
      windows: [{cron: "0 22 * * *", duration: 8h}]
""".replace("URL", str(tmp_path / "url")).replace("SECRET", str(tmp_path / "secret"))
    (target,) = to_targets(checked(tmp_path, text).settings)
    assert target.quiet is not None
    assert target.quiet.windows == (Starting("0 22 * * *", 28_800.0),)
    assert str(target.quiet.zone) == "Europe/Berlin"
    assert (target.after_s, target.window_s, target.timeout_s) == (120.0, 3600.0, 3.0)
    assert (target.severity, target.reasons) == (Severity.WARNING, frozenset({"AtMaximum"}))
    assert target.events == frozenset({Event.SCALED})
    (tmp_path / "url").write_text("https://hooks.example.com/key\n")
    assert target.address() == "https://hooks.example.com/key"
    (tmp_path / "url").write_text("hooks.example.com/key")
    with pytest.raises(ValueError, match="holds no address") as caught:
        target.address()
    assert "hooks.example.com" not in str(caught.value)
    (tmp_path / "secret").write_text(" SEC-1\n")
    assert target.secret is not None
    assert target.secret() == "SEC-1"


def test_an_address_in_the_file_is_shown_nowhere(tmp_path: Path) -> None:
    first = checked(tmp_path, "  - {name: ops, url: 'http://hooks.example.com/KEY-1'}")
    second = checked(tmp_path, "  - {name: ops, url: 'https://hooks.example.com/KEY-2'}")
    (target,) = to_targets(first.settings)
    assert target.address() == "http://hooks.example.com/KEY-1"
    (warning,) = first.warnings
    assert "in clear text" in warning.message
    shown = [repr(first), str(warning), *diff(first.settings, second.settings), repr(target)]
    shown.append(yaml.safe_dump(first.settings.model_dump(mode="json")))
    assert "KEY" not in "".join(shown)
    assert len(diff(first.settings, second.settings)) == 1
