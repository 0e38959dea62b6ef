"""What holds for anything that a client may send.

Left out, because there the order in which octets and events arrive is the very point: octets behind STARTTLS, clients
that talk before the greeting, the fact ``pipelined`` and the fault ``drop-pipelined``; and, of ``postpone``, ``merge``
and ``invert``, the timers by which replies leave that were kept back.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fakesmtp.protocol.actions import Action, Close, Decided, Heard, Note, Send, Took
from fakesmtp.protocol.commands import ArgumentError, read_chunk
from fakesmtp.protocol.events import BytesReceived, Disconnected
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import Phase
from tests.protocol.playbook import Playbook, replies
from tests.protocol.strategies import dialogues, rules
from tests.protocol.test_framing import cut

SMALL = {"message": 60, "line": 80, "recipients": 2, "errors": 4}
_PLACES = st.lists(st.integers(0, 400), max_size=12)


def talk(given_rules: tuple, pieces: list[bytes], lmtp: bool) -> Playbook:
    """A session that is told all of it."""
    play = Playbook(*given_rules, limits=SMALL, lmtp=lmtp, connect=False)
    play.driver.take(play.connected)
    for piece in pieces:
        play.driver.take(BytesReceived(piece))
    return play


def told(actions: list[Action]) -> list[object]:
    """The sequence of what was heard, decided and taken."""
    return [_shown(action) for action in actions if isinstance(action, (Heard, Decided, Took, Close))]


def _shown(action: Action) -> object:
    if isinstance(action, Took):
        message = action.message
        return ("took", action.disposition, message.id, message.reverse_path, message.forward_paths, message.data)
    return repr(action)


@settings(max_examples=300)
@given(rules(), dialogues, _PLACES, st.booleans())
def test_any_chunking_gives_the_same_session(some_rules, octets, places, lmtp):
    whole = talk(some_rules, [octets] if octets else [], lmtp)
    pieces = talk(some_rules, cut(octets, places), lmtp)
    assert pieces.wire == whole.wire
    assert told(pieces.actions) == told(whole.actions)


@settings(max_examples=300)
@given(dialogues, _PLACES, st.booleans())
def test_a_healthy_server_answers_every_complete_command(octets, places, lmtp):
    play = talk((), cut(octets, places), lmtp)
    owed = 0
    for action in play.actions:
        if isinstance(action, Heard):
            owed += _replies_owed(action, play)
    if not lmtp:
        assert len(replies(play.wire)) == 1 + owed
    if play.session.phase is not Phase.ENDED:
        left = play.session.inbox.take_all()
        assert b"\n" not in left


def _replies_owed(heard: Heard, play: Playbook) -> int:
    """One for each command; for BDAT once its octets are here."""
    if heard.stage is not Stage.BDAT or not heard.text:
        return 1
    try:
        read_chunk(heard.text.partition(b" ")[2])
    except ArgumentError:
        return 1
    return 0


@settings(max_examples=300)
@given(rules(), dialogues, st.booleans())
def test_whatever_the_rules_everything_heard_is_decided(some_rules, octets, lmtp):
    play = talk(some_rules, [octets], lmtp)
    content_answered = any(isinstance(each, Decided) and each.stage is Stage.CONTENT for each in play.actions)
    undecided: Heard | None = None
    for action in play.actions:
        if isinstance(action, Heard):
            assert undecided is None, f"{undecided} was never decided"
            waits = action.stage is Stage.BDAT and bool(action.text)
            undecided = None if waits or (content_answered and action.octets) else action
        elif isinstance(action, (Decided, Close)) or (isinstance(action, Note) and "not answered" in action.text):
            undecided = None
    assert undecided is None or play.session.phase in (Phase.HUNG, Phase.ENDED)


@settings(max_examples=300)
@given(rules(), dialogues, st.integers(0, 30))
def test_a_connection_may_be_lost_at_any_action(some_rules, octets, after):
    play = Playbook(*some_rules, limits=SMALL, connect=False)
    play.driver.take(play.connected)
    turn = play.session.handle(BytesReceived(octets))
    for _ in zip(range(after), turn, strict=False):
        pass
    turn.close()
    play.driver.take(Disconnected())
    play.driver.take(BytesReceived(b"NOOP\r\n"))
    assert play.session.phase is Phase.ENDED
    assert play.policy.open_connections(play.session, "run") == 0


@settings(max_examples=200)
@given(dialogues)
def test_nothing_is_sent_behind_a_close(octets):
    play = talk((), [octets], lmtp=False)
    closed = False
    for action in play.actions:
        assert not (closed and isinstance(action, Send))
        closed = closed or isinstance(action, Close)


@settings(max_examples=200)
@given(rules(), dialogues)
def test_the_same_session_twice_is_the_same(some_rules, octets):
    one, other = (talk(some_rules, [octets], lmtp=False) for _ in range(2))
    assert (one.wire, told(one.actions)) == (other.wire, told(other.actions))
