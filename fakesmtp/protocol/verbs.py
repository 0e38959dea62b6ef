"""One function for each command: what a healthy server would answer, and what success does (RFC 5321 4.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from fakesmtp.protocol import authentication, chunking, reception, securing
from fakesmtp.protocol.actions import Action, Heard
from fakesmtp.protocol.capabilities import ehlo_reply
from fakesmtp.protocol.commands import (
    BINARY,
    BODIES,
    EXTENSION_PARAMETERS,
    MAIL_PARAMETERS,
    RCPT_PARAMETERS,
    ArgumentError,
    Command,
    Mailbox,
    announced_size,
    read_mailbox,
)
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import DEAF, TRANSITIONS, Phase
from fakesmtp.protocol.turning import advance, blunder, carry_out, decide, refuse, take_turn, turn

if TYPE_CHECKING:
    from fakesmtp.protocol.session import Session

Steps = Iterable[Action]
Verb = Callable[["Session", Command], Steps]


def obey(session: Session, command: Command) -> Steps:
    """Do what a command line asks."""
    verb, stage = _find(session, command)
    if stage is Stage.AUTH:
        return verb(session, command)  # it knows what of its line is secret
    return _heard(Heard(stage, command.line), verb(session, command))


def _heard(heard: Heard, steps: Steps) -> Steps:
    if type(steps) is list:
        steps.insert(0, heard)
        return steps
    return _behind(heard, steps)


def _behind(heard: Heard, steps: Steps) -> Steps:
    yield heard
    yield from steps


def _find(session: Session, command: Command) -> tuple[Verb, Stage]:
    verbs = LMTP_VERBS if session.settings.lmtp else SMTP_VERBS
    return verbs.get(command.verb, (unknown, Stage.UNKNOWN))


def too_long(session: Session) -> Steps:
    """A line over its bound was dropped (RFC 5321 4.5.3.1.4)."""
    in_dialogue = session.phase is Phase.AUTH
    stage = Stage.AUTH_LINE if in_dialogue else Stage.UNKNOWN
    if in_dialogue:
        authentication.leave(session)
    return _heard(Heard(stage, b"", "(a line that is too long)"), blunder(session, stage, "line-too-long"))


def _in_order(session: Session, stage: Stage) -> bool:
    return (session.phase, stage) in TRANSITIONS


# ---------------------------------------------------------------------- HELO, EHLO, LHLO


def helo(session: Session, command: Command) -> Steps:
    """HELO (RFC 5321 4.1.1.1)."""
    return _introduce(session, command, Stage.HELO)


def ehlo(session: Session, command: Command) -> Steps:
    """EHLO, and LHLO (RFC 2033)."""
    session.forget_edits()
    return _introduce(session, command, Stage.EHLO)


def _introduce(session: Session, command: Command, stage: Stage) -> Steps:
    def introduced() -> None:
        session.errors = 0
        session.drop_transaction()

    if command.argument:
        session.helo_name = command.text
    if not _in_order(session, stage):
        return blunder(session, stage, "bad-sequence", introduced)
    if not command.argument:
        return blunder(session, stage, "syntax-error", introduced)
    words = session.settings.wording.agree(stage.value, session)
    if stage is Stage.HELO:
        return take_turn(session, stage, words, advance(session, stage, introduced))
    if stage in session.policy.stages:
        return _offer(session, words, introduced)
    reply = ehlo_reply(words, session.capabilities)
    return take_turn(session, stage, reply, advance(session, stage, introduced))


def _offer(session: Session, words: Reply, introduced: Callable[[], None]) -> Steps:
    """EHLO where rules may edit the list: they act first, then the list is read."""
    decision = yield from decide(session, Stage.EHLO, words)
    reply = ehlo_reply(words, session.capabilities)
    if decision.answer is not None:
        decision.answer.replace(words, reply)
    yield from carry_out(session, Stage.EHLO, reply, decision, advance(session, Stage.EHLO, introduced))


# ---------------------------------------------------------------------- MAIL, RCPT, DATA, RSET


def mail(session: Session, command: Command) -> Steps:
    """MAIL FROM (RFC 5321 4.1.1.2)."""
    mailbox, problem = _read(session, command, "FROM:", MAIL_PARAMETERS)
    if session.transaction is None:
        session.reverse_path = mailbox.path
        session.forget_fate()  # of a message that never came
    unintroduced = session.phase is Phase.GREETED and session.settings.wording.helo_required
    if unintroduced or not _in_order(session, Stage.MAIL):
        problem = "bad-sequence"

    def begin() -> None:
        session.begin_transaction(mailbox.path, mailbox.parameters)

    if problem is not None:
        return blunder(session, Stage.MAIL, problem, begin)
    if (announced_size(mailbox.parameters) or 0) > session.settings.limits.message:
        default = refuse(session, "message-too-large", Stage.MAIL)
    else:
        default = session.settings.wording.agree("mail", session)
    return take_turn(session, Stage.MAIL, default, advance(session, Stage.MAIL, begin))


def rcpt(session: Session, command: Command) -> Steps:
    """RCPT TO (RFC 5321 4.1.1.3)."""
    mailbox, problem = _read(session, command, "TO:", RCPT_PARAMETERS)
    session.forward_path = mailbox.path
    if not _in_order(session, Stage.RCPT):
        problem = "bad-sequence"
    elif problem is None and not mailbox.path:
        problem = "path-syntax-error"

    def add() -> None:
        session.add_recipient(mailbox.path, mailbox.parameters)

    if problem is not None:
        return blunder(session, Stage.RCPT, problem, add)
    transaction = session.transaction
    if transaction is not None and len(transaction.recipients) >= session.settings.limits.recipients:
        default = refuse(session, "too-many-recipients", Stage.RCPT)
    else:
        default = session.settings.wording.agree("rcpt", session)
    return take_turn(session, Stage.RCPT, default, advance(session, Stage.RCPT, add))


def _read(session: Session, command: Command, keyword: str, known: frozenset[str]) -> tuple[Mailbox, str | None]:
    """The mailbox, and the refusal that its syntax deserves. What cannot be read is kept as it was written."""
    try:
        mailbox = read_mailbox(command.text, keyword)
        announced_size(mailbox.parameters)
    except ArgumentError as error:
        return Mailbox(command.text[len(keyword) :].strip(), {}), error.refusal
    if mailbox.parameters and not _knows(session, mailbox.parameters, known):
        return mailbox, "parameter-unrecognized"
    return mailbox, None


def _knows(session: Session, parameters: Mapping[str, str | None], known: frozenset[str]) -> bool:
    foreign = parameters.keys() - known
    if foreign and foreign - _offered(session):
        return False
    body = parameters.get("BODY", "7BIT") or ""
    return body.upper() in BODIES or (body.upper() == BINARY and session.offers(BINARY))


def _offered(session: Session) -> frozenset[str]:
    """The parameters of extensions that this server does not have, but offers."""
    each = (words for keyword, words in EXTENSION_PARAMETERS.items() if session.offers(keyword))
    return frozenset().union(*each)


def data(session: Session, command: Command) -> Steps:
    """DATA (RFC 5321 4.1.1.4)."""

    def begin() -> None:
        reception.begin(session)

    if not _in_order(session, Stage.DATA) or _is_binary(session):
        return blunder(session, Stage.DATA, "bad-sequence", begin)
    if command.argument:
        return blunder(session, Stage.DATA, "syntax-error", begin)
    default = session.settings.wording.agree("data", session)
    return take_turn(session, Stage.DATA, default, advance(session, Stage.DATA, begin))


def _is_binary(session: Session) -> bool:
    """Whether the message was announced as one that only BDAT can carry (RFC 3030 section 3)."""
    body = session.transaction.parameters.get("BODY") if session.transaction is not None else None
    return body is not None and body.upper() == BINARY


def rset(session: Session, command: Command) -> Steps:
    """RSET (RFC 5321 4.1.1.5)."""
    return _served(session, Stage.RSET, session.drop_transaction)


# ---------------------------------------------------------------------- the rest


def _served(session: Session, stage: Stage, then: Callable[[], None] | None = None) -> Steps:
    if stage.value in session.settings.wording.unknown:
        return blunder(session, stage, "command-unrecognized")
    if not _in_order(session, stage):
        return blunder(session, stage, "bad-sequence")
    default = session.settings.wording.agree(stage.value, session)
    return take_turn(session, stage, default, advance(session, stage, then))


def noop(session: Session, command: Command) -> Steps:
    """NOOP (RFC 5321 4.1.1.9)."""
    return _served(session, Stage.NOOP)


def vrfy(session: Session, command: Command) -> Steps:
    """VRFY (RFC 5321 4.1.1.6): 252, the answer of a server that does not tell."""
    return _asked(session, command, Stage.VRFY)


def expn(session: Session, command: Command) -> Steps:
    """EXPN (RFC 5321 4.1.1.7)."""
    return _asked(session, command, Stage.EXPN)


def etrn(session: Session, command: Command) -> Steps:
    """ETRN (RFC 1985), refused: there is no queue here."""
    known = Stage.ETRN.value not in session.settings.wording.unknown
    if not (known and command.argument and _in_order(session, Stage.ETRN)):
        return _asked(session, command, Stage.ETRN)
    return take_turn(session, Stage.ETRN, refuse(session, "etrn-refused", Stage.ETRN))


def _asked(session: Session, command: Command, stage: Stage) -> Steps:
    if not command.argument and stage.value not in session.settings.wording.unknown:
        return blunder(session, stage, "syntax-error")
    return _served(session, stage)


def help_(session: Session, command: Command) -> Steps:
    """HELP (RFC 5321 4.1.1.8)."""
    return _served(session, Stage.HELP)


def quit_(session: Session, command: Command) -> Steps:
    """QUIT (RFC 5321 4.1.1.10): the session ends whatever is answered."""
    yield from turn(session, Stage.QUIT, session.settings.wording.agree("quit", session))
    if session.phase not in DEAF:
        yield from session.end("fin")


def unknown(session: Session, command: Command) -> Steps:
    """Any other command."""
    return blunder(session, Stage.UNKNOWN, "command-unrecognized")


_COMMON: Final[Mapping[bytes, tuple[Verb, Stage]]] = {
    b"MAIL": (mail, Stage.MAIL),
    b"RCPT": (rcpt, Stage.RCPT),
    b"DATA": (data, Stage.DATA),
    b"BDAT": (chunking.bdat, Stage.BDAT),
    b"RSET": (rset, Stage.RSET),
    b"NOOP": (noop, Stage.NOOP),
    b"QUIT": (quit_, Stage.QUIT),
    b"AUTH": (authentication.auth, Stage.AUTH),
    b"STARTTLS": (securing.starttls, Stage.STARTTLS),
    b"VRFY": (vrfy, Stage.VRFY),
    b"EXPN": (expn, Stage.EXPN),
    b"HELP": (help_, Stage.HELP),
    b"ETRN": (etrn, Stage.ETRN),
}
SMTP_VERBS: Final[Mapping[bytes, tuple[Verb, Stage]]] = {
    **_COMMON,
    b"HELO": (helo, Stage.HELO),
    b"EHLO": (ehlo, Stage.EHLO),
}
LMTP_VERBS: Final[Mapping[bytes, tuple[Verb, Stage]]] = {**_COMMON, b"LHLO": (ehlo, Stage.EHLO)}
"""RFC 2033 4.1: LHLO in place of HELO and EHLO, which are unknown."""
