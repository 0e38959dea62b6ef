"""What expectations demand, as values: read from ``expect`` once, judged from a journal later.

Each of them says in words what it demands, for whoever reads why it was not met.
"""

from __future__ import annotations

from typing import Final, Literal

import attrs

from fakesmtp.protocol.units import show_duration
from fakesmtp.scenario.matchers import Matcher

Channel = Literal["plaintext", "tls"]
CHANNELS: Final[tuple[Channel, ...]] = ("plaintext", "tls")
"""What ``while`` may say: how the command was sent."""
SameBy = Literal["message-id", "content", "subject", "envelope"]
SAME_BY: Final[tuple[SameBy, ...]] = ("message-id", "content", "subject", "envelope")
"""By what two messages are the same one."""


@attrs.frozen
class Count:
    """How many; ``most`` is ``None`` where there is no bound."""

    least: int = 0
    most: int | None = None

    def judge(self, least: int, most: float) -> bool | None:
        """Whether a number within these bounds is right; ``None``: that depends on which one it is."""
        if most < self.least or (self.most is not None and least > self.most):
            return False
        return True if least >= self.least and (self.most is None or most <= self.most) else None

    def of(self, noun: str, nouns: str | None = None) -> str:
        """In words, of these things."""
        many = nouns if nouns is not None else f"{noun}s"
        if self.most is None:
            return f"at least {self.least} {noun if self.least == 1 else many}"
        if self.most == 0:
            return f"no {noun}"
        if self.least == self.most:
            return f"exactly {self.least} {noun if self.least == 1 else many}"
        if self.least == 0:
            return f"at most {self.most} {noun if self.most == 1 else many}"
        return f"{self.least} to {self.most} {many}"


NONE: Final = Count(0, 0)
SOME: Final = Count(1)


_HOW_OFTEN: Final = {SOME: "at least once", Count(1, 1): "exactly once", Count(0, 1): "at most once"}


@attrs.frozen
class After:
    """Replies behind which something must, or must not, happen."""

    codes: tuple[str, ...]
    """Three characters each, with ``x`` for any digit: ``421``, ``4xx``."""
    stages: tuple[str, ...] = ()
    """Empty: any."""

    def matches(self, code: object, stage: str | None) -> bool:
        """Whether it is such a reply."""
        digits = str(code)
        if len(digits) != 3 or (self.stages and stage not in self.stages):
            return False
        return any(all(want in ("x", has) for want, has in zip(each, digits, strict=True)) for each in self.codes)

    def __str__(self) -> str:
        at = f" at {' or '.join(self.stages)}" if self.stages else ""
        return f"the reply {' or '.join(self.codes)}{at}"


@attrs.frozen
class Command:
    """Which command: one of this verb, or one whose line matches; ``any`` where there is neither."""

    text: str
    """As written."""
    verb: str = ""
    matcher: Matcher | None = None

    def matches(self, line: str) -> bool:
        """Whether the line, as the journal shows it, is one."""
        if self.matcher is not None:
            return self.matcher.matches(line)
        return not self.verb or _verb(line) == self.verb

    def __str__(self) -> str:
        return self.text


def _verb(line: str) -> str:
    words = line.split(maxsplit=1)
    return words[0].upper() if words else ""


ANY_COMMAND: Final = Command("any")


@attrs.frozen
class Question:
    """A question for the name server: a type, or any, and a name."""

    type: str
    """In upper case; empty: any."""
    name: Matcher

    def matches(self, kind: object, name: object) -> bool:
        """Whether that was asked."""
        asked = str(name).rstrip(".") or "."
        return (not self.type or str(kind).upper() == self.type) and self.name.matches(asked)

    def __str__(self) -> str:
        return f"{self.type} {self.name}".strip()


# ---------------------------------------------------------------------- one class for each expectation


@attrs.frozen
class Sessions:
    """Connections that were accepted."""

    count: Count

    def __str__(self) -> str:
        return self.count.of("session")


@attrs.frozen
class Messages:
    """Messages that were taken."""

    count: Count

    def __str__(self) -> str:
        return self.count.of("message")


@attrs.frozen
class Recipients:
    """Who gets a message: each of these and nobody else, or so many that match."""

    all_of: tuple[Matcher, ...] | None = None
    matcher: Matcher | None = None
    count: Count = SOME

    def __str__(self) -> str:
        if self.all_of is not None:
            return f"messages for {_list(self.all_of)}, and for nobody else" if self.all_of else "messages for nobody"
        return self.count.of("recipient") + (f" that matches {self.matcher}" if self.matcher is not None else "")


@attrs.frozen
class Duplicates:
    """Messages that a recipient has had before."""

    count: Count = NONE
    same_by: SameBy = "message-id"

    def __str__(self) -> str:
        return f"{self.count.of('duplicate')}, by {self.same_by}"


@attrs.frozen
class Commands:
    """What the client may, or must, send."""

    of: tuple[Command, ...] = (ANY_COMMAND,)
    count: Count = NONE
    sequence: tuple[Command, ...] = ()
    """In this order in one session, other commands between them."""
    channel: Channel | None = None
    after: After | None = None
    excepted: tuple[Command, ...] = ()

    def __str__(self) -> str:
        circumstances = self.circumstances
        if self.sequence:
            return f"{', then '.join(map(str, self.sequence))} in one session{circumstances}"
        asked = "command" if self.of == (ANY_COMMAND,) else _either(self.of)
        if self.count == NONE:
            return f"never {'any command' if asked == 'command' else asked}{circumstances}"
        which = "" if self.of == (ANY_COMMAND,) else f" ({asked})"
        return f"{self.count.of('command')}{which}{circumstances}"

    @property
    def circumstances(self) -> str:
        """Which of these commands are meant."""
        excepted = f" but {_either(self.excepted)}" if self.excepted else ""
        channel = {"plaintext": " in plaintext", "tls": " in TLS", None: ""}[self.channel]
        return f"{excepted}{channel}{f' after {self.after}' if self.after is not None else ''}"


@attrs.frozen
class Lookups:
    """Questions that the client asks the scenario's name server."""

    count: Count = SOME
    of: tuple[Question, ...] = ()
    """Empty: any."""
    each: bool = False
    """Each of them is asked so often, not all of them together."""

    def __str__(self) -> str:
        if self.each:
            return f"look-ups of {_list(self.of)}"
        of = f" for {_either(self.of)}" if self.of else ""
        return f"{self.count.of('look-up')}{of}"


@attrs.frozen
class Retries:
    """How often, and when, mail that was not taken is sent again."""

    count: Count | None = None
    no_sooner: float | None = None
    """Virtual seconds after the failure."""
    no_later: float | None = None

    @property
    def counted(self) -> Count:
        """The count, with what a bound on time implies: not to come is later than any time."""
        return self.count if self.count is not None else SOME if self.no_later is not None else Count()

    def __str__(self) -> str:
        told = [_HOW_OFTEN.get(self.counted, self.counted.of("time"))] if self.counted != Count() else []
        if self.no_sooner is not None:
            told.append(f"no sooner than {show_duration(self.no_sooner)} after a failure")
        if self.no_later is not None:
            told.append(f"no later than {show_duration(self.no_later)} after a failure")
        if self.counted == NONE:
            return "mail that is not taken is not tried again"
        return f"mail that is not taken is tried again {', '.join(told)}" + (", if at all" * (not self.counted.least))


@attrs.frozen
class Closes:
    """Whether the client closes the connection, after what, and how soon."""

    wanted: bool = True
    within: float | None = None
    """Real seconds."""
    after: After | None = None

    def __str__(self) -> str:
        within = f" within {show_duration(self.within)}" if self.within is not None else ""
        after = f" after {self.after}" if self.after is not None else " of the last reply" if within else ""
        return f"the client {'closes' if self.wanted else 'does not close'} the connection{within}{after}"


@attrs.frozen
class Quit:
    """Whether sessions end with QUIT."""

    wanted: bool

    def __str__(self) -> str:
        return "every session ends with QUIT" if self.wanted else "no QUIT"


@attrs.frozen
class Tls:
    """Whether mail and credentials are sent in TLS only."""

    wanted: bool

    def __str__(self) -> str:
        return "mail and credentials in TLS only" if self.wanted else "no session in TLS"


@attrs.frozen
class ExitStatus:
    """How the client ends."""

    wanted: int | Literal["success", "failure"]

    def __str__(self) -> str:
        if isinstance(self.wanted, int):
            return f"the client's exit status is {self.wanted}"
        return f"the client's exit status is {'0' if self.wanted == 'success' else 'not 0'}"


@attrs.frozen
class ClientMessage:
    """What the client tells its user."""

    matcher: Matcher | None = None
    language: str | None = None
    """It shows the message that the scenario documents in this language."""

    def __str__(self) -> str:
        told = [f"what the client tells its user matches {self.matcher}"] * (self.matcher is not None)
        told += [f"the client shows the documented message in {self.language!r}"] * (self.language is not None)
        return ", and ".join(told)


@attrs.frozen
class DotStuffing:
    """Whether the client doubles the dot of each line that begins with one."""

    wanted: bool

    def __str__(self) -> str:
        return "lines that begin with a dot are sent with two" if self.wanted else "the client does not stuff its dots"


@attrs.frozen
class Script:
    """That no client leaves the scenario's script."""

    def __str__(self) -> str:
        return "every client says what the script expects"


Demand = (
    Sessions
    | Messages
    | Recipients
    | Duplicates
    | Commands
    | Lookups
    | Retries
    | Closes
    | DotStuffing
    | Quit
    | Tls
    | ExitStatus
    | ClientMessage
    | Script
)


def _either(things: tuple[object, ...]) -> str:
    return " or ".join(map(str, things))


def _list(things: tuple[object, ...]) -> str:
    *others, last = map(str, things)
    return f"{', '.join(others)} and {last}" if others else last
