"""What `helm test` runs, against answers like the daemon's, over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy.chart.files import helm_test

pytestmark = pytest.mark.chart

APPS = {
    "apps": [
        {"namespace": "default", "name": "sd15", "decision": {"reason": "AtTarget"}},
        {"namespace": "default", "name": "new", "decision": None},
    ]
}


@contextmanager
def daemon(answers: dict[str, tuple[int, str]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_it_prints_what_was_decided(capsys: pytest.CaptureFixture[str]) -> None:
    with daemon({"/readyz": (200, "ok"), "/api/v1/apps": (200, json.dumps(APPS))}) as url:
        assert helm_test.main(url) == 0

    assert capsys.readouterr().out.splitlines() == [
        "default/sd15: AtTarget",
        "default/new: no decision yet",
    ]


def test_it_says_why_the_daemon_is_not_ready(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helm_test, "TRIES", 2)
    monkeypatch.setattr(helm_test, "PAUSE_S", 0.01)
    with daemon({"/readyz": (503, "Not tried yet: default/sd15.")}) as url:
        assert helm_test.main(url) == 1

    assert "Not tried yet: default/sd15." in capsys.readouterr().err


def test_a_daemon_that_is_not_there_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helm_test, "TRIES", 1)
    monkeypatch.setattr(helm_test, "PAUSE_S", 0.01)

    assert helm_test.main("http://127.0.0.1:9") == 1
    assert "did not become ready" in capsys.readouterr().err
