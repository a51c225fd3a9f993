"""What the daemon's modules and a configuration take before anything is polled.

    python -m tests.bench.loading [APPS]

Memory in MiB, CPU in seconds. *Kept* is what the checked settings and the specs take, *at most*
what reading and checking them takes at its highest, both without what is not Python's.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import tracemalloc
from importlib import import_module
from pathlib import Path
from time import process_time

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 2**20


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / MIB


def main() -> None:
    apps = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    before, at = resident_mib(), process_time()
    import_module("autoscaler.cli.run")
    say(f"modules: {resident_mib() - before:.0f} MiB, {process_time() - at:.2f} s")
    settings = import_module("autoscaler.settings")
    configuration = import_module("tests.bench.fleet.daemon").configuration
    with tempfile.TemporaryDirectory() as folder:
        file = configuration("http://127.0.0.1:1", apps, 15.0, Path(folder), None)
        at = process_time()
        checked = settings.check(file, {})
        settings.to_spec(checked.settings)
        say(f"{apps:,} apps read, checked, converted: {process_time() - at:.2f} s")
        del checked
        gc.collect()
        tracemalloc.start()
        checked = settings.check(file, {})
        kept = (checked, settings.to_spec(checked.settings))
        now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    say(f"kept: {now / MIB:.1f} MiB; at most {most / MIB:.1f} MiB")
    del kept


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
