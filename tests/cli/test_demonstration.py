from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.task import Clock

from fakesmtp.cli.demonstration import GRACE, RETRY, Attempt, Played, Try, retry_pause
from fakesmtp.cli.sample_client import Errand, Told
from fakesmtp.scenario.reader import read

ERRAND = Errand("127.0.0.1", 1, "ca.pem", "none", None, "a@example.test", ("b@example.test",), b"", 1.0)
SENT = Told(None, "sent")
REFUSED = Told("smtplib.SMTPDataError", "554 No")


class Reactor(Clock):
    """Time that a test moves; what comes from a thread is done at once."""

    def __init__(self) -> None:
        super().__init__()
        self.called = threading.Event()

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:
        function(*arguments)
        self.called.set()


def test_the_client_answers_from_its_thread() -> None:
    reactor, cuts = Reactor(), list[str]()
    answered = Attempt(reactor, ERRAND, lambda errand: SENT).start(5.0, lambda: cuts.append("cut"))
    assert reactor.called.wait(10)
    told = list[Told]()
    answered.addCallback(told.append)
    assert (told, cuts, reactor.getDelayedCalls()) == ([SENT], [], [])


def test_whatever_the_client_raises_is_what_its_user_sees() -> None:
    def fail(errand: Errand) -> Told:
        raise RuntimeError("out of order")

    reactor, told = Reactor(), list[Told]()
    answered = Attempt(reactor, ERRAND, fail).start(5.0, lambda: None)
    assert reactor.called.wait(10)
    answered.addCallback(told.append)
    assert told == [Told("RuntimeError", "out of order")]


def test_a_client_that_does_not_end_is_cut_and_then_left_behind() -> None:
    reactor, cuts, told, end = Reactor(), list[float](), list[Told](), threading.Event()

    def wait(errand: Errand) -> Told:
        end.wait(10)
        return SENT

    answered = Attempt(reactor, ERRAND, wait).start(5.0, lambda: cuts.append(reactor.seconds()))
    answered.addCallback(told.append)
    reactor.advance(4.9)
    assert (cuts, told) == ([], [])
    reactor.advance(0.1)
    assert (cuts, told) == ([5.0], [])
    reactor.advance(GRACE)
    assert told == [Told("(none)", "nothing: it was still waiting when time was up")]
    end.set()
    assert reactor.called.wait(10)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("rules", "pause"),
    [
        ("[{at: rcpt, for: 5m, refuse: greylisted}]", 301.0),
        ("[{at: rcpt, when: {rate: {over: 10, per: 1h}}, refuse: rate-limited}]", 3601.0),
        ("[{at: rcpt, refuse: greylisted}]", RETRY),
    ],
)
def test_the_second_try_is_beyond_every_window(rules: str, pause: float) -> None:
    assert retry_pause(read(f"rules: {rules}").require()) == pause


@pytest.mark.parametrize(
    ("outcome", "tries", "judgement"),
    [
        ("refused", [REFUSED], (True, "right: the outcome is refused, and the client reports failure")),
        ("refused", [SENT], (False, "wrong: the outcome is refused, and the client claims success")),
        ("insecure", [SENT], (False, "wrong: the outcome is insecure, and the client claims success")),
        ("delivered", [SENT], (True, "right: the outcome is delivered, and the client claims success")),
        ("delivered", [REFUSED], (False, "wrong: the outcome is delivered, and the client reports failure")),
        ("deferred", [REFUSED], (True, "right: the outcome is deferred, and the client reports failure")),
        ("deferred", [REFUSED, SENT], (True, "right: it was deferred, tried again and delivered")),
        ("deferred", [SENT], (False, "wrong: the outcome is deferred, and the client claims success")),
        (None, [SENT], (None, "not judged: the scenario names no outcome")),
    ],
)
def test_judgements(outcome: str | None, tries: list[Told], judgement: tuple[bool | None, str]) -> None:
    scenario = read(f"outcome: {outcome}" if outcome else "{}").require()
    played = Played(scenario, ERRAND, tuple(Try(told, "") for told in tries), ())
    assert played.judgement == judgement
