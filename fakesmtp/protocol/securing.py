"""TLS: the STARTTLS command, the handshake, and the ways in which a rule has it broken (RFC 3207)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fakesmtp.protocol.actions import Action, Note, Raw, StartTls, Wait
from fakesmtp.protocol.commands import Command
from fakesmtp.protocol.handshake import BEHIND, broken_handshake, broken_tls
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import TRANSITIONS, Phase
from fakesmtp.protocol.turning import Actions, errs, refuse, turn

if TYPE_CHECKING:
    from fakesmtp.protocol.reply import Reply
    from fakesmtp.protocol.session import Session


def starttls(session: Session, command: Command) -> Iterable[Action]:
    """STARTTLS (RFC 3207 4)."""
    problem = _problem(session, command)
    if problem is None:
        return _start_tls(session, session.settings.wording.agree("starttls", session))
    if errs(session):
        return session.say_and_close(Stage.STARTTLS, "too-many-errors")
    return _start_tls(session, refuse(session, problem, Stage.STARTTLS))


def _problem(session: Session, command: Command) -> str | None:
    if session.tls or (session.phase, Stage.STARTTLS) not in TRANSITIONS:
        return "bad-sequence"
    if not session.offers("STARTTLS"):
        return "command-unrecognized"
    return "syntax-error" if command.argument else None


def _start_tls(session: Session, default: Reply) -> Actions:
    """Answer the command; what was pipelined behind it is dropped, then the handshake begins."""
    if not (yield from turn(session, Stage.STARTTLS, default)):
        return
    if session.outbox is not None:
        yield from session.outbox.hurry()
    if not session.keeps_plaintext:
        dropped = session.inbox.clear()
        if dropped:
            yield Note(f"{dropped} octets pipelined behind STARTTLS were dropped")
    yield from negotiate(session)


def negotiate(session: Session) -> Actions:
    """Ask for the handshake, unless a rule has something else to say."""
    session.phase = Phase.HANDSHAKE
    if (yield from turn(session, Stage.TLS, None)):
        yield StartTls(session.certificate)
    elif session.phase is Phase.BROKEN_HANDSHAKE:
        yield Note(f"the handshake will be broken: {session.handshake}")
        if session.handshake in BEHIND:
            session.phase = Phase.HANDSHAKE
            yield StartTls(session.certificate)
    elif session.phase is Phase.HANDSHAKE:  # a rule has answered something else: there will be no handshake
        session.phase = Phase.HUNG


def break_handshake(session: Session) -> Actions | None:
    """The client's first octets are here: answer them with something that is no handshake."""
    if not len(session.inbox):
        return None
    session.inbox.clear()
    octets, closes = broken_handshake(session.handshake or "", session.number)
    session.phase = Phase.HUNG
    return _answer_handshake(session, octets, closes)


def _answer_handshake(session: Session, octets: bytes, closes: bool) -> Actions:
    if octets:
        yield Raw(octets)
    if closes:
        yield from session.end("fin")


def break_tls(session: Session, kind: str, version: str) -> Actions:
    """The handshake is done, and that was all."""
    octets, how = broken_tls(kind, version, session.number)
    session.phase = Phase.HUNG
    if octets:
        yield Wait(0)  # what the handshake still owes the client is on its way first
        yield Raw(octets)
    if how is not None:
        yield from session.end(how)
