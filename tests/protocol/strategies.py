"""What clients may send and scenarios may say, for properties."""

from __future__ import annotations

from hypothesis import strategies as st

from fakesmtp.faults.settings import Fixed, Octets, Seconds
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.script import (
    Exactly,
    Globs,
    HangUp,
    Hear,
    HearClose,
    HearData,
    Part,
    PutRaw,
    Rest,
    Say,
    Step,
    Swallow,
)
from fakesmtp.protocol.stages import ANY, Stage
from fakesmtp.scenario.matchers import Contains, Over
from fakesmtp.scenario.model import Act, Rule
from tests.protocol.playbook import act, rule

LINES = [
    b"EHLO client",
    b"HELO client",
    b"LHLO client",
    b"EHLO",
    b"MAIL FROM:<a@example.test>",
    b"MAIL FROM: a@b SIZE=70",
    b"MAIL FROM:<a@b> BODY=BINARYMIME SMTPUTF8",
    b"RCPT TO:<b@example.test>",
    b"RCPT TO:<rcpt450+slow@example.test>",
    b"RCPT TO:<mailbox-full+dlay2@example.test>",
    b"RCPT TO:<>",
    b"DATA",
    b"RSET",
    b"NOOP",
    b"VRFY bob",
    b"EXPN list",
    b"HELP",
    b"ETRN example.test",
    b"QUIT",
    b"STARTTLS",
    b"AUTH PLAIN AGEAYg==",
    b"AUTH PLAIN",
    b"AUTH LOGIN",
    b"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIGIBAQ==",
    b"AUTH CRAM-MD5",
    b"YQ==",
    b"*",
    b"",
    b".",
    b"..x",
    b"Hello there",
    b"BDAT 4",
    b"BDAT 4 LAST",
    b"BDAT 0 LAST",
    b"BDAT x",
    b"FROB",
    b"NOOP " + b"x" * 90,
]
TRANSACTION = b"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nRCPT TO:<c@example.test>\r\n"
_LINE = st.builds(
    lambda line, end: line + end, st.sampled_from(LINES), st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])
)
_WHOLE = st.sampled_from(
    [
        TRANSACTION,
        TRANSACTION + b"DATA\r\nHi\r\n..\r\n.\r\n",
        TRANSACTION + b"BDAT 2\r\n\r\n",
        TRANSACTION + b"BDAT 3\r\nHi\nBDAT 4 LAST\r\n\r\n.\n",
        b"AUTH LOGIN\r\nYQ==\r\nYg==\r\n",
    ]
)
dialogues = st.lists(st.one_of(_LINE, _WHOLE, st.binary(max_size=6)), max_size=12).map(b"".join)
"""Anything that a client may send, much of it sensible."""

ANSWERS = st.sampled_from(
    [
        act("refuse", "internal-error"),
        act("refuse", "shutting-down"),
        act("accept"),
        act("silence"),
        act("proceed"),
        act("hang"),
        act("send", b"2"),
        act("reply", Reply(250, ("one", "two"))),
        act("reply", Reply(354, ("go",))),
        act("reply", Reply(421, ("bye",))),
        act("close", "rst"),
        act("close", "half"),
    ]
)
KEEPING_BACK = ("postpone", "merge", "invert")
"""What uses the outbox, where time decides too."""
SHAPES = st.sampled_from(
    [
        act("delay", Fixed(1.0)),
        act("dribble", Octets(3), Seconds(0.1)),
        act("split", (2, -2)),
        act("truncate", Octets(5)),
        act("duplicate"),
        act("line-ending", "lf"),
        act("close-on", ("5xx",)),
        act("linger", Fixed(2.0)),
    ]
)
EFFECTS = st.sampled_from(
    [act("withhold", ("AUTH",)), act("offer", {"X-NEW": ""}), act("goto", "other"), act("discard"), act("stop-reading")]
)
_STAGES = [stage for stage in (*ANY, Stage.CONTENT) if stage is not Stage.STARTTLS]
_CONDITIONS = st.sampled_from(
    [{}, {}, {"state": "other"}, {"forward-path": "b@*"}, {"size": Over(3)}, {"body": Contains("hi")}, {"tls": False}]
)


# ---------------------------------------------------------------------- scripts

_OCTETS = st.sampled_from(
    [
        b"250 a\r\n",
        b"250-a\r\n",
        b"354 a\r\n",
        b"334 \r\n",
        b"2",
        b"50 x\r\n",
        b"\r\n",
        b"hm\r\n",
        b"x",
        b"220\r\n",
        b"\n",
    ]
)
_TEXTS = st.sampled_from([line.decode() for line in LINES])
_WANTED = (
    st.sampled_from([Globs(("*",)), Globs(("MAIL*", "EHLO *"))])
    | st.builds(lambda text: Globs((text,)), _TEXTS)
    | st.builds(Exactly, _TEXTS)
)
_SAID = st.builds(Say, _OCTETS)
_STEPS = st.one_of(
    _SAID,
    _SAID,
    st.builds(Hear, _WANTED),
    st.just(Hear(Globs(("*",)))),
    st.just(HearData()),
    st.builds(Swallow, st.integers(1, 2000)),
    st.just(PutRaw(b"\x15")),
    st.just(Rest(1.0)),
    st.just(Part()),
)
_ENDS = st.sampled_from([(), (HangUp("fin"),), (HangUp("rst"),), (HearClose(),), (HangUp("half"),)])


def scripts(*more: st.SearchStrategy[Step]) -> st.SearchStrategy[tuple[Step, ...]]:
    """One connection of a script, of any steps but ``starttls``, and of these."""
    steps = st.lists(st.one_of(_STEPS, *more), max_size=9)
    return st.builds(lambda some, end: (Say(b"220 x\r\n"), *some, *end), steps, _ENDS)


# ---------------------------------------------------------------------- rules


@st.composite
def rules(draw: st.DrawFn) -> tuple[Rule, ...]:
    """A few rules, each of any composition of faults."""
    return tuple(_rule(draw, number) for number in range(draw(st.integers(0, 3))))


def _rule(draw: st.DrawFn, number: int) -> Rule:
    acts: list[Act] = draw(st.lists(st.one_of(ANSWERS, SHAPES, EFFECTS), min_size=1, max_size=3))
    return rule(
        draw(st.lists(st.sampled_from(_STAGES), min_size=1, max_size=3)),
        *acts,
        name=f"rule-{number}",
        when=draw(_CONDITIONS),
        per=draw(st.sampled_from([(), (), ("forward-path",)])),
        after=draw(st.integers(0, 1)),
        times=draw(st.sampled_from([None, 1, 2])),
        chance=draw(st.sampled_from([1.0, 1.0, 0.5])),
    )
