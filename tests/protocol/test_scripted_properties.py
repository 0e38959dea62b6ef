"""What holds for scripts, whatever the client sends and however the network cuts it up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fakesmtp.protocol.actions import Action, Close, Decided, Diverged, Flush, Heard, Note, Raw, Send, Took, Wait
from fakesmtp.protocol.events import BytesReceived, Disconnected, PeerHalfClosed
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
    Script,
    Step,
    Swallow,
)
from fakesmtp.protocol.scripted import ScriptedSession
from fakesmtp.protocol.transitions import Phase
from tests.protocol.playbook import Clock, Driver
from tests.protocol.scripting import ScriptPlay
from tests.protocol.strategies import LINES, dialogues
from tests.protocol.test_framing import cut

SETTINGS = ScriptPlay("- S: 220 x", line=80, auth_line=100, message=60).settings
_PLACES = st.lists(st.integers(0, 400), max_size=12)
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
_LINES = st.sampled_from([line.decode() for line in LINES])
_WANTED = st.one_of(
    st.sampled_from([Globs(("*",)), Globs(("MAIL*", "EHLO *"))]), st.builds(lambda text: Globs((text,)), _LINES)
) | st.builds(Exactly, _LINES)
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
scripts = st.builds(lambda some, end: (Say(b"220 x\r\n"), *some, *end), st.lists(_STEPS, max_size=9), _ENDS)


def play(steps: tuple[Step, ...], pieces: list[bytes], *after: object, lmtp: bool = False) -> Driver:
    """A session that is told all of it."""
    import attrs

    clock = Clock()
    given_settings = attrs.evolve(SETTINGS, lmtp=lmtp)
    driver = Driver(ScriptedSession(given_settings, None, clock, script=Script((steps,))), clock)
    from fakesmtp.protocol.events import Connected

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
@given(scripts, dialogues, _PLACES, st.booleans())
def test_any_chunking_gives_the_same_session(steps, octets, places, lmtp):
    ends = (PeerHalfClosed(), Disconnected())
    whole = play(steps, [octets] if octets else [], *ends, lmtp=lmtp)
    pieces = play(steps, cut(octets, places), *ends, lmtp=lmtp)
    assert wire(pieces) == wire(whole)
    assert told(pieces) == told(whole)


@settings(max_examples=300)
@given(scripts, dialogues, _PLACES)
def test_what_is_said_is_the_script_up_to_a_place_and_perhaps_a_last_word(steps, octets, places):
    driver = play(steps, cut(octets, places), Disconnected())
    said = wire(driver)
    diverged = any(isinstance(action, Diverged) for action in driver.actions)
    script = b"".join(step.octets for step in steps if isinstance(step, (Say, PutRaw)))
    assert script.startswith(said) or (diverged and script.startswith(said[: said.rindex(b"500 ")]))


@settings(max_examples=300)
@given(scripts, dialogues, _PLACES)
def test_a_session_ends_and_diverges_once_at_most(steps, octets, places):
    driver = play(steps, cut(octets, places), PeerHalfClosed(), Disconnected())
    assert driver.session.phase is Phase.ENDED
    assert sum(isinstance(action, Diverged) for action in driver.actions) <= 1
    assert sum(isinstance(action, Close) and action.how != "half" for action in driver.actions) == 1


@settings(max_examples=200)
@given(scripts)
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
