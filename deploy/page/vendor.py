"""Bring what the status page takes from npm into the package: the charting library.

Run it by hand (`python deploy/page/vendor.py`, or `make page`), or let the build of the wheel do it
(`build_hook.py`). What it brings is not kept in the repository.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = {
    "uPlot.esm.js": "uplot/dist/uPlot.esm.js",
    "uPlot.min.css": "uplot/dist/uPlot.min.css",
    "uPlot.LICENSE": "uplot/LICENSE",
}
"""Names in the folder `vendor` of the page, and where npm puts them."""
STAMP = "versions.json"
TIME_LIMIT_S = 300


class NotBrought(Exception):  # noqa: N818 - named for what happened
    """The files could not be brought; the message says why and what to do."""


def vendor_folder(root: Path) -> Path:
    """Return where the files belong, from the root of the repository."""
    return root / "autoscaler" / "web" / "page" / "vendor"


def bring(root: Path) -> bool:
    """Bring the files of the versions in the lock file; return whether there was anything to do.

    Raises:
        NotBrought: npm is missing or failed.
    """
    target, wanted = vendor_folder(root), _locked()
    if _stands(target, wanted):
        return False
    _npm_ci()
    target.mkdir(parents=True, exist_ok=True)
    for name, source in FILES.items():
        shutil.copyfile(HERE / "node_modules" / source, target / name)
    (target / STAMP).write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    return True


def _locked() -> dict[str, str]:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {source.partition("/")[0] for source in FILES.values()}
    return {name: lock["packages"][f"node_modules/{name}"]["version"] for name in sorted(packages)}


def _stands(target: Path, wanted: dict[str, str]) -> bool:
    stamp = target / STAMP
    if not stamp.is_file() or not all((target / name).is_file() for name in FILES):
        return False
    return bool(json.loads(stamp.read_text(encoding="utf-8")) == wanted)


def _npm_ci() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotBrought("npm is not installed. Install Node.js with npm, then run: make page")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(  # noqa: S603 - our own words only
            command, cwd=HERE, check=True, capture_output=True, text=True, timeout=TIME_LIMIT_S
        )
    except subprocess.TimeoutExpired as error:
        raise NotBrought(f"npm ci did not end within {TIME_LIMIT_S} s in {HERE}") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines()[:5]
        raise NotBrought(f"npm ci failed in {HERE}: {' '.join(said)}") from error


def main() -> int:
    """Bring the files and say so; the exit status is 1 where that failed."""
    try:
        brought = bring(HERE.parents[1])
    except NotBrought as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write("brought\n" if brought else "already there\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
