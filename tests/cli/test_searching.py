"""Scenarios found by what is shown or said in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakesmtp.cli.searching import Saying, sayings
from fakesmtp.cli.status import Status
from fakesmtp.scenario import reader
from fakesmtp.verdict.normalising import fold

from .running import plain, run

LOG: str = (
    "postfix/smtp[123]: ABC: to=<joe@corp.example>, status=bounced (host mx[192.0.2.1] said: 550 5.1.1"
    " <joe@corp.example>: Recipient address rejected: User unknown in local recipient table (in reply to RCPT TO))"
)


@pytest.mark.parametrize(
    ("text", "message", "fits"),
    [
        ("550 5.7.1 <{rcpt}>: relaying denied", "Relaying Denied", True),
        ("550 5.7.1 <{rcpt}>: relaying denied", "5.7.1", True),
        ("550 5.7.1 <{rcpt}>: relaying denied", "554: <al@example.test>: relaying denied (RCPT)", True),
        ("550 5.7.1 <{rcpt}>: relaying denied", "<al@example.test> was not found", False),
        ("550 5.7.1 Relaying denied by {host}", "relaying was denied by you", False),
        ("250 OK", "all is OK", False),
        ("550 5.1.1 User unknown", "the user is unknown", False),
        ("サーバーがメールを拒否しました。", "ｻｰﾊﾞｰがメールを拒否しました", True),
    ],
)
def test_what_fits(text: str, message: str, fits: bool) -> None:
    assert bool(Saying(text, "the server").answers(fold(message))) is fits


def test_the_longest_piece_of_a_message_is_the_best() -> None:
    short, long = Saying("550 5.1.1 User unknown", "a"), Saying("550 5.1.1 <{rcpt}>: Recipient address rejected", "b")
    assert 1 < short.answers(fold(LOG)) < long.answers(fold(LOG))


def test_a_refusal_is_said_in_its_own_persona_first_and_then_in_all_others() -> None:
    scenario = reader.read("persona: postfix\nrules: [{at: rcpt, refuse: unknown-user}]", "it.yaml").require()
    speakers = list(dict.fromkeys(each.speaker for each in sayings(scenario)))
    assert speakers[0] == "the server"
    assert "with --persona sendmail" in speakers
    assert "with --persona postfix" not in speakers


@pytest.mark.usefixtures("project")
class TestListing:
    def test_by_the_message_of_a_document(self) -> None:
        assert run("list", "--message", "cannot accept the DATA").stdout == (
            "put-off  deferred  Strangers are put off for ten minutes"
            "  acronis-vmprotect: The server cannot accept the DATA command.\n"
        )

    def test_by_a_reply(self) -> None:
        told = plain(run("list", "--message", "450 4.7.1", "--color", "always").stdout)
        assert told == (
            "scenarios/rcpt (yours)\n"
            "  put-off  deferred     Strangers are put off for ten minutes\n"
            "                        the server: 450 4.7.1 Come back later\n"
        )

    def test_by_a_line_of_a_log(self) -> None:
        Path("scenarios/unknown.yaml").write_text("rules: [{at: rcpt, refuse: unknown-user}]\n")
        (found,) = json.loads(run("list", "--message", LOG, "--json").stdout)
        assert (found["name"], found["speaker"]) == ("unknown", "with --persona postfix")
        assert found["message"] == (
            "550 5.1.1 <{rcpt}>: Recipient address rejected: User unknown in local recipient table"
        )

    def test_among_those_that_are_asked_for(self) -> None:
        assert run("list", "--tag", "mail", "--message", "Come back later").status == Status.INVALID

    def test_a_broken_file_is_passed_over(self) -> None:
        Path("scenarios/broken.yaml").write_text("rules: 7\n")
        assert len(run("list", "--message", "Come back").stdout.splitlines()) == 1

    @pytest.mark.parametrize("message", ["blue moon", "", " "])
    def test_says_what_else_to_try_if_nobody_says_it(self, message: str) -> None:
        result = run("list", "--message", message)
        assert (result.status, result.stdout) == (Status.INVALID, "")
        assert result.stderr == (
            f"fakesmtp: no scenario has a message like {message!r}: try a shorter piece of it, its reply code"
            " (`fakesmtp list 552`), or what happened (`fakesmtp list --tag timeout`)\n"
        )

    def test_programs_get_an_empty_list(self) -> None:
        assert run("list", "--message", "blue moon", "--json").stdout == "[]\n"


def test_every_documented_message_leads_to_its_scenario() -> None:
    from fakesmtp.scenario import library

    entries = [each for each in library.every() if each.documents]
    for entry in entries:
        scenario = library.load(str(entry.path))
        for documented in scenario.documents:
            for text in documented.message.values():
                assert any(each.answers(fold(text)) for each in sayings(scenario)), (entry.name, text)
