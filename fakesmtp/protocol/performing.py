"""One function for each step of a script: what it does, and whether it is over.

A step that says something is over at once. A step that expects something gives ``False`` as long as what it needs is
not here; what it has used of the client's input by then, the session remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from fakesmtp.protocol.actions import Action, Close, Decided, Flush, Heard, Note, Raw, Send, StartTls, Wait
from fakesmtp.protocol.framing import LineTooLong
from fakesmtp.protocol.meaning import Spoken
from fakesmtp.protocol.policy import RuleReference
from fakesmtp.protocol.reception import Reception
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.script import (
    HangUp,
    Hear,
    HearClose,
    HearData,
    Part,
    PutRaw,
    Rest,
    Say,
    Secure,
    Step,
    Swallow,
)
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import Phase

if TYPE_CHECKING:
    from fakesmtp.protocol.scripted import ScriptedSession

NAME: Final = "script"
"""What stands in the journal for the rule that acted."""
NOT_EXPECTED: Final = Reply(500, ("Not what the script expects here",), "5.5.1")
MOST_SHOWN: Final = 1024
"""Octets that were swallowed and are written down; of more, only the number is."""

Performance = Generator[Action, Any, bool]
"""What a step does; at the end, whether it is over and the next one begins."""


def perform(session: ScriptedSession, step: Step) -> Performance:
    """Do what a step says."""
    return _PERFORMERS[type(step)](session, step)


def wanted_by(step: Step) -> tuple[str, str]:
    """Where a step stands, and what it expects of the client, in words."""
    if isinstance(step, Hear):
        return step.place, str(step.wanted)
    if isinstance(step, Swallow):
        return step.place, f"{step.octets} octets"
    words: Mapping[type, str] = {HearData: "a message, up to the lone dot", HearClose: "that the client closes"}
    return step.place, words.get(type(step), "a TLS handshake")


# ---------------------------------------------------------------------- steps that say something


def _say(session: ScriptedSession, step: Say) -> Performance:
    """Everything up to the next step of another kind: it leaves together, reply by reply in the journal."""
    said: list[Any] = list(takewhile(lambda each: isinstance(each, Say), session.steps[session.place :]))
    session.place += len(said) - 1
    for spoken in session.meaning.say(b"".join(each.octets for each in said)):
        yield from _speak(spoken, _place_at(said, spoken.offset))
    return True


def _place_at(said: list[Say], offset: int) -> str:
    """Where that stands which is said from this octet on."""
    for step in said:
        if offset < len(step.octets):
            break
        offset -= len(step.octets)
    return step.place


def _speak(spoken: Spoken, place: str) -> Generator[Action, Any, None]:
    """A reply, or a piece of one; a message that it accepts is taken before the client hears of it, if it can be."""
    if spoken.begins:
        yield Decided(spoken.stage, None, (RuleReference(NAME, place),))
        if spoken.took is not None:
            yield spoken.took
    yield Send(spoken.octets)
    if spoken.took is not None and not spoken.begins:
        yield spoken.took


def _put_raw(session: ScriptedSession, step: PutRaw) -> Performance:
    session.meaning.interrupt()
    if session.tls is not None:
        yield Wait(0)  # what TLS still owes the client is on its way first
    yield Raw(step.octets)
    return True


def _rest(session: ScriptedSession, step: Rest) -> Performance:
    yield Wait(step.seconds)
    return True


def _part(session: ScriptedSession, step: Part) -> Performance:
    yield Flush()
    return True


def _secure(session: ScriptedSession, step: Secure) -> Performance:
    if session.tls is not None:
        yield Note("TLS is there from the first octet: starttls is passed over")
        return True
    if waiting := len(session.inbox):
        came = f"{waiting} octets in the clear, ahead of it"
        yield from session.diverge(*wanted_by(step), came, NOT_EXPECTED)
        return False
    session.place += 1
    session.phase = Phase.HANDSHAKE
    yield StartTls(step.certificate or session.certificate)
    return False


def _hang_up(session: ScriptedSession, step: HangUp) -> Performance:
    yield Decided(session.meaning.stage, None, (RuleReference(NAME, step.place),))
    if step.how == "half":
        session.phase = Phase.HUNG
        yield Close("half")
    else:
        yield from session.end(step.how)
    return True


# ---------------------------------------------------------------------- steps that expect something


def _hear(session: ScriptedSession, step: Hear) -> Performance:
    line = yield from _take_line(session, step)
    if line is None:
        return False
    yield session.meaning.hear(line)
    if step.wanted.fits(line):
        return True
    shown = line if str(step.wanted).endswith("\n") else line.rstrip(b"\r\n")
    yield from session.diverge(*wanted_by(step), shown, NOT_EXPECTED, step.wanted.strays(line))
    return False


def _hear_close(session: ScriptedSession, step: HearClose) -> Performance:
    line = yield from _take_line(session, step)
    if line is not None:
        yield session.meaning.hear(line)
        yield from session.diverge(*wanted_by(step), line.rstrip(b"\r\n"), NOT_EXPECTED)
    return False


def _take_line(session: ScriptedSession, step: Hear | HearClose) -> Generator[Action, Any, bytes | None]:
    """The client's next line, or ``None``: it is not here yet, or it was too long and the session is over."""
    bound = session.settings.limits.auth_line
    try:
        return session.inbox.take_line(bound)
    except LineTooLong:
        yield Heard(Stage.UNKNOWN, b"", "(a line that is too long)")
        yield from session.diverge(*wanted_by(step), f"a line of more than {bound} octets", NOT_EXPECTED)
        return None


def _hear_data(session: ScriptedSession, step: HearData) -> Performance:
    reception = session.reception
    if reception is None:
        reception = session.reception = Reception(session)
    if not len(session.inbox):
        return False
    piece, dot = reception.take(session.inbox)
    reception.keep(piece)
    if dot is None:
        return False
    reception.finish(dot)
    yield session.meaning.hear_data(reception)
    return True


def _swallow(session: ScriptedSession, step: Swallow) -> Performance:
    piece = session.inbox.take(step.octets - session.taken)
    session.taken += len(piece)
    session.swallowed = (session.swallowed + piece)[:MOST_SHOWN]
    if session.taken < step.octets:
        return False
    yield _heard_octets(session, step.octets)
    session.taken, session.swallowed = 0, b""
    return True


def _heard_octets(session: ScriptedSession, octets: int) -> Action:
    meaning = session.meaning
    if meaning.newest in (Stage.DATA, Stage.BDAT):
        return Heard(meaning.newest, b"", octets=octets)
    if octets > MOST_SHOWN:
        return Note(f"{octets:,} octets of the client's were read")
    return Heard(Stage.UNKNOWN, session.swallowed, "***" if meaning.in_dialogue else None)


_PERFORMERS: Final[Mapping[type, Callable[[ScriptedSession, Any], Performance]]] = {
    Say: _say,
    Hear: _hear,
    HearData: _hear_data,
    HearClose: _hear_close,
    Swallow: _swallow,
    PutRaw: _put_raw,
    Rest: _rest,
    Part: _part,
    Secure: _secure,
    HangUp: _hang_up,
}
