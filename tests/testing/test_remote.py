"""The client of the control interface: what it asks, its connections, and how failures are told."""

from __future__ import annotations

import gc
import math
import os
import pickle
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fakesmtp.testing import InvalidScenario, Remote, RequestRefused, UnknownName, Unreachable

from .stub import Stub, Told, serve_stub

BOUND = 20.0
"""Seconds that anything may take."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serve_stub() as stub:
        yield stub


@pytest.fixture
def remote(stub: Stub) -> Iterator[Remote]:
    with Remote(stub.url, timeout=BOUND) as remote:
        yield remote


# ---------------------------------------------------------------------- what is asked


@pytest.mark.parametrize(
    ("method", "arguments", "answer", "asked", "result"),
    [
        ("ready", (), {"port": 1}, ("GET", "/v1/ready"), {"port": 1}),
        ("scenario", (), {"name": "x"}, ("GET", "/v1/scenario"), {"name": "x"}),
        ("rules", (), {"rules": [{"name": "x"}]}, ("GET", "/v1/rules"), [{"name": "x"}]),
        ("state", (), {"state": "start", "states": []}, ("GET", "/v1/state"), "start"),
        ("reset", (), {"port": 1}, ("POST", "/v1/reset"), {"port": 1}),
        ("sessions", (), {"sessions": [{"id": 1}]}, ("GET", "/v1/sessions"), [{"id": 1}]),
        ("session", (3,), {"id": 3}, ("GET", "/v1/sessions/3"), {"id": 3}),
        ("cut", (3,), b"", ("DELETE", "/v1/sessions/3?how=rst"), None),
        ("cut", (3, "fin"), b"", ("DELETE", "/v1/sessions/3?how=fin"), None),
        ("messages", (), {"messages": [{"id": "a"}]}, ("GET", "/v1/messages"), [{"id": "a"}]),
        ("message", ("a/b",), {"id": "a/b"}, ("GET", "/v1/messages/a%2Fb"), {"id": "a/b"}),
        ("raw", ("a",), b"Subject: x", ("GET", "/v1/messages/a/raw"), b"Subject: x"),
        ("transcript", (), "ü".encode(), ("GET", "/v1/transcript"), "ü"),
        ("transcript", (2,), b"", ("GET", "/v1/transcript?session=2"), ""),
        ("journal", (), b'{"a": 1}\n{"a": 2}\n', ("GET", "/v1/journal"), [{"a": 1}, {"a": 2}]),
        ("capture", (), b"pcapng", ("GET", "/v1/capture.pcapng"), b"pcapng"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_asked_for(
    stub: Stub, remote: Remote, method: str, arguments: Any, answer: Any, asked: tuple[str, str], result: Any
) -> None:
    stub.answer(answer)
    assert getattr(remote, method)(*arguments) == result
    assert [(each.method, each.target) for each in stub.asked] == [asked]


def test_a_scenario_by_name(stub: Stub, remote: Remote) -> None:
    remote.load({"name": "greylisting", "set": {"rules.x.chance": "1"}, "seed": 1}, ttl="60s")
    (asked,) = stub.asked
    assert (asked.method, asked.target) == ("PUT", "/v1/scenario?ttl=60s")
    assert asked.headers["content-type"] == "application/json"
    assert asked.json == {"name": "greylisting", "set": {"rules.x.chance": "1"}, "seed": 1}


def test_a_scenario_as_text(stub: Stub, remote: Remote) -> None:
    remote.load("summary: ü\n", name="mine", seed=7)
    (asked,) = stub.asked
    assert (asked.target, asked.body) == ("/v1/scenario?name=mine&seed=7", "summary: ü\n".encode())
    assert asked.headers["content-type"] == "application/yaml"


def test_a_rule_is_changed(stub: Stub, remote: Remote) -> None:
    remote.change_rule("first try", chance=1)
    (asked,) = stub.asked
    assert (asked.method, asked.target, asked.json) == ("PATCH", "/v1/rules/first%20try", {"chance": 1})


def test_a_state_is_set(stub: Stub, remote: Remote) -> None:
    remote.set_state("full")
    assert (stub.asked[0].method, stub.asked[0].json) == ("PUT", {"state": "full"})


@pytest.mark.parametrize(("by", "told"), [("60m", "60m"), (90, "90.000000s"), (0.25, "0.250000s")])
def test_the_clock_is_moved(stub: Stub, remote: Remote, by: str | float, told: str) -> None:
    stub.answer({"elapsed": 3600.5, "now": ""})
    assert remote.advance(by) == 3600.5
    assert stub.asked[0].json == {"advance": told}


def test_entries_above_a_number_of_one_session(stub: Stub, remote: Remote) -> None:
    remote.journal(after=5, session=2)
    assert stub.asked[0].target == "/v1/journal?after=5&session=2"


def test_a_token_is_shown(stub: Stub) -> None:
    Remote(stub.url, token="secret").ready()
    assert stub.asked[0].headers["authorization"] == "Bearer secret"


# ---------------------------------------------------------------------- waiting


SUMMARY = {"messages": 0, "sessions": 0}


def test_what_has_come_already_is_no_wait(stub: Stub, remote: Remote) -> None:
    stub.answer({"reached": True, "summary": SUMMARY})
    assert remote.wait({"messages": 2, "over": 1}, 3.0) == {"reached": True, "summary": SUMMARY}
    assert [(each.target, each.json) for each in stub.asked] == [
        ("/v1/wait", {"messages": 2, "over": 1, "timeout": "3000ms"})
    ]


def test_a_long_wait_is_several_polls(stub: Stub, remote: Remote) -> None:
    stub.answer({"reached": False, "summary": SUMMARY}, {"reached": True, "summary": SUMMARY})
    assert remote.wait({"messages": 1}, 3600)["reached"]
    assert [each.json["timeout"] for each in stub.asked] == ["30000ms", "30000ms"]


def test_a_wait_of_no_time_asks_once(stub: Stub, remote: Remote) -> None:
    stub.answer({"reached": False, "summary": SUMMARY})
    assert not remote.wait({"messages": 1}, 0)["reached"]
    assert [each.json["timeout"] for each in stub.asked] == ["0ms"]


@pytest.mark.parametrize("timeout", [math.inf, math.nan, -1.0])
def test_nothing_waits_for_ever(remote: Remote, timeout: float) -> None:
    with pytest.raises(ValueError, match="give seconds, from 0; nothing waits for ever"):
        remote.wait({"messages": 1}, timeout)
    with pytest.raises(ValueError, match="nothing waits for ever"):
        Remote("http://127.0.0.1:1", timeout=timeout)


# ---------------------------------------------------------------------- refusals


def refused(stub: Stub, remote: Remote, status: int, content: Any) -> RequestRefused:
    stub.answer(Told(content, status))
    with pytest.raises(RequestRefused) as caught:
        remote.ready()
    return caught.value


def test_a_problem_is_told_in_its_own_words(stub: Stub, remote: Remote) -> None:
    problem = {"title": "Conflict", "detail": "port 25 is in use", "status": 409}
    error = refused(stub, remote, 409, problem)
    assert type(error) is RequestRefused
    assert (str(error), error.status, error.problem) == ("port 25 is in use", 409, problem)


def test_what_is_not_there_is_an_unknown_name(stub: Stub, remote: Remote) -> None:
    error = refused(stub, remote, 404, {"detail": "unknown scenario 'x'; did you mean 'y'?"})
    assert type(error) is UnknownName
    assert str(error) == "unknown scenario 'x'; did you mean 'y'?"


def test_an_invalid_scenario_shows_every_error(stub: Stub, remote: Remote) -> None:
    errors = [{"line": 1, "rendered": "<x>:1:1: unknown key\n  rule:\n  ^"}, {"line": 2, "rendered": "<x>:2:1: no"}]
    error = refused(stub, remote, 422, {"detail": "<x>:1:1: unknown key (and 1 more)", "errors": errors})
    assert isinstance(error, InvalidScenario)
    assert str(error) == "<x>:1:1: unknown key\n  rule:\n  ^\n<x>:2:1: no"
    assert error.errors == errors


def test_a_mistake_in_the_request_is_no_invalid_scenario(stub: Stub, remote: Remote) -> None:
    error = refused(stub, remote, 422, {"detail": "seed: a number is expected", "errors": [{"pointer": "/seed"}]})
    assert type(error) is RequestRefused
    assert str(error) == "seed: a number is expected"


@pytest.mark.parametrize("content", [b"<html>", b"[]", {}])
def test_a_refusal_without_words(stub: Stub, remote: Remote, content: Any) -> None:
    error = refused(stub, remote, 503, content)
    assert str(error) == f"GET {stub.url}/v1/ready: 503 Service Unavailable"


@pytest.mark.parametrize("content", [b"<html>", b"[1]"])
def test_something_else_that_answers(stub: Stub, remote: Remote, content: bytes) -> None:
    stub.answer(content)
    with pytest.raises(Unreachable, match="the answer is no JSON object; is this fakesmtp"):
        remote.ready()


@pytest.mark.parametrize("url", ["127.0.0.1:80", "https://127.0.0.1", "http:///v1", ""])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL of a control interface"):
        Remote(url)


# ---------------------------------------------------------------------- connections


def test_the_connection_is_kept(stub: Stub, remote: Remote) -> None:
    for _ in range(3):
        remote.ready()
    remote.load("x: y")
    assert [each.connection for each in stub.asked] == [1, 1, 1, 1]


def test_a_connection_that_was_closed_meanwhile_is_replaced(stub: Stub, remote: Remote) -> None:
    stub.answer(Told({}, closes=True), {"port": 2})
    remote.ready()
    assert remote.ready() == {"port": 2}
    assert [each.connection for each in stub.asked] == [1, 2]


def test_a_kept_connection_that_breaks_is_tried_once_more(stub: Stub, remote: Remote) -> None:
    stub.answer({}, Told(drops=True), {"port": 2})
    remote.ready()
    assert remote.ready() == {"port": 2}
    assert [each.connection for each in stub.asked] == [1, 1, 2]


def test_it_is_tried_no_third_time(stub: Stub, remote: Remote) -> None:
    stub.answer({}, Told(drops=True))
    remote.ready()
    with pytest.raises(Unreachable, match=r"^GET http://127\.0\.0\.1:\d+/v1/ready: Remote end closed connection"):
        remote.ready()
    assert len(stub.asked) == 3


def test_a_clock_is_not_moved_twice(stub: Stub, remote: Remote) -> None:
    stub.answer({}, Told(drops=True))
    remote.ready()
    with pytest.raises(Unreachable):
        remote.advance(60)
    assert [each.method for each in stub.asked] == ["GET", "POST"]


def test_nobody_listens() -> None:
    with serve_stub() as stub:
        url = stub.url
    with pytest.raises(Unreachable, match=r"/v1/ready: .*Connection refused"):
        Remote(url).ready()


def test_nobody_answers(stub: Stub) -> None:
    over = threading.Event()
    stub.before = lambda asked: over.wait(BOUND) and None
    try:
        with pytest.raises(Unreachable, match=r"/v1/ready: no answer within 0\.05 s"):
            Remote(stub.url, timeout=0.05).ready()
    finally:
        over.set()


def test_what_tells_more_is_told_instead(stub: Stub) -> None:
    class Gone(Exception):
        pass

    def diagnose() -> None:
        raise Gone("the server has ended")

    stub.answer(Told(drops=True))
    with pytest.raises(Gone, match="the server has ended"):
        Remote(stub.url, diagnose=diagnose).ready()


def test_a_wait_holds_up_no_other_thread(stub: Stub, remote: Remote) -> None:
    asked_meanwhile = threading.Event()
    stub.answer({"reached": True, "summary": SUMMARY})
    stub.before = lambda asked: None if asked.target != "/v1/wait" else _expect(asked_meanwhile)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(remote.wait, {"messages": 1}, BOUND)
        remote.ready()
        asked_meanwhile.set()
        assert waiting.result(BOUND)["reached"]


def _expect(event: threading.Event) -> None:
    assert event.wait(BOUND)


def test_many_threads_share_it(stub: Stub, remote: Remote) -> None:
    stub.answer({"state": "start"})
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: remote.state(), range(100))) == ["start"] * 100
    assert len(remote._connections.idle) <= 4


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_opens_a_connection_of_its_own(stub: Stub, remote: Remote) -> None:
    remote.ready()
    child = os.fork()
    if not child:
        try:
            remote.ready()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    remote.ready()
    assert [each.connection for each in stub.asked] == [1, 2, 1]


def test_it_can_be_used_after_close(stub: Stub, remote: Remote) -> None:
    remote.ready()
    remote.close()
    remote.ready()
    assert [each.connection for each in stub.asked] == [1, 2]


def test_one_that_is_forgotten_leaves_no_socket_open(stub: Stub) -> None:
    remote = Remote(stub.url)
    remote.ready()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del remote
        gc.collect()
    port = stub.url.rpartition(":")[2]  # other tests may have left sockets, too
    assert [each for each in caught if each.category is ResourceWarning and port in str(each.message)] == []


def test_it_cannot_be_pickled_and_says_what_to_do(remote: Remote) -> None:
    with pytest.raises(TypeError, match="hand over its url, and make another one there"):
        pickle.dumps(remote)
    assert repr(remote) == f"<Remote {remote.url}>"
