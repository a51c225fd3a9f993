"""What one app costs, measured: by the last ``make bench``, and here where that is quick."""

from __future__ import annotations

import json
import tempfile
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

from autoscaler.decision import AppMemory, AppSpec, decide
from autoscaler.everai.wire import decode_workers
from autoscaler.history.minutes import AppMinutes
from autoscaler.history.packing import pack_minute
from autoscaler.model import AppKey
from autoscaler.policies.queue import QueueParams, QueuePolicy
from autoscaler.settings import check, to_spec
from autoscaler.state.codec import encode
from tests.bench.fleet.server import list_reply

BENCH = Path("docs/performance.json")
WORKERS, INTERVAL_S, LOADED, START_S = 10, 15.0, 4000, 1_735_689_600.0


@dataclass(frozen=True)
class PerApp:
    """An app of ten workers, looked at every 15 s.

    Attributes:
        poll_cpu_s: of a look with all that follows. base_mib, app_mib: resident memory of a
            process, and of an app in it. list_bytes: of a reply. state_bytes: of a row of the
            state store. minute_bytes: of a minute in the history. file_bytes: of the
            configuration. configured_bytes, load_cpu_s: its memory and time once it is loaded.
    """

    poll_cpu_s: float
    base_mib: float
    app_mib: float
    list_bytes: int
    state_bytes: int
    minute_bytes: int
    file_bytes: float
    configured_bytes: float
    load_cpu_s: float


def measured() -> PerApp:
    """Return the constants of this machine."""
    bench = json.loads(BENCH.read_text())
    few, many = (bench[f"every_15s_{n}_apps"]["alone"]["resident_mib"] for n in (100, 10_000))
    app_mib = (many - few) / 9_900
    body = list_reply(WORKERS).partition(b"\r\n\r\n")[2]
    state_bytes, minute_bytes = _rows(body)
    return PerApp(
        poll_cpu_s=bench["full_speed_10000_apps"]["cpu_us_per_poll"] / 1e6,
        base_mib=few - 100 * app_mib,
        app_mib=app_mib,
        list_bytes=len(body),
        state_bytes=state_bytes,
        minute_bytes=minute_bytes,
        **_configured(),
    )


def _rows(body: bytes) -> tuple[int, int]:
    """Return the bytes of a row of the state store, and of one of the history."""
    spec = AppSpec(AppKey("default", "app"), 20, (QueuePolicy(QueueParams()),))
    memory, running, closed = AppMemory(), AppMinutes(lambda _: 0.5), []
    for number in range(9):
        now = START_S + number * INTERVAL_S
        look = decode_workers(body, spec.key, requested_at=now, received_at=now, platform_now=now)
        decision, memory = decide(spec, look, memory, now)
        closed += running.observed(look, lambda _: 0.5)
        running.decided(decision)
    return len(encode(memory)), len(pack_minute(closed[-1]))


def _configured() -> dict[str, Any]:
    """Load a configuration; return what an app of it takes."""
    rows = [f"  - name: app-{n:07}\n    max_workers: 20\n" for n in range(LOADED)]
    text = "defaults:\n  interval: 15s\napps:\n" + "".join(rows)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(text)
        check(file, {})
        began = process_time()
        check(file, {})
        spent = process_time() - began
        tracemalloc.start()
        settings = check(file, {}).settings
        kept = (settings, to_spec(settings))
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    del kept
    return {
        "file_bytes": len(text) / LOADED,
        "configured_bytes": size / LOADED,
        "load_cpu_s": spent / LOADED,
    }
