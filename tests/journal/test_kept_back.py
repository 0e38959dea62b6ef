"""A reply that is kept back is told when it is decided, and again when it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fakesmtp.journal import Journal
from fakesmtp.protocol.actions import Action
from fakesmtp.protocol.outbox import MOST, Hold, Until
from fakesmtp.protocol.policy import Answer, Decision, Shape
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage

from .driving import RULE, Clock, Conversation, Rules, dribble, shaping
from .test_tap import AUTH, last, told


def holding(until: Until, replies: int = MOST) -> Shape:
    """Into the outbox."""

    def shape(given: Iterable[Action]) -> Iterator[Action]:
        yield Hold(until, 60.0, replies)
        yield from given

    return shape


def test_the_entry_of_the_reply_stands_where_its_octets_left(journal: Journal, clock: Clock) -> None:
    conversation = Conversation(journal, clock, shaping(Stage.NOOP, holding("next-turn"))).connect()
    conversation.say(b"NOOP")
    clock.advance(2.0)
    conversation.say(b"RSET", b"QUIT").lose()
    assert told(journal)[2:9] == [
        ("command", "noop", "NOOP"),
        ("note", "noop", "kept back: 250 2.0.0 OK"),
        ("command", "rset", "RSET"),
        ("reply", "noop", "250 2.0.0 OK"),
        ("reply", "rset", "250 2.0.0 OK"),
        ("command", "quit", "QUIT"),
        ("reply", "quit", "221 2.0.0 mx.example.test Service closing transmission channel"),
    ]
    kept, left = (entry for entry in journal if entry.stage == "noop" and entry.kind != "command")
    assert kept.rules == left.rules == (RULE,)
    assert left.elapsed - kept.elapsed >= 2.0


def test_every_reply_of_several_has_its_entry(journal: Journal, clock: Clock) -> None:
    conversation = Conversation(journal, clock, shaping(Stage.NOOP, holding("together", 3))).connect()
    conversation.say(b"NOOP", b"NOOP", b"NOOP")
    kinds = [kind for kind, stage, _ in told(journal) if stage == "noop"]
    assert kinds == ["command", "note"] * 3 + ["reply"] * 3


def test_what_came_together_is_told_so_though_nothing_is_said_between(journal: Journal, clock: Clock) -> None:
    conversation = Conversation(journal, clock, shaping(Stage.NOOP, holding("together", 3))).connect()
    conversation.say(b"NOOP\r\nNOOP\r\nNOOP").say(b"NOOP").say(b"RSET\r\nNOOP")
    words = [(entry.stage, entry.word) for entry in journal if entry.kind == "command"]
    assert words == [("noop", None), ("noop", True), ("noop", True), ("noop", None), ("rset", None), ("noop", True)]


def test_what_is_never_sent_is_told(journal: Journal, clock: Clock) -> None:
    Conversation(journal, clock, shaping(Stage.NOOP, holding("next-turn"))).connect().say(b"NOOP").lose()
    assert told(journal)[-2:] == [
        ("note", None, "never sent: 250 2.0.0 OK"),
        ("closed", None, "closed by the client"),
    ]


def test_a_release_in_drips_is_cut_where_the_client_left(journal: Journal, clock: Clock) -> None:
    rules = shaping(Stage.NOOP, holding("next-turn"), dribble())
    conversation = Conversation(journal, clock, rules, patience=3).connect()
    conversation.say(b"NOOP", b"RSET").lose()
    assert [each for each in told(journal) if each[0] in ("reply", "cut")][1:] == [
        ("cut", "noop", "250 "),
        ("cut", "rset", ""),
    ]


def test_a_secret_that_a_kept_reply_repeats_is_hidden(journal: Journal, clock: Clock) -> None:
    reply = Reply(535, ("No: AGFsaWNlAHNlY3JldA==",), "5.7.8")

    def decide() -> Decision:
        answer = Answer(Stage.AUTH_RESPONSE)
        answer.say(reply)
        return Decision(answer, (holding("next-turn"),), (RULE,))

    conversation = Conversation(journal, clock, Rules({Stage.AUTH_RESPONSE: decide}), **AUTH).connect()
    conversation.say(b"EHLO client", b"AUTH PLAIN AGFsaWNlAHNlY3JldA==")
    assert last(journal, "note").text == "kept back: 535 5.7.8 No: ***"
