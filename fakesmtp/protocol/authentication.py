"""AUTH: the command, its dialogue and the verdict (RFC 4954).

``auth`` is the command, before any prompt; ``auth-line`` each further line; ``auth-response`` comes once, when the
credentials are complete, and is the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fakesmtp.protocol.actions import Action, Heard, Note
from fakesmtp.protocol.commands import Command
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.sasl import MECHANISMS, BadResponse, Cancelled, Credentials, decode_response, prompt
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import TRANSITIONS, Phase
from fakesmtp.protocol.turning import Actions, carry_out, decide, errs, refuse

if TYPE_CHECKING:
    from fakesmtp.protocol.policy import Decision
    from fakesmtp.protocol.session import Session


class Dialogue:
    """One AUTH exchange: what it asks next, or what it has brought.

    ``initial`` is the initial response as sent, base64, or ``None``.
    """

    __slots__ = ("_exchange", "back", "challenge", "credentials", "problem")

    def __init__(self, mechanism: str, initial: bytes | None, challenge: bytes, back: Phase) -> None:
        self.back = back
        self.challenge: bytes | None = None
        self.credentials: Credentials | None = None
        self.problem: str | None = None
        try:
            first = None if initial is None else decode_response(initial)
        except (BadResponse, Cancelled):
            self.problem = "syntax-error"
            return
        self._exchange = MECHANISMS[mechanism](first, challenge)
        self._advance(None)

    def respond(self, line: bytes) -> None:
        """Take the client's next line; beyond the end it changes nothing. :raises Cancelled: if it is ``*``."""
        self.challenge = None
        is_over = self.credentials is not None or self.problem is not None  # and a rule has asked for more
        try:
            response = decode_response(line)
            if not is_over:
                self._advance(response)
        except BadResponse:
            self.problem = self.problem or "syntax-error"

    def _advance(self, response: bytes | None) -> None:
        try:
            self.challenge = next(self._exchange) if response is None else self._exchange.send(response)
        except StopIteration as done:
            self.credentials = done.value
        except BadResponse:
            self.problem = "syntax-error"

    def prompt(self) -> Reply | None:
        """The 334 that asks for the next line; ``None`` if nothing more is needed."""
        return None if self.challenge is None else Reply(334, (prompt(self.challenge),))


def auth(session: Session, command: Command) -> Iterable[Action]:
    """AUTH mechanism [initial-response]."""
    words = command.argument.split()
    mechanism = words[0].decode("ascii", "replace").upper() if words else ""
    hidden = f"{command.verb.decode('ascii')} {mechanism}" + (" ***" if len(words) > 1 else "")
    yield Heard(Stage.AUTH, command.line, hidden.rstrip())
    session.mechanism = mechanism or None
    refusal = _refusal(session, mechanism, len(words))
    if refusal is not None and errs(session):
        yield from session.say_and_close(Stage.AUTH, "too-many-errors")
        return
    dialogue = _dialogue(session, mechanism, words[1] if len(words) > 1 else None)
    if refusal is None and dialogue is not None and dialogue.problem:
        refusal = dialogue.problem
    session.dialogue = dialogue
    session.ordinary = dialogue.prompt() if dialogue is not None else session.settings.wording.agree("auth", session)
    default = session.ordinary if refusal is None else refuse(session, refusal, Stage.AUTH)
    yield from _converse(session, Stage.AUTH, default)


def _refusal(session: Session, mechanism: str, words: int) -> str | None:
    if session.authenticated or (session.phase, Stage.AUTH) not in TRANSITIONS:
        return "bad-sequence"
    if not session.offers("AUTH"):
        return "auth-disabled"
    if not 1 <= words <= 2:
        return "syntax-error"
    if mechanism not in _offered(session):
        return "auth-mechanism-unknown"
    return None


def _offered(session: Session) -> set[str]:
    """The mechanisms of the EHLO list, as it stands now."""
    lines = [line.replace("=", " ").upper().split() for line in session.capabilities]
    return {word for line in lines if line and line[0] == "AUTH" for word in line[1:] if word in MECHANISMS}


def _dialogue(session: Session, mechanism: str, initial: bytes | None) -> Dialogue | None:
    if mechanism not in MECHANISMS:
        return None
    challenge = f"<{session.queue_id}.{session.errors}@{session.settings.hostname}>".encode()
    back = session.phase if session.phase in (Phase.GREETED, Phase.READY) else Phase.READY
    return Dialogue(mechanism, initial, challenge, back)


def respond(session: Session, line: bytes) -> Iterable[Action]:
    """A further line of the client's in the dialogue."""
    yield Heard(Stage.AUTH_LINE, line.rstrip(b"\r\n"), "***")
    dialogue = session.dialogue
    default: Reply | None
    if dialogue is None:  # a rule said 334 where no mechanism is known: there is nothing to go on with
        default = refuse(session, "syntax-error", Stage.AUTH_LINE)
    else:
        try:
            dialogue.respond(line)
        except Cancelled:
            default = refuse(session, "auth-cancelled", Stage.AUTH_LINE)
            dialogue.problem = "cancelled"
        else:
            default = refuse(session, dialogue.problem, Stage.AUTH_LINE) if dialogue.problem else dialogue.prompt()
        session.ordinary = dialogue.prompt()
    yield from _converse(session, Stage.AUTH_LINE, default)


def _converse(session: Session, stage: Stage, default: Reply | None) -> Actions:
    """A turn of the dialogue: go on with the next prompt, or come to the verdict, or leave."""
    decision = yield from decide(session, stage, default)
    if _is_complete(session, decision, default):
        moved = yield from carry_out(session, stage, None, decision)
        if moved:
            yield from _judge(session)
        return
    moved = yield from carry_out(session, stage, default, decision, lambda: _stay(session, decision, default))
    if not moved:
        leave(session)


def _is_complete(session: Session, decision: Decision, default: Reply | None) -> bool:
    """Whether the verdict comes next: nothing more is to be asked, and no rule has said anything against it."""
    if session.ordinary is not None:
        return False
    if decision.answer is None:
        return default is None or decision.ordinary
    return decision.answer.moves and decision.answer.reply is None


def _stay(session: Session, decision: Decision, default: Reply | None) -> None:
    """Success in the middle of a dialogue: 334 asks for more, 235 ends it well."""
    reply = decision.answer.reply if decision.answer is not None else default
    if reply is not None and reply.kind == 2:
        _admit(session)
    else:
        session.phase = Phase.AUTH


def _judge(session: Session) -> Actions:
    """The verdict, once the credentials are complete."""
    dialogue = session.dialogue
    credentials = dialogue.credentials if dialogue is not None else None
    if credentials is not None:
        session.user, session.mechanism = credentials.user, credentials.mechanism
        yield Note(f"AUTH {credentials.mechanism} for user {_quoted(credentials.user)}")
    if credentials is not None and passes(session, credentials):
        default = session.settings.wording.agree("auth", session)
    else:
        default = refuse(session, "auth-failed", Stage.AUTH_RESPONSE)
    decision = yield from decide(session, Stage.AUTH_RESPONSE, default)
    if (yield from carry_out(session, Stage.AUTH_RESPONSE, default, decision, lambda: _admit(session))):
        return
    if dialogue is not None and session.phase is not Phase.ENDED and _asks_on(decision):
        dialogue.problem, session.phase = "auth-failed", Phase.AUTH
    else:
        leave(session)


def _asks_on(decision: Decision) -> bool:
    """Whether the verdict is a 334, which brings the error: the client is to answer, and then has failed (XOAUTH2)."""
    answer = decision.answer
    return answer is not None and answer.ending is None and answer.reply is not None and answer.reply.kind == 3


def passes(session: Session, credentials: Credentials) -> bool:
    """Whether these credentials are those of an account; where no accounts are named, any are."""
    accounts = session.settings.accounts
    if accounts is None:
        return True
    password = accounts.get(credentials.user)
    return password is not None and credentials.proves(password)


def _quoted(user: str) -> str:
    """A user name with its spaces to be seen: a trailing one is a documented failure."""
    return '"' + user.encode("utf-8", "backslashreplace").decode("utf-8") + '"'


def _admit(session: Session) -> None:
    session.authenticated = True
    session.errors = 0
    if session.dialogue is not None and session.dialogue.credentials is not None:
        session.user = session.dialogue.credentials.user
    _back(session)


def leave(session: Session) -> None:
    """The dialogue has failed: the next line is a command again."""
    if not session.authenticated:
        session.user = None
    _back(session)


def _back(session: Session) -> None:
    if session.phase is Phase.AUTH:
        session.phase = session.dialogue.back if session.dialogue is not None else Phase.READY
    session.dialogue = session.ordinary = None
