"""Actions: what a session asks of its driver, in order.

They are thin on purpose: no validation and slots only, because the healthy path makes three of them per command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from fakesmtp.protocol.envelope import Message
    from fakesmtp.protocol.policy import RuleReference
    from fakesmtp.protocol.reply import Reply
    from fakesmtp.protocol.stages import Stage

CloseHow = Literal["fin", "rst", "half", "no-close-notify"]


class Action:
    """What every action has: slots, a short ``repr`` and equality by value, for playbooks."""

    __slots__: tuple[str, ...] = ()

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._values()))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]


class Send(Action):
    """Octets for the client, inside TLS where there is TLS."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class Raw(Action):
    """Octets below TLS: onto the wire as they are."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class Flush(Action):
    """What was sent so far leaves now, as a segment of its own."""

    __slots__ = ()


class Wait(Action):
    """Suspends the turn for so many seconds of the virtual clock."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class SetTimer(Action):
    """Asks for ``TimerFired(name)`` after so many seconds of the virtual clock; setting it again replaces it."""

    __slots__ = ("name", "seconds")

    def __init__(self, name: str, seconds: float) -> None:
        self.name, self.seconds = name, seconds


class CancelTimer(Action):
    """Forgets a timer."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Lookup(Action):
    """Suspends the turn until the driver sends ``Resolved(name, …)`` into it."""

    __slots__ = ("name", "subject")

    def __init__(self, name: str, subject: str) -> None:
        self.name, self.subject = name, subject


class StartTls(Action):
    """The driver puts TLS over the connection, as the server, with this kind of certificate."""

    __slots__ = ("certificate",)

    def __init__(self, certificate: str) -> None:
        self.certificate = certificate


class PauseReading(Action):
    """No more is read from the socket: the client meets a window that closes."""

    __slots__ = ()


class ResumeReading(Action):
    """Reading goes on."""

    __slots__ = ()


class Heard(Action):
    """The session has read one unit of the client's input: a command line, an AUTH line, a message.

    ``secret`` says that the text holds credentials; ``shown`` is then the text that hides them.
    """

    __slots__ = ("octets", "shown", "stage", "text")

    def __init__(self, stage: Stage, text: bytes, shown: str | None = None, octets: int = 0) -> None:
        self.stage, self.text, self.shown, self.octets = stage, text, shown, octets


class Decided(Action):
    """What was decided at a stage, and the rules that acted. All Sends up to the next one belong to it."""

    __slots__ = ("reply", "rules", "stage")

    def __init__(self, stage: Stage, reply: Reply | None, rules: tuple[RuleReference, ...] = ()) -> None:
        self.stage, self.reply, self.rules = stage, reply, rules


class KeptBack(Action):
    """What was decided last is not said yet: it waits in the outbox."""

    __slots__ = ()


class Released(Action):
    """What was kept back leaves now: Sends belong to that decision, up to the next of these; ``None``: no more."""

    __slots__ = ("decided",)

    def __init__(self, decided: Decided | None) -> None:
        self.decided = decided


class Took(Action):
    """A message is complete and decided: ``delivered``, ``discarded``, ``bounced`` or another disposition."""

    __slots__ = ("disposition", "message")

    def __init__(self, message: Message, disposition: str) -> None:
        self.message, self.disposition = message, disposition


class Note(Action):
    """Something worth telling in the journal that is neither a command nor a reply."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Diverged(Action):
    """The client has left the script that is played: what was expected, and what came.

    ``came`` is the client's line, or words for what is none; ``at`` says how many of its characters still fitted.
    """

    __slots__ = ("at", "came", "expected", "rules")

    def __init__(
        self, expected: str, came: bytes | str, at: int | None = None, rules: tuple[RuleReference, ...] = ()
    ) -> None:
        self.expected, self.came, self.at, self.rules = expected, came, at, rules


class Close(Action):
    """The connection ends: FIN, RST, only our half, or TLS without its close_notify."""

    __slots__ = ("how",)

    def __init__(self, how: CloseHow = "fin") -> None:
        self.how: CloseHow = how
