"""What a failed assertion says, to the letter."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

import pytest

from fakesmtp.scenario.model import Scenario
from fakesmtp.testing import FakeSMTP, Handle, ListeningSMTP, Message, Received, Session, Verification, assertions
from fakesmtp.testing.received import Event
from fakesmtp.testing.verification import claim_of

TIME = "2026-11-21T10:05:00.000000+09:00"
READY = {
    "scenario": "greylisting",
    "host": "mail.invalid",
    "port": 2525,
    "address": "mail.invalid:2525",
    "listeners": {
        "smtps": {"host": "::1", "port": 465, "tls": "implicit", "state": "open"},
        "smtp": {"host": "127.0.0.1", "port": 2525, "tls": "starttls", "state": "closed"},
    },
    "dns": {"host": "127.0.0.1", "port": 53},
    "pop3": None,
    "ca": "/tmp/ca.pem",
    "seed": 7,
    "control": "http://127.0.0.1:8025",
}


class Recorded(Handle):
    """A server that has seen this, and judges so."""

    def __init__(self, *events: Event, judged: Mapping[str, Any] | None = None) -> None:
        self._events, self._judged = list(events), judged or {}
        self.claims: list[dict[str, Any]] = []

    @property
    def ready(self) -> Mapping[str, Any]:
        return READY

    @property
    def events(self) -> list[Event]:
        return self._events

    @property
    def messages(self) -> Received[Message]:
        return Received()

    @property
    def transcript(self) -> str:
        return "".join(f"{event['text']}\n" for event in self._events)

    state = "start"

    def advance(self, by: str | float) -> float:
        raise NotImplementedError

    def cut(self, session: int | Session, how: str = "rst") -> None:
        raise NotImplementedError

    def verify(self, **claim: Any) -> Verification:
        self.claims.append(claim)
        return Verification(self._judged)

    def _judge(self, claim: Mapping[str, Any]) -> Mapping[str, Any]:
        raise NotImplementedError

    def _played(self) -> Scenario:
        raise NotImplementedError


def command(text: str, session: int = 1) -> Event:
    return {"kind": "command", "session": session, "elapsed": 0.0125, "text": text, "time": TIME}


HANDLE = Recorded(
    command("EHLO client"),
    {"kind": "reply", "session": 1, "elapsed": 0.02, "text": "250 mx", "time": TIME},
    command("MAIL FROM:<a@example.test> SIZE=26"),
    command("RCPT TO:<bob@example.test>"),
    command("RCPT TO:<carol@example.test>"),
    command("QUIT", 2),
)
TRANSCRIPT = """
EHLO client
250 mx
MAIL FROM:<a@example.test> SIZE=26
RCPT TO:<bob@example.test>
RCPT TO:<carol@example.test>
QUIT"""


def complaint(handle: Handle, glob: str, **more: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        handle.assert_command(glob, **more)
    return str(caught.value)


# ---------------------------------------------------------------------- where it is


def test_where_the_server_is() -> None:
    assert (HANDLE.host, HANDLE.port, HANDLE.address) == ("mail.invalid", 2525, "mail.invalid:2525")
    assert (HANDLE.name, HANDLE.seed, HANDLE.ca) == ("greylisting", 7, "/tmp/ca.pem")
    assert HANDLE.url == "smtps://mail.invalid:2525"
    assert HANDLE.control_url == "http://127.0.0.1:8025"
    assert HANDLE.dns == {"host": "127.0.0.1", "port": 53}
    assert HANDLE.pop3 is None


def test_its_listeners() -> None:
    smtps, smtp = HANDLE.listeners.values()
    assert (smtps.name, smtps.address, smtps.url) == ("smtps", "[::1]:465", "smtps://[::1]:465")
    assert (smtp.url, smtp.tls, smtp.state) == ("smtp://127.0.0.1:2525", "starttls", "closed")


# ---------------------------------------------------------------------- commands


@pytest.mark.parametrize(
    "glob",
    [
        "QUIT",
        "quit",
        "MAIL",
        "MAIL FROM:<a@*>",
        "mail from:<?@example.test> size=26",
        "*carol*",
        "RCPT TO:<*>",
        " QUIT ",
    ],
)
def test_a_command_that_was_sent(glob: str) -> None:
    HANDLE.assert_command(glob)


@pytest.mark.parametrize("glob", ["MAI", "FROM", "EHLO cli", "[Q]UIT"])
def test_a_glob_describes_the_command_from_its_beginning_up_to_a_blank(glob: str) -> None:
    HANDLE.assert_command(glob, never=True)


def test_so_often_and_only_in_one_session() -> None:
    HANDLE.assert_command("RCPT", times=2)
    HANDLE.assert_command("*", times=5)
    HANDLE.assert_command("AUTH", times=0)
    HANDLE.assert_command("QUIT", session=2)
    HANDLE.assert_command("QUIT", never=True, session=Session(1, ()))


def test_a_command_that_was_not_sent_and_the_nearest_ones() -> None:
    assert complaint(HANDLE, "RCPT TO:<bub@*>") == (
        "expected a command 'RCPT TO:<bub@*>', but none of 5 commands matches\n"
        "the nearest:\n"
        "  session 1, 0.013 s: RCPT TO:<bob@example.test>\n"
        "  session 1, 0.013 s: RCPT TO:<carol@example.test>\n" + TRANSCRIPT
    )


def test_a_command_that_nothing_is_like() -> None:
    assert complaint(HANDLE, "X-UNHEARD-OF") == (
        "expected a command 'X-UNHEARD-OF', but none of 5 commands matches\n" + TRANSCRIPT
    )


def test_a_command_that_was_sent_elsewhere() -> None:
    assert complaint(HANDLE, "MAIL", session=2).startswith(
        "expected a command 'MAIL' in session 2, but the only command does not match\n\nEHLO"
    )


def test_a_client_that_has_sent_nothing() -> None:
    assert complaint(Recorded(), "MAIL", times=1) == (
        "expected 1 command 'MAIL', but the client has sent no command\n\n(nobody has connected)"
    )


def test_another_number_of_commands() -> None:
    assert complaint(HANDLE, "RCPT", times=3) == (
        "expected 3 commands 'RCPT', but 2 match:\n"
        "  session 1, 0.013 s: RCPT TO:<bob@example.test>\n"
        "  session 1, 0.013 s: RCPT TO:<carol@example.test>\n" + TRANSCRIPT
    )


@pytest.mark.parametrize("more", [{"never": True}, {"times": 0}])
def test_a_command_that_was_not_to_be_sent(more: dict[str, Any]) -> None:
    assert complaint(HANDLE, "quit", **more) == (
        "expected no command 'quit', but 1 matches:\n  session 2, 0.013 s: QUIT\n" + TRANSCRIPT
    )


@pytest.mark.parametrize(
    ("glob", "more", "told"),
    [
        (" ", {}, "the glob is empty"),
        ("x", {"never": True, "times": 1}, "contradict each other"),
        ("x", {"times": -1}, "times=-1: a number from 0"),
    ],
)
def test_questions_that_make_no_sense(glob: str, more: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        HANDLE.assert_command(glob, **more)


def test_a_long_transcript_is_cut_at_its_beginning() -> None:
    told = complaint(Recorded(*(command(f"NOOP {number}") for number in range(1500))), "QUIT").splitlines()
    assert told[:3] == [
        "expected a command 'QUIT', but none of 1500 commands matches",
        "",
        "(1,380 earlier lines: .transcript has them)",
    ]
    assert told[-1] == "NOOP 1499"
    assert len(told) == 123


# ---------------------------------------------------------------------- expectations, messages


def judged(*statuses: str) -> dict[str, Any]:
    expectations = [{"name": "messages", "status": status} for status in statuses]
    return {"passed": "failed" not in statuses, "expectations": expectations, "rendered": "x.yaml:3: no\n"}


def test_what_is_met_is_met() -> None:
    handle = Recorded(judged=judged("passed", "not-judged"))
    handle.assert_verified(status=1, output="no")
    assert handle.claims == [{"status": 1, "killed_by": 0, "hung": False, "output": "no"}]
    verification = handle.verify()
    assert verification
    assert verification.not_judged == [{"name": "messages", "status": "not-judged"}]
    assert verification.as_dict() == judged("passed", "not-judged")


def claim(**given: Any) -> dict[str, Any]:
    nothing = {"status": None, "killed_by": 0, "hung": False, "output": None, "asked": ()}
    return claim_of(**{**nothing, "product": None, "language": None, **given})


def test_what_is_known_of_the_client() -> None:
    assert claim(status=1, asked={"tls", "auth"}) == {
        "status": 1,
        "killed-by": 0,
        "hung": False,
        "output": None,
        "asked": ["auth", "tls"],
        "product": None,
        "language": None,
    }
    assert (claim(status=-9)["status"], claim(status=-9)["killed-by"]) == (137, 9)
    assert claim(output="x" * 300_000 + "end")["output"].endswith("xend")
    assert len(claim(output="x" * 300_000)["output"]) == 200_000


def test_what_is_not_met() -> None:
    handle = Recorded(judged=judged("failed", "passed"))
    with pytest.raises(AssertionError) as caught:
        handle.assert_verified()
    assert str(caught.value) == "the client has not done what scenario greylisting expects (seed 7)\n\nx.yaml:3: no"
    assert handle.verify().failed == [{"name": "messages", "status": "failed"}]


def test_a_client_that_shows_the_right_message() -> None:
    handle = Recorded(judged={"message": {"passed": True, "sentence": "yes"}})
    handle.assert_client_message("shown", product="curl", language="en", catalogues=["own.yaml"])
    assert handle.claims == [{"output": "shown", "product": "curl", "language": "en", "catalogues": ["own.yaml"]}]


@pytest.mark.parametrize("message", [{"sentence": "no", "rendered": "no\n\nexpected | shown\n"}, None])
def test_a_client_that_shows_another_message(message: dict[str, Any] | None) -> None:
    handle = Recorded(judged={"message": message and {**message, "passed": False}})
    with pytest.raises(AssertionError) as caught:
        handle.assert_client_message("shown")
    unknown = "nothing is known about what a client should say, so this cannot be judged:\nshown"
    assert str(caught.value) == ("no\n\nexpected | shown" if message else unknown)


# ---------------------------------------------------------------------- waiting


def summary(**counts: Any) -> dict[str, Any]:
    return {"messages": 0, "sessions": 0, "open-sessions": 0, "commands": {}, **counts}


@pytest.mark.parametrize(
    ("wanted", "counts", "told"),
    [
        (
            {"messages": 2},
            summary(messages=1, sessions=3, commands={"mail": 2, "quit": 1}, **{"open-sessions": 1}),
            "waited 0.5 s for 2 messages, but only 1 message, 3 sessions (2 over) and 3 commands came",
        ),
        (
            {"over": 2, "commands": 1},
            summary(),
            "waited 0.5 s for 2 sessions that are over and 1 command, "
            "but only 0 messages, 0 sessions (0 over) and 0 commands came",
        ),
    ],
)
def test_what_was_waited_for(wanted: dict[str, int], counts: dict[str, Any], told: str) -> None:
    assert assertions.tell_waited(wanted, 0.5, counts) == told


def test_without_a_word_one_message_is_waited_for() -> None:
    assert assertions.wanted_counts(None, None, None, None) == {"messages": 1}
    assert assertions.wanted_counts(None, 1, 0, None) == {"sessions": 1, "over": 0}
    with pytest.raises(ValueError, match="messages=-1: a number from 0"):
        assertions.wanted_counts(-1, None, None, None)


def test_kinds_of_handle_have_the_same_names() -> None:
    only_a_process = {"remote", "pid", "close", "start", "listen"}
    assert names_of(FakeSMTP) - only_a_process == names_of(ListeningSMTP) - {"server"}


@pytest.mark.parametrize("name", ["wait_for", "scenario", "verify", "cut", "advance", "reset", "stop"])
def test_what_they_are_asked_has_the_same_arguments(name: str) -> None:
    process, reactor = (signature(getattr(kind, name)).parameters for kind in (FakeSMTP, ListeningSMTP))
    assert [each for each in process if each != "ttl"] == list(reactor)


def names_of(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}
