"""What holds for scripts, whatever the client sends and however the network cuts it up."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from fakesmtp.protocol.actions import Action, Close, Decided, Diverged, Flush, Heard, Note, Raw, Send, Took, Wait
from fakesmtp.protocol.events import BytesReceived, Connected, Disconnected, PeerHalfClosed
from fakesmtp.protocol.script import Globs, Hear, HearData, PutRaw, Say, Script, Step, Swallow
from fakesmtp.protocol.scripted import ScriptedSession
from fakesmtp.protocol.transitions import Phase
from tests.protocol.playbook import Clock, Driver
from tests.protocol.scripting import ScriptPlay
from tests.protocol.strategies import dialogues, scripts
from tests.protocol.test_framing import cut

SETTINGS = ScriptPlay("- S: 220 x", line=80, auth_line=100, message=60).settings
_PLACES = st.lists(st.integers(0, 400), max_size=12)


def play(steps: tuple[Step, ...], pieces: list[bytes], *after: object, lmtp: bool = False) -> Driver:
    """A session that is told all of it."""
    clock = Clock()
    given_settings = attrs.evolve(SETTINGS, lmtp=lmtp)
    driver = Driver(ScriptedSession(given_settings, None, clock, script=Script((steps,))), clock)
    driver.take(Connected())
    for piece in pieces:
        driver.take(BytesReceived(piece))
    for event in after:
        driver.take(event)
    return driver


def wire(driver: Driver) -> bytes:
    return b"".join(action.data for action in driver.actions if isinstance(action, (Send, Raw)))


def told(driver: Driver) -> list[object]:
    """What was heard, decided, taken and noted, and where the session diverged."""
    kinds = (Heard, Decided, Took, Note, Close, Diverged, Wait, Flush)
    return [_shown(action) for action in driver.actions if isinstance(action, kinds)]


def _shown(action: Action) -> object:
    if isinstance(action, Took):
        message = action.message
        return ("took", action.disposition, message.id, message.reverse_path, message.forward_paths, message.data)
    return repr(action)


@settings(max_examples=300)
@given(scripts(), dialogues, _PLACES, st.booleans())
def test_any_chunking_gives_the_same_session(steps, octets, places, lmtp):
    ends = (PeerHalfClosed(), Disconnected())
    whole = play(steps, [octets] if octets else [], *ends, lmtp=lmtp)
    pieces = play(steps, cut(octets, places), *ends, lmtp=lmtp)
    assert wire(pieces) == wire(whole)
    assert told(pieces) == told(whole)


@settings(max_examples=300)
@given(scripts(), dialogues, _PLACES)
def test_what_is_said_is_the_script_up_to_a_place_and_perhaps_a_last_word(steps, octets, places):
    driver = play(steps, cut(octets, places), Disconnected())
    said = wire(driver)
    diverged = any(isinstance(action, Diverged) for action in driver.actions)
    script = b"".join(step.octets for step in steps if isinstance(step, (Say, PutRaw)))
    assert script.startswith(said) or (diverged and script.startswith(said[: said.rindex(b"500 ")]))


@settings(max_examples=300)
@given(scripts(), dialogues, _PLACES)
def test_a_session_ends_and_diverges_once_at_most(steps, octets, places):
    driver = play(steps, cut(octets, places), PeerHalfClosed(), Disconnected())
    assert driver.session.phase is Phase.ENDED
    assert sum(isinstance(action, Diverged) for action in driver.actions) <= 1
    assert sum(isinstance(action, Close) and action.how != "half" for action in driver.actions) == 1


@settings(max_examples=200)
@given(scripts())
def test_a_client_that_says_what_is_expected_comes_to_the_end(steps):
    driver = play(steps, [])
    for step in steps:
        if isinstance(step, Hear):
            wanted = step.wanted
            line = wanted.globs[0].replace("*", "") if isinstance(wanted, Globs) else wanted.text
            driver.take(BytesReceived(line.encode() + b"\r\n"))
        elif isinstance(step, HearData):
            driver.take(BytesReceived(b"Hi\r\n.\r\n"))
        elif isinstance(step, Swallow):
            driver.take(BytesReceived(b"\0" * step.octets))
    driver.take(PeerHalfClosed())
    driver.take(Disconnected())
    assert not any(isinstance(action, Diverged) for action in driver.actions)
    script = b"".join(step.octets for step in steps if isinstance(step, (Say, PutRaw)))
    assert wire(driver) == script
