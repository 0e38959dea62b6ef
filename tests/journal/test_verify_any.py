"""Whatever a journal says, and whatever is expected: judging raises nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fakesmtp.journal.claim import Claim
from fakesmtp.journal.events import KINDS
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.journal.verify import verify
from fakesmtp.scenario import reader
from fakesmtp.scenario.expectations import EXPECTATIONS

from .playing import Played

EVERYTHING = """\
documents: [{document: manual, case: full, message: {ja: いっぱい}}]
rules:
  - {name: later, at: rcpt, times: 1, reply: 450 Later}
  - {name: busy, at: noop, reply: 421 Busy}
expect:
  - sessions: {at-least: 1, at-most: 2}
  - messages: 1
  - recipients: [bob@example.test]
  - recipients: {not: "*@example.test", at-most: 0}
  - duplicates: {same-by: message-id}
  - duplicates: {same-by: content}
  - duplicates: {same-by: envelope, at-most: 1}
  - commands: {never: any, except: QUIT, after: "421", while: plaintext}
  - commands: {never: any, after: 4xx, at: rcpt}
  - commands: {sequence: [EHLO, MAIL, QUIT]}
  - commands: {at-least: 1, of: ["RCPT *", AUTH]}
  - lookups: [MX example.test]
  - lookups: {never: any}
  - retries: {at-least: 1, no-sooner-than: 1s, no-later-than: 1h}
  - retries: 0
  - closes: {within: 1s, after: "421"}
  - closes: {within: 1s}
  - closes: true
  - closes: false
  - dot-stuffing: true
  - dot-stuffing: false
  - quit: true
  - quit: false
  - tls: true
  - tls: false
  - exit-status: failure
  - exit-status: 1
  - client-message: {contains: full, language: ja}
"""
SCENARIO = reader.read(EVERYTHING, "everything.yaml").require()
LINES = st.sampled_from(
    [
        b"EHLO client", b"HELO client", b"LHLO client", b"STARTTLS", b"AUTH PLAIN AGEAYg==", b"AUTH LOGIN", b"eA==",
        b"*",
        b"MAIL FROM:<alice@example.test>", b"MAIL FROM:<>", b"MAIL FROM:", b"RCPT TO:<bob@example.test>",
        b"RCPT TO:<x@y>",
        b"RCPT TO:<", b"DATA", b"Message-ID: <1@x>\r\n\r\nx\r\n.", b"..y\r\n.x\r\n.", b".", b"BDAT 2 LAST\r\nx",
        b"BDAT 0", b"RSET", b"NOOP",
        b"QUIT", b"", b"\xff\xfe", b"XYZZY 1",
    ]
)  # fmt: skip
SESSIONS = st.lists(st.tuples(st.lists(LINES, max_size=12), st.booleans(), st.booleans()), max_size=4)
CLAIMS = st.builds(
    Claim,
    status=st.none() | st.integers(0, 255),
    killed_by=st.integers(0, 99),
    hung=st.booleans(),
    output=st.none() | st.text(max_size=20),
)


def test_every_expectation_is_among_them() -> None:
    assert {each.name for each in SCENARIO.expect} == set(EXPECTATIONS)


def check(played: Any, events: Any, claim: Claim, dropped: int, speed: float) -> None:
    found = verify(SCENARIO, events, claim=claim, misses=played.policy.misses(), dropped=dropped, speed=speed)
    assert len(found.judged) == len(SCENARIO.expect)
    assert all(each.expected and each.happened for each in found.judged)
    assert json.loads(json.dumps(found.as_dict())) == found.as_dict()
    if dropped:
        certain = {"retries", "exit-status", "client-message"}
        universal = [
            each for each in found.judged if each.expected.startswith(("no ", "never")) and each.name not in certain
        ]
        assert not [each for each in universal if each.status == "passed"]


@given(SESSIONS, CLAIMS, st.integers(0, 3), st.sampled_from([0.1, 1.0, 1000.0]))
@settings(max_examples=60, deadline=None)
def test_any_conversation(sessions: Any, claim: Claim, dropped: int, speed: float) -> None:
    played = Played(EVERYTHING, "everything.yaml")
    for lines, lmtp, over in sessions:
        client = played.connect(*lines, lmtp=lmtp, capabilities=("PIPELINING", "CHUNKING", "AUTH PLAIN LOGIN"))
        if over:
            client.lose()
    check(played, played.journal, claim, dropped, speed)
    live = verify(SCENARIO, played.journal, claim=claim).judged
    recorded = verify(SCENARIO, [as_dict(entry) for entry in played.journal], claim=claim).judged
    assert _without_contents(live) == _without_contents(recorded)


def _without_contents(judged: Any) -> list[Any]:
    """What is judged by the messages' own octets is known of a live journal only."""
    return [each for each in judged if "content" not in each.expected and each.name != "dot-stuffing"]


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
BRANCHES = LEAVES | st.lists(LEAVES, max_size=3)
VALUES = BRANCHES | st.lists(BRANCHES, max_size=3) | st.dictionaries(st.text(max_size=5), BRANCHES, max_size=3)
NAMES = [
    "time", "elapsed", "session", "stage", "text", "rules", "code", "bytes", "octets", "decided", "decided-octets",
    "pieces", "lasted", "scenario", "outcome", "by", "how", "over", "name", "type", "reverse-path", "forward-paths",
    "subject", "message-id", "size", "advanced", "server-name", "connection",
]  # fmt: skip
TIMES = ["2026-11-21T10:05:00.123456+09:00", "2026-11-21T10:09:00+09:00", "soon", "0001-01-01T00:00:00+14:00"]
PLAUSIBLE = st.fixed_dictionaries(
    {"kind": st.sampled_from(KINDS)},
    optional={
        "session": st.sampled_from([None, 1, 2]),
        "time": st.sampled_from(TIMES),
        "text": st.sampled_from(["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "QUIT", "421 Busy", "", "a\nb"]),
        "stage": st.sampled_from([None, "mail", "rcpt", "end-of-data", "auth-line"]),
        "code": st.sampled_from([None, 250, 421, 550, "250"]),
        "outcome": st.sampled_from(["established", "failed", "raw", "ciphertext"]),
        "over": st.booleans(),
        "by": st.sampled_from(["client", "server", 7]),
    },
)  # fmt: skip


@given(st.lists(st.tuples(PLAUSIBLE, st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3)), max_size=12), CLAIMS)
@example([({"kind": "message"}, {"session": 1, "forward-paths": None, "octets": "many"})], Claim())
@example([({"kind": "cut"}, {"session": 1, "decided": 5, "bytes": "%"})], Claim())
@settings(max_examples=150, deadline=None)
def test_any_entries(events: Any, claim: Claim) -> None:
    check(Played("{}"), [{**event, **more} for event, more in events], claim, 0, 1.0)
