"""A flame graph of the daemon while it polls a thousand apps as fast as one core can.

    python -m tests.bench.fleet.flames FILE.svg [--checkout FOLDER] [--seconds S] [--py-spy PROGRAM]

TLS, ten workers each, every list changed: the case of the targets. Samples are taken by py-spy
(``pip install py-spy``; it may need root), 200 a second, of what runs and not of what waits.
``--checkout``: the folder of another version, to be drawn in place of this one.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from pathlib import Path

from tests.bench.fleet.__main__ import Bench

APPS = 1000
RATE_HZ = 200
INTERVAL_S = 0.2
"""Shortest that may be configured: 5,000 polls a second are asked for, more than one core does."""


def record(pid: int, into: Path, seconds: float, program: str) -> None:
    """Let py-spy draw what a process does."""
    command = [program, "record", "--pid", str(pid), "--rate", str(RATE_HZ), "--function"]
    command += ["--duration", str(round(seconds)), "--output", str(into)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def without_machine(svg: str, title: str) -> str:
    """Return the drawing without the paths of the machine it was made on, and with a title."""
    svg = re.sub(r"/[^ ():;&\"<>]*?/(?:site-packages|lib/python3\.\d+)/", "", svg)
    svg = re.sub(r"/[^ ():;&\"<>]*?/(?=autoscaler/)", "", svg)
    return re.sub(r'(<text id="title"[^>]*>)[^<]*', rf"\g<1>{title}", svg)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fleet.flames")
    parser.add_argument("into", type=Path, help="the SVG to write")
    parser.add_argument("--checkout", type=Path, help="run the version in this folder")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--py-spy", default="py-spy", help="the program")
    parser.add_argument("--title", default="A thousand apps, polled as fast as one core can")
    asked = parser.parse_args()
    bench = Bench(asked.seconds)
    try:
        with bench.running(APPS, INTERVAL_S, lively=True, checkout=asked.checkout) as (daemon, _):
            record(daemon.process.pid, asked.into, asked.seconds, asked.py_spy)
    finally:
        bench.close()
    asked.into.write_text(without_machine(asked.into.read_text(), asked.title))


if __name__ == "__main__":
    main()
