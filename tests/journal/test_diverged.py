"""A scripted session in the journal: told as any other; a divergence with what was expected, what came, and where."""

from __future__ import annotations

from typing import Any

import pytest

from fakesmtp.journal import Journal
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.journal.summary import Summary
from fakesmtp.journal.transcript import render_transcript
from fakesmtp.journal.verify import Verification, verify
from fakesmtp.protocol.events import Disconnected, PeerHalfClosed, TimerFired
from fakesmtp.scenario import reader
from fakesmtp.scenario.model import Scenario

from .driving import MOMENT, Clock, Conversation

TEXT = """\
script:
  - S: 220 mx.example.test ESMTP
  - C: EHLO *
  - S: 250-mx.example.test
  - S: 250 AUTH PLAIN
  - C: MAIL FROM:<alice@example.test>
  - S: 250 OK
  - C: "RCPT TO:<*@example.test>"
  - S: 250 OK
  - C: DATA
  - S: 354 Go
  - expect: data
  - send: 250 Queued
  - wait: 1s
  - send: "\\r\\n"
  - C: QUIT
  - close: rst
"""


def scenario(text: str = TEXT) -> Scenario:
    return reader.read(text, "s.yaml").require()


@pytest.fixture
def journal(clock: Clock) -> Journal:
    return Journal(clock=clock, now=lambda: MOMENT)


def converse(journal: Journal, clock: Clock, text: str = TEXT, **more: Any) -> Conversation:
    script = scenario(text).script
    return Conversation(journal, clock, script=script, scenario="s", **more).connect()


def judge(journal: Journal, text: str = TEXT, **known: Any) -> Verification:
    return verify(scenario(text), journal, **known)


def test_a_scripted_session_reads_as_any_other(journal: Journal, clock: Clock) -> None:
    talk = converse(journal, clock).say(b"EHLO client").deliver().say(b"QUIT")
    talk.lose(Disconnected(clean=False, reason="reset"))
    assert (
        render_transcript(journal)
        == """\
session 1, 127.0.0.1:40000 at smtp, scenario s, 2026-11-21 10:05:00 +0900
    0.000  S: 220 mx.example.test ESMTP       # script (s.yaml:2)
    0.001  C: EHLO client
    0.001  S: 250-mx.example.test             # script (s.yaml:4)
           S: 250 AUTH PLAIN
    0.002  C: MAIL FROM:<alice@example.test>
    0.002  S: 250 OK                          # script (s.yaml:7)
    0.003  C: RCPT TO:<bob@example.test>
    0.003  S: 250 OK                          # script (s.yaml:9)
    0.004  C: DATA
    0.004  S: 354 Go                          # script (s.yaml:11)
    0.005  C: (24 octets of mail data)
    1.005  S: 250 Queued                      # script (s.yaml:13); 2 pieces in 1.000 s
    1.005  -- message 00001001: delivered, <alice@example.test> for <bob@example.test>, 24 octets, subject 'hello'
    1.006  C: QUIT
    1.006  S: (reset by the server, RST)      # script (s.yaml:17)
"""
    )
    assert (journal.summary().messages, journal.summary().diverged) == (1, 0)


def test_a_divergence_is_told_with_the_line_and_where_the_two_part(journal: Journal, clock: Clock) -> None:
    talk = converse(journal, clock).say(b"EHLO client", b"MAIL FROM:<mallory@example.test>")
    talk.lose()
    assert (
        render_transcript(journal)
        == """\
session 1, 127.0.0.1:40000 at smtp, scenario s, 2026-11-21 10:05:00 +0900
    0.000  S: 220 mx.example.test ESMTP                     # script (s.yaml:2)
    0.001  C: EHLO client
    0.001  S: 250-mx.example.test                           # script (s.yaml:4)
           S: 250 AUTH PLAIN
    0.002  C: MAIL FROM:<mallory@example.test>
    0.002  -- diverged from the script                      # script (s.yaml:6)
           --   expected  MAIL FROM:<alice@example.test>
           --   came      MAIL FROM:<mallory@example.test>
           --                        ^
    0.002  S: 500 5.5.1 Not what the script expects here
    0.002  S: (closed by the server, FIN)
"""
    )


def test_it_is_an_entry_of_its_own_kind(journal: Journal, clock: Clock) -> None:
    converse(journal, clock).say(b"EHLO client", b"RSET").lose()
    (entry,) = journal.entries(kinds=["diverged"])
    assert as_dict(entry) == {
        "time": "2026-11-21T10:05:00.125456+09:00",
        "elapsed": 0.002,
        "session": 1,
        "sequence": entry.sequence,
        "schema": 1,
        "kind": "diverged",
        "stage": None,
        "text": "expected MAIL FROM:<alice@example.test>, came RSET",
        "rules": [{"name": "script", "place": "s.yaml:6"}],
        "expected": "MAIL FROM:<alice@example.test>",
        "came": "RSET",
        "differs-at": 0,
    }
    assert str(journal.summary()) == "1 session; 0 messages; 1 diverged from the script; refused: rset 1"
    assert Summary.of(map(as_dict, journal)) == journal.summary()


def test_what_cannot_be_printed_is_escaped_and_the_mark_stands_where_it_should(journal: Journal, clock: Clock) -> None:
    text = 'script: [S: 220 x, expect: {equals: "A\\tBC\\r\\n"}]'
    converse(journal, clock, text).say(b"A\tB\x00").lose()
    told = render_transcript(journal)
    assert "expected  A\\tBC\\r\\n\n" in told
    assert "came      A\\tB\\x00\\r\\n\n" in told
    line = next(line for line in told.splitlines() if line.endswith("^"))
    came = next(line for line in told.splitlines() if "came" in line)
    assert came[line.index("^") :] == "\\x00\\r\\n"


@pytest.mark.parametrize("show_secrets", [False, True])
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("script: [S: 220 x, C: AUTH PLAIN AGEAYg==]", [b"AUTH PLAIN c2VjcmV0"]),
        ("script: [S: 220 x, C: AUTH LOGIN, S: 334 x, C: '*=', S: 334 y, C: x]", [b"AUTH LOGIN", b"eA==", b"c2VjcmV0"]),
        ("script: [S: 220 x, C: AUTH *, S: 535 x, C: MAIL*]", [b"AUTH PLAIN", b"c2VjcmV0"]),
    ],
)
def test_a_password_is_not_told_by_a_divergence(
    text: str, lines: list[bytes], show_secrets: bool, clock: Clock
) -> None:
    journal = Journal(clock=clock, now=lambda: MOMENT, show_secrets=show_secrets)
    converse(journal, clock, text).say(*lines).lose()
    assert journal.summary().diverged == 1
    written = "".join(str(as_dict(entry)) for entry in journal)
    assert ("c2VjcmV0" in written) == show_secrets


def test_who_leaves_is_told_in_words(journal: Journal, clock: Clock) -> None:
    talk = converse(journal, clock).say(b"EHLO client")
    talk.happen(PeerHalfClosed())
    assert [entry.text for entry in journal][-3:] == [
        "closed by the client, FIN",
        "expected MAIL FROM:<alice@example.test>, came the end of the connection",
        "closed by the server, FIN",
    ]
    assert journal.entries(kinds=["diverged"])[0].facts == {
        "expected": "MAIL FROM:<alice@example.test>",
        "came": "the end of the connection",
    }


# ---------------------------------------------------------------------- judged


def test_who_follows_the_script_has_met_what_is_expected(journal: Journal, clock: Clock) -> None:
    converse(journal, clock).say(b"EHLO client").deliver().say(b"QUIT").lose()
    (judged,) = judge(journal).judged
    assert (judged.name, judged.status, judged.happened) == ("script", "passed", "1 session by the script")


def test_who_diverges_has_not_and_the_whole_of_it_is_told(journal: Journal, clock: Clock) -> None:
    converse(journal, clock).say(b"EHLO client").deliver().say(b"QUIT").lose()
    talk = converse(journal, clock, number=2).say(b"EHLO client", b"MAIL FROM:<mallory@example.test>")
    talk.lose()
    assert (
        judge(journal).render()
        == """\
s.yaml:1: expectation failed: script
    expected  every client says what the script expects
    happened  1 of 2 sessions diverged from the script
              session 2: expected MAIL FROM:<alice@example.test> (s.yaml:6), came MAIL FROM:<mallory@example.test>

    session 2, 127.0.0.1:40000 at smtp, scenario s, 2026-11-21 10:05:01 +0900
        0.000  S: 220 mx.example.test ESMTP                     # script (s.yaml:2)
        0.001  C: EHLO client
        0.001  S: 250-mx.example.test                           # script (s.yaml:4)
               S: 250 AUTH PLAIN
        0.002  C: MAIL FROM:<mallory@example.test>
      > 0.002  -- diverged from the script                      # script (s.yaml:6)
               --   expected  MAIL FROM:<alice@example.test>
               --   came      MAIL FROM:<mallory@example.test>
               --                        ^
        0.002  S: 500 5.5.1 Not what the script expects here
        0.002  S: (closed by the server, FIN)
          …  (1 entry)

1 of 1 expectation failed
"""
    )


def test_what_cannot_be_known_is_not_judged(journal: Journal, clock: Clock) -> None:
    assert judge(journal).judged[0].status == "not-judged"
    converse(journal, clock).say(b"EHLO client").deliver().say(b"QUIT").lose()
    assert judge(journal, dropped=3).judged[0].status == "not-judged"


def test_to_be_thrown_out_as_idle_is_a_divergence(journal: Journal, clock: Clock) -> None:
    talk = converse(journal, clock)
    clock.advance(300)
    talk.happen(TimerFired("idle"))
    assert judge(journal).judged[0].happened.endswith("expected EHLO * (s.yaml:3), came nothing within 300 s")
    assert bytes(talk.wire).splitlines()[-1].startswith(b"421 ")
