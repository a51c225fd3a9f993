from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


def test_ctrl_c_keeps_the_part_and_says_so(tmp_path: Path) -> None:
    """The trace is a pipe that never ends: what was written has been read, more does not come."""
    pipe = tmp_path / "endless.csv"
    os.mkfifo(pipe)
    running = subprocess.Popen(
        [sys.executable, "-m", "autoscaler", "simulate", "--trace", str(pipe), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with pipe.open("w") as writer:
        writer.write("arrival_s,service_s\n")
        for i in range(100_000):  # far more than a pipe holds: the program must be reading
            writer.write(f"{i},2.5\n")
        writer.flush()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    figures = json.loads(out)
    assert 1_000 < figures["requests"] <= 100_000
    assert figures["cost_worker_s"] > 0
    assert "interrupted after" in err
    assert "the figures are of that part" in err
