"""Messages over real sockets to a receiver that behaves badly, on a clock moved by hand."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from random import Random  # noqa: TID251 - seeded, and injected

import httpx
import pytest

from autoscaler.model import AppKey, Decision, Reason
from autoscaler.notifications import Format, Notifier, Target, Tried
from autoscaler.notifications.courier import DISTANCE_S, TOGETHER_MAX, TRIES
from autoscaler.telemetry import configure_logging
from autoscaler.telemetry.redaction import cut_secrets
from tests.fakes.clock import ManualClock
from tests.fakes.receiver import Answer, Receiver

MakeTarget = Callable[..., Target]
Decide = Callable[..., Decision]
PATIENCE_S = 30.0


@pytest.fixture
def log() -> io.StringIO:
    """What is logged, as JSON lines."""
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    return stream


def logged(log: io.StringIO, event: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line["event"] == event]


def counts(notifier: Notifier) -> dict[str, float]:
    (family,) = notifier.tally.collect()
    return {each.labels["outcome"]: each.value for each in family.samples if each.value}


@asynccontextmanager
async def notifying(
    clock: ManualClock, *targets: Target, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Notifier]:
    notifier = Notifier(targets, clock, Random(1), transport)
    notifier.start()
    try:
        yield notifier
    finally:
        await notifier.aclose(0)


async def until(clock: ManualClock, what: Callable[[], bool]) -> None:
    """Let real sockets and the clock go on until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not what():
            await asyncio.sleep(0.005)
            await clock.advance(0.5)


def race(notifier: Notifier, number: int = 0) -> None:
    notifier.raced(AppKey("default", f"app-{number}"), "w1")


async def test_a_notice_arrives_whole(
    manual_clock: ManualClock, target: MakeTarget, receiver: Receiver, decision: Decide
) -> None:
    async with notifying(manual_clock, target(receiver.url, after_s=0)) as notifier:
        notifier.decided(decision(Reason.CRASH_LOOP))
        await until(manual_clock, lambda: counts(notifier) == {"sent": 1})
    (request,) = receiver.requests
    assert request.path == "/hook/key-to-it"
    assert request.headers["content-type"] == "application/json"
    (event,) = request.body["events"]
    assert (event["app"], event["reason"], event["severity"]) == ("sd15", "CrashLoop", "critical")


@pytest.mark.parametrize(
    "answers",
    [[500], [503, 502], [429], [408], ["reset"], ["reset", 500, 429]],
    ids=str,
)
async def test_what_may_pass_is_tried_again(
    manual_clock: ManualClock, target: MakeTarget, receiver: Receiver, answers: list[Answer]
) -> None:
    receiver.answers = list(answers)
    async with notifying(manual_clock, target(receiver.url)) as notifier:
        race(notifier)
        await until(manual_clock, lambda: counts(notifier) == {"sent": 1})
    assert len(receiver.requests) == len(answers) + 1


@pytest.mark.parametrize("answer", [400, 401, 403, 404, 410, "redirect"])
async def test_what_will_not_pass_is_given_up_at_once(
    manual_clock: ManualClock,
    target: MakeTarget,
    receiver: Receiver,
    answer: Answer,
    log: io.StringIO,
) -> None:
    receiver.answers = [answer]
    async with notifying(manual_clock, target(receiver.url)) as notifier:
        race(notifier)
        await until(manual_clock, lambda: counts(notifier) == {"failed": 1})
    assert len(receiver.requests) == 1
    (line,) = logged(log, "notification not delivered")
    status = 302 if answer == "redirect" else answer
    assert line["error"] == f"127.0.0.1:{receiver.port} answered HTTP {status}"
    assert "key-to-it" not in log.getvalue()


@pytest.mark.parametrize(
    ("answer", "said"), [("hang", "no answer from"), ("endless", "is larger than 1 MB")]
)
async def test_silence_and_endless_answers_are_cut_off(
    manual_clock: ManualClock, target: MakeTarget, receiver: Receiver, answer: Answer, said: str
) -> None:
    receiver.answers = [answer]
    notifier = Notifier([target(receiver.url, timeout_s=0.3)], manual_clock, Random(1))
    tried = await notifier.try_out()
    await notifier.aclose(0)
    assert said in tried["ops"].trouble
    assert tried["ops"].again


async def test_it_is_given_up_after_so_many_tries_with_growing_pauses(
    manual_clock: ManualClock, target: MakeTarget
) -> None:
    at: list[float] = []

    def refuse(_: httpx.Request) -> httpx.Response:
        at.append(manual_clock.now())
        return httpx.Response(503)

    transport = httpx.MockTransport(refuse)
    async with notifying(manual_clock, target(), transport=transport) as notifier:
        race(notifier)
        await until(manual_clock, lambda: counts(notifier) == {"failed": 1})
    assert len(at) == TRIES
    pauses = [later - earlier for earlier, later in pairwise(at)]
    for number, pause in enumerate(pauses):
        assert 2**number / 2 <= pause <= 2**number + 0.5


async def test_many_at_once_are_few_messages_that_keep_a_distance(
    manual_clock: ManualClock, target: MakeTarget
) -> None:
    sent: list[tuple[float, int]] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append((manual_clock.now(), len(json.loads(request.content)["events"])))
        return httpx.Response(200)

    transport = httpx.MockTransport(take)
    async with notifying(manual_clock, target(), transport=transport) as notifier:
        for number in range(250):
            race(notifier, number)
        await until(manual_clock, lambda: counts(notifier) == {"sent": 250})
    assert [count for _, count in sent] == [TOGETHER_MAX, TOGETHER_MAX, 50]
    times = [at for at, _ in sent]
    assert all(b - a >= DISTANCE_S for a, b in pairwise(times))


async def test_people_get_one_message_of_any_number(
    manual_clock: ManualClock, target: MakeTarget, receiver: Receiver
) -> None:
    notifier = Notifier([target(receiver.url, format=Format.SLACK)], manual_clock, Random(1))
    for number in range(2000):
        race(notifier, number)
    notifier.start()
    await until(manual_clock, lambda: counts(notifier) == {"sent": 2000})
    await notifier.aclose(0)
    (request,) = receiver.requests
    assert "2000 raced" in request.body["text"]
    assert len(request.body["text"]) < 5000


async def test_the_queue_is_bounded_and_the_oldest_go(
    manual_clock: ManualClock,
    target: MakeTarget,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("autoscaler.notifications.courier.WAITING_MAX", 300)
    notifier = Notifier([target(receiver.url)], manual_clock, Random(1))
    for number in range(307):
        race(notifier, number)
    assert counts(notifier) == {"dropped": 7}
    assert notifier.waiting == 300
    notifier.start()
    await until(manual_clock, lambda: counts(notifier).get("sent") == 300)
    await notifier.aclose(0)
    assert receiver.events[0]["app"] == "app-7"


async def test_at_the_end_what_waits_is_sent_or_counted(
    manual_clock: ManualClock, target: MakeTarget, receiver: Receiver, log: io.StringIO
) -> None:
    good = Notifier([target(receiver.url)], manual_clock, Random(1))
    good.start()
    race(good)
    await good.aclose(PATIENCE_S)
    assert counts(good) == {"sent": 1}
    receiver.answers = ["hang"]
    bad = Notifier([target(receiver.url, timeout_s=60)], manual_clock, Random(1))
    bad.start()
    race(bad)
    await bad.aclose(0.1)
    assert counts(bad) == {"dropped": 1}
    assert len(logged(log, "notifications not delivered before the end")) == 1


async def test_one_dead_target_delays_no_other(
    manual_clock: ManualClock, target: MakeTarget, receiver: Receiver
) -> None:
    dead = target("http://127.0.0.1:9/key", name="dead")
    async with notifying(manual_clock, dead, target(receiver.url)) as notifier:
        race(notifier)
        await until(manual_clock, lambda: len(receiver.requests) == 1)


async def test_a_fault_of_ours_ends_nothing(
    manual_clock: ManualClock, target: MakeTarget, receiver: Receiver, log: io.StringIO
) -> None:
    broken = [False, True]

    def address() -> str:
        if broken.pop():
            raise RuntimeError("bug")
        return receiver.url

    async with notifying(manual_clock, target(address=address)) as notifier:
        race(notifier, 1)
        await until(manual_clock, lambda: counts(notifier) == {"failed": 1})
        race(notifier, 2)
        await until(manual_clock, lambda: counts(notifier) == {"failed": 1, "sent": 1})
    assert len(logged(log, "a notification failed by a fault of this program")) == 1


async def test_secrets_are_read_anew_and_never_shown(
    manual_clock: ManualClock,
    target: MakeTarget,
    receiver: Receiver,
    tmp_path: Path,
    log: io.StringIO,
) -> None:
    file = tmp_path / "url"

    def read() -> str:
        return file.read_text()

    notifier = Notifier([target(address=read)], manual_clock, Random(1))
    missing = (await notifier.try_out())["ops"]
    assert missing == Tried("the address cannot be read (FileNotFoundError)", again=True)
    file.write_text("")
    assert (await notifier.try_out())["ops"].trouble == "there is no address"
    file.write_text(f"{receiver.url}\n")
    assert (await notifier.try_out())["ops"] == Tried()
    receiver.answers = [404]
    trouble = (await notifier.try_out())["ops"].trouble
    assert trouble == f"127.0.0.1:{receiver.port} answered HTTP 404"
    await notifier.aclose(0)
    assert "key-to-it" not in repr(notifier) + log.getvalue()
    assert cut_secrets(f"see {receiver.url}!") == "see [redacted]!"


async def test_signature_and_token_are_sent(
    manual_clock: ManualClock, target: MakeTarget, receiver: Receiver, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("a-bearer-token")
    receiver.reply = {"errcode": 0}
    ding = target(receiver.url, name="ding", format=Format.DINGTALK, secret=lambda: "SEC-x")
    plain = target(receiver.url, name="plain", token_file=str(token))
    notifier = Notifier([ding, plain], manual_clock, Random(1))
    assert set((await notifier.try_out()).values()) == {Tried()}
    await notifier.aclose(0)
    signed = [each for each in receiver.requests if "sign=" in each.path]
    tokens = [each.headers.get("authorization") for each in receiver.requests]
    assert len(signed) == 1
    assert sorted(filter(None, tokens)) == ["Bearer a-bearer-token"]


async def test_a_refusal_within_http_200_is_no_delivery(
    manual_clock: ManualClock, target: MakeTarget, receiver: Receiver
) -> None:
    receiver.reply = {"code": 19021, "msg": "sign match fail"}
    async with notifying(manual_clock, target(receiver.url, format=Format.FEISHU)) as notifier:
        race(notifier)
        await until(manual_clock, lambda: counts(notifier) == {"failed": 1})


async def test_without_targets_nothing_is_done(manual_clock: ManualClock, decision: Decide) -> None:
    async with notifying(manual_clock) as notifier:
        notifier.decided(decision(Reason.CRASH_LOOP))
        race(notifier)
        assert notifier.waiting == 0
