"""The names of verdicts, what is right, and which of several holds."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from fakesmtp.journal.claim import Claim
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.tls.certificates import KINDS
from fakesmtp.verdict.case import Name
from fakesmtp.verdict.leaks import TRUSTWORTHY
from fakesmtp.verdict.verdict import VERDICTS, Verdict, give_verdict
from tests.clients.running import ROOT
from tests.server.wiring import make_scenario

from .talking import (
    CONTENT,
    DATA,
    HELLO,
    MAIL,
    QUIT,
    Event,
    event,
    exchange,
    greeted,
    in_tls,
    message,
    play,
    rcpt,
    sent,
    with_outcome,
)

SUCCESS = Claim(0, output="")
SILENT = Claim(1, output="")
TELLS = Claim(1, output="554 5.3.2 550 5.1.1 RCPT failed, timed out, connection closed, STARTTLS")
REFUSED = "replies: {rcpt: 550 5.1.1 no such mailbox here}"
LATER = "replies: {rcpt: 450 4.7.1 greylisted for now}"


def judge(text: str, claim: Claim, *said: bytes, **more: Any) -> Verdict:
    """The verdict on a client that has said this."""
    scenario, journal = play(text, *said)
    return give_verdict(scenario, journal, claim, **more)


# ---------------------------------------------------------------------- accepted or not, claimed or not


@pytest.mark.parametrize(
    ("text", "said", "claim", "name"),
    [
        ("", HELLO + message() + QUIT, SUCCESS, "delivered"),
        ("", HELLO + message() + QUIT, SILENT, "false-alarm"),
        ("", HELLO + message(), SILENT, "false-alarm"),
        ("replies: {quit: 500 no}", HELLO + message() + QUIT, TELLS, "false-alarm"),
        ("", HELLO + message() + message() + QUIT, SUCCESS, "duplicated"),
        (REFUSED, HELLO + message() + QUIT, TELLS, "reported"),
        (REFUSED, HELLO + message() + QUIT, SILENT, "unreported"),
        (REFUSED, HELLO + message() + QUIT, SUCCESS, "lost"),
        (REFUSED, HELLO + message() + QUIT, Claim(1), "reported"),
        (REFUSED, HELLO + message() + QUIT, Claim(), "unknown"),
        ("replies: {greeting: 554 5.3.2 no}", QUIT, SUCCESS, "lost"),
        ("replies: {mail: 550 5.1.1 no}", HELLO + MAIL + QUIT, SUCCESS, "lost"),
        ("replies: {data: 550 5.1.1 no}", HELLO + MAIL + rcpt("a") + DATA + QUIT, SUCCESS, "lost"),
        ("replies: {end-of-data: 550 5.1.1 no}", HELLO + message() + QUIT, SUCCESS, "lost"),
        ("replies: {end-of-data: 550 5.1.1 no}", HELLO + message() + QUIT, TELLS, "reported"),
        ("", HELLO + MAIL + rcpt("a") + QUIT, SUCCESS, "lost"),
        ("", b"", SUCCESS, "lost"),
        ("", b"", Claim(1, output="I gave up"), "reported"),
        ("", b"", SILENT, "unreported"),
    ],
)
def test_what_was_accepted_beside_what_is_claimed(text: str, said: bytes, claim: Claim, name: str) -> None:
    assert judge(text, claim, said).name == name


def test_nothing_connected() -> None:
    assert give_verdict(None, [], SUCCESS).name == "lost"
    assert give_verdict(None, [], TELLS).name == "reported"
    assert give_verdict(None, [], Claim(1, output="usage: client [options]")).name == "unreported"


@pytest.mark.parametrize(
    ("end", "claim", "name"),
    [
        ("[proceed, {close: rst}]", TELLS, "reported"),
        ("[proceed, {close: fin}]", SUCCESS, "lost"),
        ("[accept, {truncate: 2}, {close: fin}]", SUCCESS, "lost"),
        ("[accept, {truncate: 6}, {close: fin}]", SUCCESS, "delivered"),
        ("[accept, {truncate: 6}, {close: fin}]", TELLS, "reported"),
        ('[{send: "250-2.0.0 OK\\r\\n550 5.1.1 no\\r\\n"}, proceed]', SUCCESS, "delivered"),
        ('[{send: "250-2.0.0 OK\\r\\n550 5.1.1 no\\r\\n"}, proceed]', TELLS, "reported"),
    ],
)
def test_a_message_counts_as_accepted_when_the_client_was_told_so(end: str, claim: Claim, name: str) -> None:
    """What the server has taken without saying so is not accepted; a reply that can be read both ways excuses both."""
    text = f"rules: [{{at: end-of-data, do: {end}}}]"
    assert judge(text, claim, HELLO + message()).name == name


def test_a_reply_that_came_when_the_client_had_gone_excuses_both() -> None:
    journal = [*greeted(), *sent()[:-1], event("closed", text="", by="client", how="fin"), sent()[-1]]
    assert give_verdict(None, journal, SUCCESS).name == "delivered"
    assert give_verdict(None, journal, TELLS).name == "reported"


# ---------------------------------------------------------------------- several recipients, several tries

SOME = "rules: [{at: rcpt, when: {forward-path: second@*}, reply: 550 5.1.1 no such mailbox here}]"


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        (SUCCESS, "lost"),
        (Claim(0, output="sent to first@example.test, second@example.test"), "lost"),
        (Claim(0, output="second@example.test: 550"), "reported"),
        (Claim(0, output="second@example.test: no such mailbox here"), "reported"),
        (Claim(0), "lost"),
        (Claim(2, output="second@example.test: 550"), "reported"),
    ],
)
def test_some_recipients_are_refused(claim: Claim, name: str) -> None:
    assert judge(SOME, claim, HELLO + message("first", "second") + QUIT).name == name


def test_nothing_accepted_is_lost_whatever_is_printed() -> None:
    assert judge(REFUSED, Claim(0, output="550 5.1.1 no such mailbox here"), HELLO + message() + QUIT).name == "lost"


def test_one_of_two_refusals_is_not_named() -> None:
    two = """
    rules:
      - {at: rcpt, when: {forward-path: b@*}, reply: 550 no}
      - {at: rcpt, when: {forward-path: c@*}, reply: 452 no}
    """
    said = HELLO + message("a", "b", "c") + QUIT
    assert judge(two, Claim(0, output="b@example.test: 550"), said).name == "lost"
    assert judge(two, Claim(0, output="550 and 452"), said).name == "reported"


def test_the_last_try_counts() -> None:
    once = "rules: [{at: rcpt, times: 1, reply: 450 4.7.1 later}]"
    failed, tried_again = HELLO + MAIL + rcpt("recipient") + QUIT, HELLO + message() + QUIT
    assert judge(once, SUCCESS, failed, tried_again).name == "delivered"
    assert judge(once, SILENT, failed, tried_again).name == "false-alarm"
    second = "rules: [{at: rcpt, after: 1, reply: 450 4.7.1 later}]"
    other = b"\r\nanother\r\n.\r\n"
    assert judge(second, SUCCESS, tried_again, HELLO + message(content=other) + QUIT).name == "lost"
    assert judge(second, TELLS, tried_again, HELLO + message(content=other) + QUIT).name == "reported"


def test_a_refused_sender_is_made_good_by_a_later_message_of_his() -> None:
    once = "rules: [{at: mail, times: 1, reply: 450 4.7.1 later}]"
    failed, tried_again = HELLO + MAIL + QUIT, HELLO + message() + QUIT
    assert judge(once, SUCCESS, failed, tried_again).name == "delivered"
    other = b"EHLO x\r\nMAIL FROM:<other@example.test>\r\nQUIT\r\n"
    assert judge(once, SUCCESS, other, tried_again).name == "lost"


def test_a_session_that_fails_early_is_made_good_by_the_next() -> None:
    once = "rules: [{at: greeting, times: 1, reply: 421 4.3.2 later}]"
    assert judge(once, SUCCESS, QUIT, HELLO + message() + QUIT).name == "delivered"
    assert judge(once, SILENT, QUIT, HELLO + message() + QUIT).name == "false-alarm"
    second = "rules: [{at: greeting, after: 1, reply: 421 4.3.2 later}]"
    assert judge(second, SILENT, HELLO + message() + QUIT, QUIT).name == "unreported"


def test_lmtp_answers_for_each_recipient() -> None:
    text = "listeners: {lmtp: {}}\n" + SOME.replace("rcpt", "end-of-data")
    said = b"LHLO client.example.test\r\n" + message("first", "second", "third") + QUIT
    verdict = judge(text, SUCCESS, said)
    assert verdict.name == "lost"
    assert "second@example.test" in verdict.sentence and "first@example.test" not in verdict.sentence
    assert judge(text.replace("second@*", "nobody@*"), SUCCESS, said).name == "delivered"


def test_chunks() -> None:
    text = "capabilities: {CHUNKING: true}\nrules: [{at: bdat, after: %d, reply: 554 5.6.0 no chunk}]"
    said = HELLO + MAIL + rcpt("a") + b"BDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\n" + QUIT
    assert judge(text % 9, SUCCESS, said).name == "delivered"
    assert judge(text % 1, SUCCESS, said).name == "lost"
    assert judge(text % 0, Claim(1, output="BDAT: 554"), said).name == "reported"


def test_a_message_that_is_refused_in_the_middle() -> None:
    text = "rules: [{at: content, when: {size: {over: 10}}, reply: 552 5.3.4 too large}]"
    said = HELLO + message(content=b"x\r\n" * 200 + b".\r\n") + QUIT
    assert judge(text, SUCCESS, said).name == "lost"
    assert judge(text, Claim(1, output="552"), said).name == "reported"


# ---------------------------------------------------------------------- how it ended


@pytest.mark.parametrize(
    ("claim", "name", "word"),
    [
        (Claim(139, 11, output=""), "crashed", "SIGSEGV"),
        (Claim(134, output=""), "crashed", "SIGABRT"),
        (Claim(141), "crashed", "SIGPIPE"),
        (Claim(137, 9, hung=True), "hung", "did not end"),
        (Claim(None, hung=True), "hung", "550 5.1.1"),
        (Claim(165, 37), "crashed", "37"),
    ],
)
def test_a_client_that_does_not_end_by_itself(claim: Claim, name: str, word: str) -> None:
    verdict = judge(REFUSED, claim, HELLO + MAIL + rcpt("a"))
    assert (verdict.name, verdict.right) == (name, False)
    assert word in verdict.sentence


def test_a_high_status_is_no_signal() -> None:
    assert judge(REFUSED, Claim(255, output="RCPT failed"), HELLO + MAIL + rcpt("a")).name == "reported"


def test_a_client_that_hangs_before_and_after_its_first_word() -> None:
    assert "never connected" in give_verdict(None, [], Claim(hung=True)).sentence
    assert "at quit" in judge("", Claim(hung=True), HELLO + message() + QUIT).sentence


# ---------------------------------------------------------------------- leaks

CREDENTIALS = exchange("auth", "AUTH PLAIN ***", "235 2.7.0 welcome")


@pytest.mark.parametrize(
    ("journal", "outcome", "asked", "leaks"),
    [
        ([*greeted(), *sent()], None, set(), False),
        ([*greeted(), *sent()], None, {"tls"}, True),
        ([*greeted(), *sent()], "insecure", set(), True),
        ([*greeted(), *CREDENTIALS], None, {"tls"}, True),
        ([*greeted(), *exchange("mail", "MAIL FROM:<a@b>", "530 5.7.0 TLS first")], None, {"tls"}, True),
        ([*greeted(), *exchange("auth", "AUTH LOGIN", "502 5.5.1 no")], None, {"tls"}, False),
        (
            [*greeted(), *exchange("auth", "AUTH LOGIN", "334 x"), event("command", "auth-line", "***")],
            None,
            {"tls"},
            True,
        ),
        ([*greeted(), *in_tls(), *CREDENTIALS, *sent()], "delivered", {"tls"}, False),
        ([*greeted(), *in_tls(), *CREDENTIALS, *sent()], "insecure", set(), True),
        ([*greeted(), *in_tls("expired"), *sent()], None, set(), False),
        ([*greeted(), *in_tls("expired"), *sent()], None, {"tls"}, True),
        ([*greeted(), *in_tls("expired"), *CREDENTIALS], "insecure", set(), True),
        ([*greeted(), *in_tls("expired"), *exchange("quit", "QUIT", "221 bye")], "insecure", {"tls"}, False),
        ([*in_tls("expired")[2:], *sent()], None, set(), True),
        ([*greeted(), *sent()], None, {"auth"}, True),
        ([*greeted(), *CREDENTIALS, *sent()], None, {"auth"}, False),
        ([*greeted(), *exchange("auth", "AUTH PLAIN ***", "535 5.7.8 no"), *sent()], None, {"auth"}, True),
        ([*greeted(), *exchange("mail", "MAIL FROM:<a@b>", "530 5.7.0 login first")], None, {"auth"}, False),
    ],
)
def test_what_should_not_have_been_sent(
    journal: list[Event], outcome: str | None, asked: set[str], leaks: bool
) -> None:
    verdict = give_verdict(with_outcome(outcome), journal, SUCCESS, asked=asked)
    assert (verdict.name == "leaked") is leaks, verdict.render()
    assert not (leaks and verdict.right)


def test_the_sentence_says_what_went_where() -> None:
    verdict = give_verdict(None, [*greeted(), *CREDENTIALS, *sent()], SUCCESS, asked={"tls"})
    assert verdict.sentence == (
        "credentials were sent in the clear, although TLS was demanded (session 1); "
        "mail went in the clear, although TLS was demanded (session 1)"
    )
    assert [each.name for each in verdict.also] == ["delivered"]


def test_every_kind_of_certificate_is_good_or_bad() -> None:
    assert KINDS.keys() >= TRUSTWORTHY
    for kind in KINDS.keys() - TRUSTWORTHY:
        verdict = give_verdict(None, [*greeted(), *in_tls(kind), *sent()], SUCCESS, asked={"tls"})
        assert kind in verdict.sentence


# ---------------------------------------------------------------------- duplicates

NO_ID = b"Subject: report\r\n\r\nThe backup has finished.\r\n.\r\n"
REPLY_LOST = "rules: [{at: end-of-data, times: 1, do: [proceed, {close: rst}]}]"


def test_a_message_that_is_sent_again_after_success() -> None:
    verdict = judge("", SUCCESS, HELLO + message() + QUIT, HELLO + message() + QUIT)
    assert (verdict.name, verdict.right) == ("duplicated", False)
    assert "<recipient@example.test> 2 times" in verdict.sentence


def test_a_message_whose_reply_was_lost_is_rightly_sent_again() -> None:
    verdict = judge(REPLY_LOST, SUCCESS, HELLO + message(), HELLO + message() + QUIT)
    assert (verdict.name, verdict.right) == ("duplicated", True)
    assert [each.name for each in verdict.also] == ["delivered"]
    refused = judge("outcome: refused\n" + REPLY_LOST, SUCCESS, HELLO + message(), HELLO + message() + QUIT)
    assert not refused.right


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (message(content=NO_ID), message(content=NO_ID), "duplicated"),
        (message(content=NO_ID), message(content=NO_ID.replace(b"finished", b"failed")), "delivered"),
        (message("first"), message("second"), "delivered"),
        (message("first", "second"), message("second", "third"), "duplicated"),
        (message(content=CONTENT), message(content=CONTENT.replace(b"<1@", b"<2@")), "delivered"),
    ],
)
def test_what_is_the_same_message(first: bytes, second: bytes, name: str) -> None:
    assert judge("", SUCCESS, HELLO + first + second + QUIT).name == name


def test_the_same_content_is_known_to_a_live_journal_alone() -> None:
    scenario, journal = play("", HELLO + message(content=NO_ID) + message(content=NO_ID) + QUIT)
    assert give_verdict(scenario, map(as_dict, journal), SUCCESS).name == "delivered"
    scenario, journal = play("", HELLO + message() + message() + QUIT)
    assert give_verdict(scenario, map(as_dict, journal), SUCCESS).name == "duplicated"


def test_what_the_server_delivers_twice_is_not_the_clients_fault() -> None:
    text = "rules: [{at: end-of-data, do: redeliver}]"
    assert judge(text, SUCCESS, HELLO + message() + QUIT).name == "delivered"


# ---------------------------------------------------------------------- which of several


def test_the_order_of_precedence_is_the_order_in_which_they_are_named() -> None:
    assert set(VERDICTS) == set(get_args(Name))
    assert list(VERDICTS) == [
        *("leaked", "hung", "crashed", "lost", "duplicated", "false-alarm"),
        *("unreported", "reported", "delivered", "unknown"),
    ]


@pytest.mark.parametrize(
    ("claim", "names"),
    [
        (SUCCESS, ["leaked", "lost", "duplicated"]),
        (Claim(139, 11), ["leaked", "crashed", "duplicated"]),
        (Claim(hung=True), ["leaked", "hung", "duplicated"]),
        (Claim(1, output="550"), ["leaked", "duplicated", "reported"]),
        (Claim(), ["leaked", "duplicated"]),
    ],
)
def test_what_holds_besides_is_told_too(claim: Claim, names: list[str]) -> None:
    said = HELLO + message("first", "second") + message("first") + QUIT
    verdict = judge(SOME, claim, said, asked={"tls"})
    assert [verdict.name, *(each.name for each in verdict.also)] == names
    assert all(f"also {name}: " in verdict.render() for name in names[1:])


# ---------------------------------------------------------------------- what is right

RIGHT = {
    "delivered": {"delivered"},
    "refused": {"reported", "unreported"},
    "deferred": {"reported", "unreported"},
    "unreachable": {"reported", "unreported"},
    "insecure": {"reported", "unreported"},
    None: {"delivered", "reported", "unreported"},
}


@pytest.mark.parametrize("outcome", RIGHT)
@pytest.mark.parametrize(
    ("journal", "claim"),
    [
        ([*greeted(), *in_tls(), *sent()], SUCCESS),
        ([*greeted(), *in_tls(), *sent()], SILENT),
        ([*greeted(), *exchange("mail", "MAIL FROM:<a@b>", "550 5.1.1 no")], TELLS),
        ([*greeted("STARTTLS")], TELLS),
        ([*greeted("STARTTLS")], SILENT),
        ([*greeted()], SUCCESS),
        ([*greeted()], Claim()),
    ],
)
def test_the_outcome_decides_what_is_right(outcome: str | None, journal: list[Event], claim: Claim) -> None:
    verdict = give_verdict(with_outcome(outcome), journal, claim)
    assert verdict.right is (verdict.name in RIGHT[outcome]), verdict.render()
    assert verdict.weak is (verdict.right and verdict.name == "unreported")
    assert verdict.outcome == outcome


def test_a_success_that_should_not_have_been_possible_says_so() -> None:
    verdict = judge("outcome: refused", SUCCESS, HELLO + message() + QUIT)
    assert (verdict.name, verdict.right) == ("delivered", False)
    assert verdict.sentence.endswith("the scenario's outcome is refused, and that did not come about")


def test_to_fail_without_having_connected_is_right_only_where_that_is_the_failure() -> None:
    assert not give_verdict(with_outcome("refused"), [], TELLS).right
    assert give_verdict(with_outcome("unreachable"), [], TELLS).right
    asked = [event("pop3", text="-ERR", session=None)]
    assert give_verdict(with_outcome("refused"), asked, TELLS).right


def test_a_success_that_names_a_refusal_is_wrong_where_failure_is_demanded() -> None:
    verdict = judge("outcome: refused\n" + SOME, Claim(0, output="550"), HELLO + message("first", "second") + QUIT)
    assert (verdict.name, verdict.right) == ("reported", False)


@pytest.mark.parametrize(
    ("offers", "asked", "right"),
    [
        ((), {"tls"}, True),
        (("STARTTLS",), {"tls"}, False),
        ((), {"auth"}, True),
        (("AUTH PLAIN",), {"auth"}, False),
        (("AUTH PLAIN",), {"auth", "tls"}, True),
        ((), set(), False),
    ],
)
def test_who_gets_not_what_it_was_asked_to_use_is_right_to_fail(
    offers: tuple[str, ...], asked: set[str], right: bool
) -> None:
    verdict = give_verdict(with_outcome("delivered"), greeted(*offers), Claim(1, output="I gave up"), asked=asked)
    assert verdict.right is right


# ---------------------------------------------------------------------- what is documented

DOCUMENTED = """
outcome: refused
documents: [{document: a, case: b, message: {ja: "サーバーが拒否しました。", en: It did not work.}}]
replies: {rcpt: 550 5.1.1 no such mailbox here}
"""


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("エラー:\nサーバーが拒否しました。\n", "reported"),
        ("ｻｰﾊﾞｰが 拒否しました｡", "reported"),
        ("it did  not work.", "reported"),
        ("It works.", "unreported"),
    ],
)
def test_the_products_own_message_names_the_failure(output: str, name: str) -> None:
    verdict = judge(DOCUMENTED, Claim(1, output=output), HELLO + message() + QUIT)
    assert (verdict.name, verdict.right) == (name, True)


# ---------------------------------------------------------------------- forms


def test_for_programs() -> None:
    verdict = judge("outcome: refused\n" + REFUSED, TELLS, HELLO + message() + QUIT)
    told = verdict.as_dict()
    assert told.pop("telling") == verdict.telling.as_dict()
    assert told == {
        "name": "reported",
        "right": True,
        "weak": False,
        "sentence": "RCPT <recipient@example.test> was answered '550 5.1.1 no such mailbox here' (session 1), "
        "and the client claims failure (status 1)",
        "outcome": "refused",
        "also": [],
    }


def test_for_people() -> None:
    verdict = judge("outcome: refused\n" + REFUSED, Claim(0, output="sent"), HELLO + message() + QUIT)
    assert verdict.render() == (
        "lost: the client claims success, but no message was accepted: RCPT <recipient@example.test> was answered "
        "'550 5.1.1 no such mailbox here' (session 1)\n"
        "its message: 0 of 5: does not tell stage (rcpt), code (550), enhanced (5.1.1), text (no such mailbox here), "
        "address (recipient@example.test)"
    )
    assert judge("", SUCCESS, HELLO + message() + QUIT).render() == (
        "delivered: the message for <recipient@example.test> was accepted, and the client claims success"
    )


def test_a_sentence_stays_short() -> None:
    names = [f"r{number}" for number in range(50)]
    text = "rules: [{at: rcpt, when: {forward-path: {not: r7@*}}, reply: 550 5.1.1 no}]"
    verdict = judge(text, SUCCESS, HELLO + message(*names) + QUIT)
    assert verdict.sentence.endswith("(session 1); and 46 more")
    accepted = judge("", SUCCESS, HELLO + message(*names) + QUIT)
    assert "<r0@example.test>, <r1@example.test>, <r2@example.test>, and 47 more was accepted" in accepted.sentence


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="asked for tls or auth, not for ssl"):
        give_verdict(make_scenario(), [], SUCCESS, asked={"ssl"})


def test_a_journal_gives_the_same_verdict_live_and_written() -> None:
    scenario, journal = play(SOME, HELLO + message("first", "second") + QUIT)
    for claim in (SUCCESS, TELLS, SILENT, Claim(hung=True)):
        live = give_verdict(scenario, journal, claim, asked={"auth"})
        assert give_verdict(scenario, [as_dict(entry) for entry in journal], claim, asked={"auth"}) == live


def test_the_documentation_names_them_all_in_their_order() -> None:
    rows = (ROOT / "docs" / "verdicts.md").read_text("utf-8").splitlines()
    named = [(cells[1].strip(" `"), cells[2].strip()) for row in rows if len(cells := row.split("|")) == 5]
    assert [each for each in named if each[0] in VERDICTS] == list(VERDICTS.items())
