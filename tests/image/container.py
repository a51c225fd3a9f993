"""Runs the built image as a cluster would: a PID namespace, read-only, non-root, no privileges.

No container engine is needed, only root and `unshare`. The network is the machine's, so that the
image's program reaches an emulator of the test. Shells are covered by nothing executable: what
needs one fails.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USER = 65532
SHELLS = ("usr/bin/dash", "usr/bin/bash", "usr/bin/sh")
_ENTER = r"""
set -eu
root=$1; config=$2; secret=$3; state=$4; shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
for shell in SHELLS; do [ ! -e "$root/$shell" ] || mount --bind /dev/null "$root/$shell"; done
mount -t proc proc "$root/proc"
mount --bind /dev/null "$root/dev/null"
mount --bind "$config" "$root/etc/autoscaler"
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/secrets"
mount --bind "$secret" "$root/run/secrets"
mount --bind "$state" "$root/var/lib/autoscaler"
for path in "" etc/autoscaler run run/secrets; do mount -o remount,bind,ro "$root/$path"; done
exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups= "$root" "$@"
""".replace("SHELLS", " ".join(SHELLS))


@dataclass(frozen=True, slots=True)
class Image:
    """An unpacked image: its root file system and its configuration."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "rootfs"

    @property
    def config(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "config.json").read_text())["OCIv1"]["config"])

    @property
    def command(self) -> list[str]:
        return [*self.config["Entrypoint"], *self.config["Cmd"]]

    def environment(self, **changes: str) -> dict[str, str]:
        given = dict(item.split("=", 1) for item in self.config["Env"])
        return {**given, **changes}


@dataclass(slots=True)
class Container:
    """A running image. `outer` is `unshare`, whose exit status is that of its only child."""

    outer: asyncio.subprocess.Process
    log_path: Path

    def pid(self) -> int:
        """Return the program's process id, as the machine counts; 0 before it exists."""
        path = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        children = path.read_text().split() if path.exists() else []
        return int(children[0]) if children else 0

    def status(self) -> dict[str, str]:
        """Return what the kernel says of the program."""
        try:
            text = Path(f"/proc/{self.pid()}/status").read_text()
        except OSError:
            return {}
        return {k: v.strip() for k, _, v in (line.partition(":") for line in text.splitlines())}

    def handles(self, number: signal.Signals) -> bool:
        """Whether the image's program is there and has a handler for a signal."""
        status = self.status()
        caught = int(status.get("SigCgt", "0"), 16) >> (number - 1) & 1
        return status.get("Name", "").startswith("python") and bool(caught)

    async def stop(self) -> int:
        """Send SIGTERM to the program; return the exit status."""
        os.kill(self.pid(), signal.SIGTERM)
        return await asyncio.wait_for(self.outer.wait(), 30)

    async def kill(self) -> None:
        if self.outer.returncode is None:
            self.outer.kill()  # --kill-child takes the program along
            await self.outer.wait()


async def start(
    image: Image, folder: Path, command: Sequence[str] = (), **environment: str
) -> Container:
    """Start the image on folder/config and folder/secret (read-only) and folder/state (its own)."""
    for name in ("config", "secret", "state"):
        (folder / name).mkdir(exist_ok=True)
    os.chown(folder / "state", USER, USER)
    folders = [str(folder / name) for name in ("config", "secret", "state")]
    log_path = folder / "image.log"
    with log_path.open("wb") as log:
        outer = await asyncio.create_subprocess_exec(
            "unshare", "--pid", "--fork", "--kill-child", "--mount", "sh", "-c", _ENTER, "enter",
            str(image.root), *folders, *(command or image.command),
            env=image.environment(**environment), stdout=log, stderr=log,
        )  # fmt: skip
    return Container(outer, log_path)
