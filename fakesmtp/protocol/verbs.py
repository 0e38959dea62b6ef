"""One function for each command: what a healthy server would answer, and what success does (RFC 5321 4.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from fakesmtp.protocol import authentication, reception
from fakesmtp.protocol.actions import Action, Heard
from fakesmtp.protocol.commands import (
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
from fakesmtp.protocol.transitions import TRANSITIONS, Phase

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
    return _heard(Heard(stage, b"", "(a line that is too long)"), session.blunder(stage, "line-too-long"))


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
        session.extended = stage is Stage.EHLO
        session.drop_transaction()

    if command.argument:
        session.helo_name = command.text
    if not _in_order(session, stage):
        return session.blunder(stage, "bad-sequence", introduced)
    if not command.argument:
        return session.blunder(stage, "syntax-error", introduced)
    words = session.settings.wording.agree(stage.value, session)
    if stage is Stage.HELO:
        return session.take_turn(stage, words, session.advance(stage, introduced))
    if stage in session.policy.stages:
        return _offer(session, words, introduced)
    reply = ehlo_reply(words, session.capabilities)
    return session.take_turn(stage, reply, session.advance(stage, introduced))


def _offer(session: Session, words: Reply, introduced: Callable[[], None]) -> Steps:
    """EHLO where rules may edit the list: they act first, then the list is read."""
    decision = yield from session.decide(Stage.EHLO, words)
    reply = ehlo_reply(words, session.capabilities)
    if decision.answer is not None:
        decision.answer.replace(words, reply)
    yield from session.carry_out(Stage.EHLO, reply, decision, session.advance(Stage.EHLO, introduced))


@lru_cache(maxsize=256)
def ehlo_reply(words: Reply, capabilities: tuple[str, ...]) -> Reply:
    """The words, then a line for each capability (RFC 5321 4.1.1.1)."""
    return Reply(words.code, (*words.lines, *capabilities), words.enhanced)


# ---------------------------------------------------------------------- MAIL, RCPT, DATA, RSET


def mail(session: Session, command: Command) -> Steps:
    """MAIL FROM (RFC 5321 4.1.1.2)."""
    mailbox, problem = _read(session, command, "FROM:", MAIL_PARAMETERS)
    if session.transaction is None:
        session.reverse_path, session.disposition, session.reset_after = mailbox.path, "delivered", None
    unintroduced = session.phase is Phase.GREETED and session.settings.wording.helo_required
    if unintroduced or not _in_order(session, Stage.MAIL):
        problem = "bad-sequence"

    def begin() -> None:
        session.begin_transaction(mailbox.path, mailbox.parameters)

    if problem is not None:
        return session.blunder(Stage.MAIL, problem, begin)
    if (announced_size(mailbox.parameters) or 0) > session.settings.limits.message:
        default = session.refuse("message-too-large", Stage.MAIL)
    else:
        default = session.settings.wording.agree("mail", session)
    return session.take_turn(Stage.MAIL, default, session.advance(Stage.MAIL, begin))


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
        return session.blunder(Stage.RCPT, problem, add)
    transaction = session.transaction
    if transaction is not None and len(transaction.recipients) >= session.settings.limits.recipients:
        default = session.refuse("too-many-recipients", Stage.RCPT)
    else:
        default = session.settings.wording.agree("rcpt", session)
    return session.take_turn(Stage.RCPT, default, session.advance(Stage.RCPT, add))


def _read(session: Session, command: Command, keyword: str, known: frozenset[str]) -> tuple[Mailbox, str | None]:
    """The mailbox, and the refusal that its syntax deserves. What cannot be read is kept as it was written."""
    try:
        mailbox = read_mailbox(command.text, keyword)
        announced_size(mailbox.parameters)
    except ArgumentError as error:
        return Mailbox(command.text[len(keyword) :].strip(), {}), error.refusal
    unknown_words = mailbox.parameters.keys() - known
    if unknown_words:
        unknown_words -= _offered(session)
    return mailbox, "parameter-unrecognized" if unknown_words else None


def _offered(session: Session) -> frozenset[str]:
    """The parameters of extensions that this server does not have, but offers."""
    each = (words for keyword, words in EXTENSION_PARAMETERS.items() if session.offers(keyword))
    return frozenset().union(*each)


def data(session: Session, command: Command) -> Steps:
    """DATA (RFC 5321 4.1.1.4)."""

    def begin() -> None:
        reception.begin(session)

    if not _in_order(session, Stage.DATA):
        return session.blunder(Stage.DATA, "bad-sequence", begin)
    if command.argument:
        return session.blunder(Stage.DATA, "syntax-error", begin)
    default = session.settings.wording.agree("data", session)
    return session.take_turn(Stage.DATA, default, session.advance(Stage.DATA, begin))


def rset(session: Session, command: Command) -> Steps:
    """RSET (RFC 5321 4.1.1.5)."""
    return _served(session, Stage.RSET, session.drop_transaction)


# ---------------------------------------------------------------------- the rest


def _served(session: Session, stage: Stage, then: Callable[[], None] | None = None) -> Steps:
    if stage.value in session.settings.wording.unknown:
        return session.blunder(stage, "command-unrecognized")
    if not _in_order(session, stage):
        return session.blunder(stage, "bad-sequence")
    return session.take_turn(stage, session.settings.wording.agree(stage.value, session), session.advance(stage, then))


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
    return session.take_turn(Stage.ETRN, session.refuse("etrn-refused", Stage.ETRN))


def _asked(session: Session, command: Command, stage: Stage) -> Steps:
    if not command.argument and stage.value not in session.settings.wording.unknown:
        return session.blunder(stage, "syntax-error")
    return _served(session, stage)


def help_(session: Session, command: Command) -> Steps:
    """HELP (RFC 5321 4.1.1.8)."""
    return _served(session, Stage.HELP)


def quit_(session: Session, command: Command) -> Steps:
    """QUIT (RFC 5321 4.1.1.10): the session ends whatever is answered."""
    yield from session.turn(Stage.QUIT, session.settings.wording.agree("quit", session))
    if session.phase not in (Phase.ENDED, Phase.HUNG):
        yield from session.end("fin")


def starttls(session: Session, command: Command) -> Steps:
    """STARTTLS (RFC 3207)."""
    problem = _tls_problem(session, command)
    if problem is None:
        return _start_tls(session, session.settings.wording.agree("starttls", session))
    if session.errs():
        return session.say_and_close(Stage.STARTTLS, "too-many-errors")
    return _start_tls(session, session.refuse(problem, Stage.STARTTLS))


def _tls_problem(session: Session, command: Command) -> str | None:
    if session.tls or not _in_order(session, Stage.STARTTLS):
        return "bad-sequence"
    if not session.offers("STARTTLS"):
        return "command-unrecognized"
    return "syntax-error" if command.argument else None


def _start_tls(session: Session, default: Reply) -> Steps:
    if (yield from session.turn(Stage.STARTTLS, default)):
        yield from session.start_tls()


def unknown(session: Session, command: Command) -> Steps:
    """Any other command."""
    return session.blunder(Stage.UNKNOWN, "bad-sequence" if session.phase is Phase.REFUSED else "command-unrecognized")


_COMMON: Final[Mapping[bytes, tuple[Verb, Stage]]] = {
    b"MAIL": (mail, Stage.MAIL),
    b"RCPT": (rcpt, Stage.RCPT),
    b"DATA": (data, Stage.DATA),
    b"BDAT": (reception.bdat, Stage.BDAT),
    b"RSET": (rset, Stage.RSET),
    b"NOOP": (noop, Stage.NOOP),
    b"QUIT": (quit_, Stage.QUIT),
    b"AUTH": (authentication.auth, Stage.AUTH),
    b"STARTTLS": (starttls, Stage.STARTTLS),
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
