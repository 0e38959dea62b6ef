"""Expectations that count, and what every failure says."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakesmtp.journal import Journal
from fakesmtp.journal.claim import Claim
from fakesmtp.journal.ndjson import NdjsonFile, read_ndjson
from fakesmtp.journal.verify import verify
from fakesmtp.scenario.model import Expectation, Scenario

from .driving import MOMENT, Clock
from .playing import MAIL, MESSAGE, WHOLE, Played, status

OVER_QUOTA = """\
summary: Carol's mailbox is full
rules:
  - {name: over-quota, at: rcpt, when: {forward-path: "carol@*"}, reply: 552 5.2.2 Mailbox full}
expect:
  - messages: 0
  - sessions: 1
  - exit-status: failure
"""


def test_a_failure_in_full() -> None:
    played = Played(OVER_QUOTA, "over-quota.yaml")
    played.connect(*WHOLE).lose()
    verification = played.verify()
    assert not verification.passed
    assert (
        verification.render()
        == """\
over-quota.yaml:5: expectation failed: messages
    expected  no message
    happened  1 message
              message 00001001: delivered in session 1 at 10:05:00.128, from <alice@example.test> for <bob@example.test>
    rules     no rule matched RCPT TO:<bob@example.test> in session 1; nearest: over-quota (over-quota.yaml:3), \
whose forward-path was bob@example.test, not carol@*

    session 1, 127.0.0.1:40000 at smtp, scenario over-quota, 2026-11-21 10:05:00 +0900
          …  (6 entries)
        0.003  S: 250 2.1.5 Recipient OK
        0.004  C: DATA
        0.004  S: 354 Start mail input; end with <CRLF>.<CRLF>
        0.005  C: (48 octets of mail data)
      > 0.005  -- message 00001001: delivered, <alice@example.test> for <bob@example.test>, 48 octets, subject 'hello'
        0.005  S: 250 2.0.0 OK: queued as 00001001
        0.006  C: QUIT
          …  (3 entries)

over-quota.yaml:7: not judged: exit-status: the client's exit status is not known here: exec knows it, or whoever asks \
tells it

1 of 3 expectations failed, 1 not judged
"""
    )


def test_the_rule_that_acted_is_named_in_place_of_a_near_miss() -> None:
    played = Played(OVER_QUOTA.replace("messages: 0", "messages: 1"), "over-quota.yaml")
    played.connect(b"EHLO client", MAIL[0], b"RCPT TO:<carol@example.test>", b"QUIT").lose()
    failed, *_ = played.verify(claim=Claim(status=0)).failed
    assert (
        failed.render()
        == """\
over-quota.yaml:5: expectation failed: messages
    expected  exactly 1 message
    happened  no message; the last refusal was 552 5.2.2 Mailbox full, by over-quota (over-quota.yaml:3) at rcpt \
in session 1

    session 1, 127.0.0.1:40000 at smtp, scenario over-quota, 2026-11-21 10:05:00 +0900
          …  (2 entries)
        0.001  S: 250 mx.example.test
        0.002  C: MAIL FROM:<alice@example.test>
        0.002  S: 250 2.1.0 Sender OK
        0.003  C: RCPT TO:<carol@example.test>
      > 0.003  S: 552 5.2.2 Mailbox full          # over-quota (over-quota.yaml:3)
        0.004  C: QUIT
        0.004  S: 221 2.0.0 mx.example.test Service closing transmission channel
          …  (2 entries)"""
    )


def test_what_it_says_when_all_is_well() -> None:
    played = Played("expect: [{messages: 1}, {sessions: {at-most: 2}}]")
    played.connect(*WHOLE).lose()
    verification = played.verify()
    assert verification.passed and verification.render() == "2 of 2 expectations met\n"
    assert [each.happened for each in verification.judged] == [
        "1 message\nmessage 00001001: delivered in session 1 at 10:05:00.128, from <alice@example.test> for "
        "<bob@example.test>",
        "1 session\nsession 1 at 10:05:00.123: 127.0.0.1:40000",
    ]


def test_nothing_is_expected() -> None:
    verification = Played("{}").verify()
    assert verification.passed and verification.render() == "" and verification.judged == ()


def test_as_json() -> None:
    played = Played("expect:\n  - messages: 0", "dir/x.yaml")
    played.connect(*WHOLE).lose()
    told = played.verify(misses=()).as_dict()
    (judged,) = told["expectations"]
    assert (told["passed"], told["sentence"]) == (False, "1 of 1 expectation failed")
    assert told["rendered"].startswith("dir/x.yaml:2: expectation failed: messages\n")
    assert judged.pop("excerpt").startswith("session 1, 127.0.0.1:40000")
    assert judged.pop("happened").startswith("1 message\n")
    assert judged == {
        "name": "messages",
        "place": {"file": "dir/x.yaml", "line": 2, "column": 5},
        "status": "failed",
        "expected": "no message",
        "nearest": "",
    }


def test_a_recorded_journal_is_judged_like_a_live_one(tmp_path: Path) -> None:
    played = Played("expect: [{messages: 0}, {tls: true}, {quit: true}, {retries: {at-least: 1}}]")
    file = NdjsonFile(tmp_path / "run.ndjson")
    played.journal.subscribe(file)
    played.connect(*WHOLE).lose()
    file.close()
    assert played.verify(read_ndjson(tmp_path / "run.ndjson")).render() == played.verify().render()


def test_an_expectation_that_nobody_has_read_is_not_judged() -> None:
    (judged,) = verify(Scenario("x", expect=(Expectation("quit", True),)), []).judged
    assert (judged.status, judged.happened) == ("not-judged", "it was not read from a scenario file")


# ---------------------------------------------------------------------- several scenarios, and lost entries


def test_sessions_of_other_scenarios_are_passed_over() -> None:
    clock = Clock()
    journal = Journal(clock=clock, now=lambda: MOMENT)
    ours = Played("expect: {messages: 1}", "ours.yaml", journal=journal)
    theirs = Played("expect: {messages: 2}", "theirs.yaml", journal=journal)
    ours.connect(*WHOLE).lose()
    theirs.connect(b"EHLO client", *MESSAGE, *MESSAGE, b"QUIT", number=2).lose()
    assert (ours.judge().status, theirs.judge().status) == ("passed", "passed")


def test_where_entries_were_dropped_only_what_is_certain_is_judged() -> None:
    expected = "[{messages: 0}, {messages: {at-least: 1}}, {messages: 1}, {commands: {never: AUTH}}, {quit: true}]"
    played = Played(f"expect: {expected}")
    played.connect(*WHOLE).lose()
    judged = played.verify(dropped=12_345).judged
    assert [each.status for each in judged] == ["failed", "passed", "not-judged", "not-judged", "not-judged"]
    assert judged[3].happened == "no command, and the journal has dropped 12,345 entries"


def test_a_session_without_its_beginning_is_not_whole() -> None:
    played = Played("expect: [{commands: {never: AUTH}}, {commands: {never: MAIL}}, {tls: true}]")
    played.connect(*WHOLE).lose()
    without = [entry for entry in played.journal if entry.kind != "connected"]
    judged = played.verify(without).judged
    assert [each.status for each in judged] == ["not-judged", "failed", "not-judged"]
    assert judged[0].happened == "no command, and the journal does not have the beginning of session 1"


def test_the_journals_own_bound_is_such_a_loss() -> None:
    played = Played("expect: {sessions: 30}", most_events=40)
    for _ in range(30):
        played.connect(b"QUIT").lose()
    assert played.journal.dropped
    assert played.judge(dropped=played.journal.dropped).status == "not-judged"


# ---------------------------------------------------------------------- sessions, messages


@pytest.mark.parametrize(
    ("text", "sessions", "expected"),
    [
        ("{sessions: 0}", 0, "passed"),
        ("{sessions: 0}", 1, "failed"),
        ("{sessions: {at-least: 1, at-most: 2}}", 0, "failed"),
        ("{sessions: {at-least: 1, at-most: 2}}", 2, "passed"),
        ("{sessions: {at-least: 1, at-most: 2}}", 3, "failed"),
        ("{messages: {exactly: 2}}", 2, "passed"),
        ("{messages: {at-least: 3}}", 2, "failed"),
    ],
)
def test_sessions_and_messages_are_counted(text: str, sessions: int, expected: str) -> None:
    assert status(text, *[WHOLE] * sessions) == expected


def test_without_a_session_it_says_so() -> None:
    judged = Played("expect: {messages: 1}").judge()
    assert (judged.happened, judged.excerpt) == ("no message; nothing connected", "")


def test_discarded_messages_were_taken_too() -> None:
    played = Played("{rules: [{at: end-of-data, discard: true}], expect: {messages: 1}}")
    played.connect(*WHOLE).lose()
    assert played.judge().status == "passed"


# ---------------------------------------------------------------------- recipients


def send_to(played: Played, *paths: bytes) -> None:
    recipients = [b"RCPT TO:<" + path + b">" for path in paths]
    played.connect(b"EHLO client", MAIL[0], *recipients, b"DATA", b"x\r\n.", b"QUIT").lose()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[bob@example.test, 'carol@*']", "passed"),
        ("'*@example.test'", "passed"),
        ("bob@example.test", "failed"),
        ("[bob@example.test, carol@example.test, dave@example.test]", "failed"),
        ("[]", "failed"),
        ("{contains: carol}", "passed"),
        ("{contains: dave}", "failed"),
        ("{not: '*@example.test', at-most: 0}", "passed"),
        ("{exactly: 2}", "passed"),
        ("{at-least: 2, glob: 'bob*'}", "failed"),
        ("{in: [bob@example.test, x@y], exactly: 1}", "passed"),
    ],
)
def test_recipients(text: str, expected: str) -> None:
    played = Played(f"expect: {{recipients: {text}}}")
    send_to(played, b"bob@example.test", b"Carol@EXAMPLE.test")
    assert played.judge().status == expected


def test_who_got_nothing_and_who_did_unexpectedly() -> None:
    played = Played("expect: {recipients: [bob@example.test, erin@example.test]}")
    send_to(played, b"bob@example.test", b"carol@example.test")
    assert played.judge().happened == (
        "no message for erin@example.test\n"
        "nobody expected <carol@example.test>: message 00001001: delivered in session 1"
    )


def test_recipients_without_a_message_get_nothing() -> None:
    assert status("{recipients: bob@example.test}", (b"EHLO client", *MAIL, b"QUIT")) == "failed"


# ---------------------------------------------------------------------- duplicates


def test_a_message_that_comes_twice() -> None:
    played = Played("expect: {duplicates: {at-most: 0}}")
    played.connect(*WHOLE).lose()
    played.clock.advance(60)
    played.connect(*WHOLE).lose()
    assert (
        played.judge().render()
        == """\
x.yaml:1: expectation failed: duplicates
    expected  no duplicate, by message-id
    happened  1 duplicate
              message 00002001: delivered in session 2 at 10:06:00.134, from <alice@example.test> for \
<bob@example.test>, is message 00001001 of 10:05:00.128 again

    session 1, 127.0.0.1:40000 at smtp, scenario x, 2026-11-21 10:05:00 +0900
          …  (6 entries)
        0.003  S: 250 2.1.5 Recipient OK
        0.004  C: DATA
        0.004  S: 354 Start mail input; end with <CRLF>.<CRLF>
        0.005  C: (48 octets of mail data)
      > 0.005  -- message 00001001: delivered, <alice@example.test> for <bob@example.test>, 48 octets, subject 'hello'
        0.005  S: 250 2.0.0 OK: queued as 00001001
        0.006  C: QUIT
          …  (3 entries)

    session 2, 127.0.0.1:40000 at smtp, scenario x, 2026-11-21 10:06:00 +0900
          …  (6 entries)
        0.003  S: 250 2.1.5 Recipient OK
        0.004  C: DATA
        0.004  S: 354 Start mail input; end with <CRLF>.<CRLF>
        0.005  C: (48 octets of mail data)
      > 0.005  -- message 00002001: delivered, <alice@example.test> for <bob@example.test>, 48 octets, subject 'hello'
        0.005  S: 250 2.0.0 OK: queued as 00002001
        0.006  C: QUIT
          …  (3 entries)"""
    )


def send(played: Played, *fields: bytes, to: bytes = b"bob@example.test", body: bytes = b"body") -> None:
    data = b"\r\n".join([*fields, b"", body, b"."])
    played.connect(b"EHLO client", MAIL[0], b"RCPT TO:<" + to + b">", b"DATA", data, b"QUIT").lose()


def test_the_same_message_for_others_is_none() -> None:
    played = Played("expect: {duplicates: 0}")
    send(played, b"Message-ID: <1@client>")
    send(played, b"Message-ID: <1@client>", to=b"carol@example.test")
    assert played.judge().status == "passed"


def test_messages_without_an_id_may_be_the_same() -> None:
    played = Played("expect: {duplicates: 0}")
    send(played, b"Subject: x")
    assert played.judge().status == "passed"
    send(played, b"Subject: x", to=b"carol@example.test")
    assert played.judge().status == "passed"
    send(played, b"Subject: x")
    judged = played.judge()
    assert (judged.status, judged.happened) == (
        "not-judged",
        "no duplicate, but 2 messages without a Message-ID, which may be the same",
    )


@pytest.mark.parametrize("same_by", ["message-id", "content", "subject", "envelope"])
def test_what_makes_two_messages_the_same(same_by: str) -> None:
    first = (b"Message-ID: <1@client>", b"Subject: one")
    others = {
        "message-id": (b"Message-ID: <1@client>", b"Subject: other"),
        "content": (b"Received: from elsewhere\r\n\tby here", *first),
        "subject": (b"Message-ID: <2@client>", b"Subject: one"),
        "envelope": (b"Message-ID: <3@client>", b"Subject: another"),
    }
    found = {}
    for name, second in others.items():
        played = Played(f"expect: {{duplicates: {{same-by: {same_by}}}}}")
        send(played, *first)
        send(played, *second, body=b"body" if name == "content" else b"other")
        found[name] = played.judge().status
    same = {"message-id": {"message-id", "content"}, "subject": {"subject", "content"}, "envelope": set(others)}
    assert {name for name, each in found.items() if each == "failed"} == same.get(same_by, {same_by})


def test_content_is_judged_only_where_the_journal_has_it() -> None:
    played = Played("expect: {duplicates: {same-by: content}}")
    send(played, b"Subject: x")
    send(played, b"Subject: x")
    from fakesmtp.journal.ndjson import as_dict

    recorded = [as_dict(entry) for entry in played.journal]
    (judged,) = played.verify(recorded).judged
    assert played.judge().status == "failed"
    assert (judged.status, judged.happened) == (
        "not-judged",
        "no duplicate, but the content of 2 messages is not in the journal",
    )


# ---------------------------------------------------------------------- look-ups


def ask(played: Played, *questions: tuple[str, str]) -> None:
    for kind, name in questions:
        facts = {"name": name, "type": kind, "status": "NOERROR", "scenario": played.scenario.name}
        played.journal.add("lookup", f"{kind} {name}", **facts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MX example.test", "passed"),
        ("['MX *', 'A mx1.example.test']", "passed"),
        ("['MX *', 'AAAA *']", "failed"),
        ("{never: 'AAAA *'}", "passed"),
        ("{never: ['* mx1.*']}", "failed"),
        ("2", "passed"),
        ("{at-least: 2, of: 'MX *'}", "failed"),
        ("{at-most: 1, of: 'A *'}", "passed"),
        ("any", "passed"),
    ],
)
def test_lookups(text: str, expected: str) -> None:
    played = Played(f"expect: {{lookups: {text}}}")
    ask(played, ("MX", "example.test."), ("A", "MX1.example.test"))
    assert played.judge().status == expected


def test_what_was_asked_instead() -> None:
    played = Played("expect: {lookups: [MX example.test]}")
    assert played.judge().happened == "nobody asked for MX example.test; nothing was asked"
    ask(played, ("A", "example.test"))
    assert played.judge().happened == "nobody asked for MX example.test\nasked was\nA example.test"


def test_look_ups_of_rules_are_not_the_clients() -> None:
    played = Played(
        "{rules: [{at: mail, when: {client-name: unresolved}, refuse: no-reverse-dns}], expect: {lookups: 0}}"
    )
    played.connect(b"EHLO client", MAIL[0], b"QUIT").lose()
    assert any(entry.kind == "lookup" for entry in played.journal)
    assert played.judge().status == "passed"


# ---------------------------------------------------------------------- the client's own claim


@pytest.mark.parametrize(
    ("wanted", "claim", "expected", "happened"),
    [
        ("failure", Claim(status=1), "passed", "it ended with status 1"),
        ("failure", Claim(status=0), "failed", "it ended with status 0"),
        ("success", Claim(status=0), "passed", "it ended with status 0"),
        ("success", Claim(status=75), "failed", "it ended with status 75"),
        ("75", Claim(status=75), "passed", "it ended with status 75"),
        ("0", Claim(status=1), "failed", "it ended with status 1"),
        ("failure", Claim(status=139, killed_by=11), "failed", "it was killed by SIGSEGV"),
        ("139", Claim(status=139, killed_by=11), "passed", "it ended with status 139"),
        ("failure", Claim(status=137, hung=True), "failed", "it did not end in time, and was killed"),
        (
            "failure",
            Claim(),
            "not-judged",
            "the client's exit status is not known here: exec knows it, or whoever asks tells it",
        ),
    ],
)
def test_exit_status(wanted: str, claim: Claim, expected: str, happened: str) -> None:
    judged = Played(f"expect: {{exit-status: {wanted}}}").judge(claim=claim)
    assert (judged.status, judged.happened) == (expected, happened)


OUTPUT = "Sending…\n  Error: 552 5.2.2 Mailbox full\n\nbye\n"


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        ("{contains: mailbox FULL}", "passed"),
        ("'error: 552 *'", "passed"),
        ("{equals: bye}", "passed"),
        ("{matches: 'full\\s+bye'}", "passed"),
        ("{contains: '550'}", "failed"),
        ("{not: {contains: '552'}}", "failed"),
        ("['*quota*', '*full*']", "passed"),
    ],
)
def test_client_message(matcher: str, expected: str) -> None:
    played = Played(f"expect: {{client-message: {matcher}}}")
    assert played.judge(claim=Claim(output=OUTPUT)).status == expected
    assert played.judge(claim=Claim(status=1)).status == "not-judged"


def test_what_the_client_told_instead() -> None:
    played = Played("expect: {client-message: {contains: quota}}")
    assert played.judge(claim=Claim(output=OUTPUT)).render() == (
        "x.yaml:1: expectation failed: client-message\n"
        "    expected  what the client tells its user matches {contains: quota}\n"
        "    happened  it told:\n"
        "              Sending…\n"
        "              Error: 552 5.2.2 Mailbox full\n"
        "              bye"
    )
    assert played.judge(claim=Claim(output="\n")).happened == "it told nothing"


DOCUMENTED = """\
documents:
  - {document: manual, case: full, message: {ja: "メールボックスが いっぱいです。", en: The mailbox is full.}}
expect:
  - client-message: {language: LANGUAGE}
"""


@pytest.mark.parametrize(
    ("language", "output", "expected"),
    [
        ("ja", "エラー: ﾒｰﾙﾎﾞｯｸｽが\nいっぱいです。", "passed"),
        ("en", "Error: the MAILBOX is\n full.", "passed"),
        ("ja", "The mailbox is full.", "failed"),
        ("de", "Das Postfach ist voll.", "not-judged"),
    ],
)
def test_the_documented_message(language: str, output: str, expected: str) -> None:
    played = Played(DOCUMENTED.replace("LANGUAGE", language))
    assert played.judge(claim=Claim(output=output)).status == expected
