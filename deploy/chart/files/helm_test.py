"""Run by `helm test`: is the daemon of this release ready, and what has it decided?"""

import json
import sys
import time
import urllib.error
import urllib.request

TRIES = 30
PAUSE_S = 2.0
LIMIT_S = 5.0


def fetch(url: str) -> bytes:
    """Return what the address answers; raise OSError if it does not."""
    with urllib.request.urlopen(url, timeout=LIMIT_S) as reply:  # noqa: S310 - the Service's own
        return bytes(reply.read())


def main(base: str) -> int:
    """Wait for /readyz, print each app's decision, return the exit status."""
    trouble = ""
    for _ in range(TRIES):
        try:
            fetch(f"{base}/readyz")
            apps = json.loads(fetch(f"{base}/api/v1/apps"))["apps"]
        except urllib.error.HTTPError as error:
            trouble = f"{error}: {error.read().decode(errors='replace')}"
        except OSError as error:
            trouble = str(error)
        else:
            for app in apps:
                reason = (app["decision"] or {}).get("reason", "no decision yet")
                print(f"{app['namespace']}/{app['name']}: {reason}")  # noqa: T201 - the test's log
            return 0
        time.sleep(PAUSE_S)
    print(f"{base} did not become ready: {trouble}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
