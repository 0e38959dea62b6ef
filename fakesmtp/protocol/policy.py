"""What a session needs from whoever decides: the two layers of a turn, as values.

*Answering* ends in an :class:`Answer`; *shaping* is a list of generators over the rendered actions.
The session knows nothing of rules: it asks a :class:`Policy` and gets a :class:`Decision`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal, Protocol

import attrs

from fakesmtp.protocol.actions import Action, CloseHow
from fakesmtp.protocol.capabilities import ehlo_reply
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import SUCCEEDS, Stage

if TYPE_CHECKING:
    from fakesmtp.protocol.session import Session
    from fakesmtp.protocol.wording import Refusal

Shape = Callable[[Iterable[Action]], Iterator[Action]]
"""A shaping fault, bound to its turn: takes the actions of a reply and yields others."""


_AUTH_STAGES: Final = frozenset({Stage.AUTH, Stage.AUTH_LINE})
_SUCCESS_WORDS: Final = {Stage.AUTH_RESPONSE: "auth", Stage.UNKNOWN: "noop"}


def succeeds(stage: Stage, reply: Reply | None) -> bool:
    """Whether a reply means success at a stage; where none is owed, to go on is success too."""
    return reply is None or reply.code // 100 in SUCCEEDS[stage]


@attrs.frozen
class RuleReference:
    """A rule that acted: its name, and the file and line where it stands."""

    name: str
    place: str = ""


@attrs.frozen
class RawText:
    """Octets sent in place of a reply; they mean nothing to the state."""

    wire: bytes


@attrs.frozen
class Ending:
    """How a turn ends the conversation: closed, hung, or by a broken handshake."""

    kind: Literal["close", "hang", "handshake"]
    how: str = ""


@attrs.define
class Answer:
    """What is decided at a stage: replies or raw octets, whether the state moves, and how it ends.

    Answering faults fill it in the order in which they are written.
    """

    stage: Stage
    parts: list[Reply | RawText] = attrs.field(factory=list)
    moves: bool = False
    ending: Ending | None = None
    ordinary: bool = False
    """The stage goes on as if no rule had answered: ``accept`` where success is no reply."""

    def say(self, reply: Reply) -> None:
        """Answer with a reply; the first one moves the state if its code means success here."""
        if self.reply is None and succeeds(self.stage, reply):
            self.moves = True
        self.parts.append(reply)

    @property
    def reply(self) -> Reply | None:
        """The first reply, which is the one that counts."""
        return next((part for part in self.parts if isinstance(part, Reply)), None)

    def replace(self, part: Reply, better: Reply) -> None:
        """Say one reply in place of another."""
        self.parts = [better if each is part else each for each in self.parts]

    def close(self, how: CloseHow) -> None:
        """End the connection once everything is sent."""
        self.ending = Ending("close", how)


@attrs.define
class Turn:
    """One decision at one stage, as a fault sees it."""

    stage: Stage
    session: Session
    default: Reply | None
    """What a healthy server answers here; ``None`` where no reply is owed."""
    draw: Callable[[], float]
    """The next seeded number in [0, 1) for this rule, key and occurrence."""

    def success(self) -> Reply | None:
        """The stage's own success, even where a healthy server would refuse; ``None``: just go on."""
        session, stage = self.session, self.stage
        if stage in _AUTH_STAGES:
            return session.ordinary
        if succeeds(stage, self.default):
            return self.default
        reply = session.settings.wording.agree(_SUCCESS_WORDS.get(stage, stage.value), session)
        return ehlo_reply(reply, session.capabilities) if stage is Stage.EHLO else reply

    def refusal(self, name: str) -> Refusal:
        """A refusal of the vocabulary in the persona's words at this stage."""
        return self.session.settings.wording.refuse(name, self.stage, self.session)


@attrs.define
class Decision:
    """What the policy says at a stage: an answer or none, shapes for what is sent, and the rules that acted."""

    answer: Answer | None
    shapes: tuple[Shape, ...] = ()
    rules: tuple[RuleReference, ...] = ()
    actions: tuple[Action, ...] = ()
    """What faults that neither answer nor shape ask of the driver, such as to stop reading."""
    ordinary: bool = False
    """A rule has said that the stage goes on as if there were no rule."""


@attrs.frozen
class Mark:
    """A place in the mail data at which the stage ``content`` is asked: an offset, or the end of a text."""

    offset: int | None = None
    text: bytes | None = None
    """Lower case; it is looked for without regard to case."""


class Policy(Protocol):
    """Decides at stages. Where ``stages`` lacks one, the session does not even ask."""

    state: str
    """The scenario's state, ``start`` at first."""

    @property
    def stages(self) -> Collection[Stage]:
        """The stages that have rules."""

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Where in the mail data the stage ``content`` is asked."""

    def lookups(self, stage: Stage) -> tuple[str, ...]:
        """Names of the look-ups whose results the rules of this stage want."""

    def decide(
        self, stage: Stage, session: Session, default: Reply | None, mark: Mark | None = None
    ) -> Decision | None:
        """The decision, or ``None`` if no rule acts."""

    def started(self, session: Session) -> None:
        """A client has connected; called once more it changes nothing."""

    def ended(self, session: Session) -> None:
        """The session is over: forget what was counted for it."""


class NoRules:
    """A policy without rules: a healthy server."""

    state = "start"
    stages: Collection[Stage] = ()
    marks: tuple[Mark, ...] = ()

    def lookups(self, stage: Stage) -> tuple[str, ...]:
        """None are wanted."""
        return ()

    def decide(
        self, stage: Stage, session: Session, default: Reply | None, mark: Mark | None = None
    ) -> Decision | None:
        """No rule acts."""
        return None

    def started(self, session: Session) -> None:
        """Nothing is counted."""

    def ended(self, session: Session) -> None:
        """Nothing was counted."""
