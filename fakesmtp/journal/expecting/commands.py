"""Commands: what the client may not send, or must, and in which order."""

from __future__ import annotations

from collections import Counter
from typing import Final

import attrs

from fakesmtp.journal.expecting.counting import tell_refusal
from fakesmtp.journal.expecting.evidence import Evidence, Happening, SessionLog, show_seconds, verb_of
from fakesmtp.journal.expecting.judged import Finding, enumerate_lines, plural
from fakesmtp.scenario.demands import Command, Commands

_LATE: Final = 0.01
"""Seconds after its command from which on a reply is late: the client may have said more in the meantime."""
_AT_ONCE: Final = 0.0005
"""Seconds within which that is read once the reply has left."""


@attrs.define
class _Sorted:
    """The commands that are meant, and those that may be."""

    meant: list[Happening] = attrs.field(factory=list)
    doubtful: list[Happening] = attrs.field(factory=list)


def judge_commands(demand: Commands, evidence: Evidence) -> Finding:
    """A number of commands, none of them, or a sequence."""
    if demand.sequence:
        return _judge_sequence(demand, evidence)
    found = _sort(demand, evidence)
    number = len(found.meant)
    passed = demand.count.judge(number, number + len(found.doubtful) + evidence.unknown)
    told = _tell(demand, found.meant)
    if passed is None:
        return Finding(None, f"{told}, and {_doubts(found, evidence)}")
    if passed or number >= demand.count.least:
        return Finding(passed, told, _around(demand, found.meant))
    why, telling = tell_refusal(evidence)
    return Finding(False, f"{told}{why}\n{_sent(evidence)}", telling)


def _tell(demand: Commands, meant: list[Happening]) -> str:
    lines = [_describe(each, demand) for each in meant]
    return f"{plural(len(meant), 'command')}{enumerate_lines(lines)}"


def _describe(command: Happening, demand: Commands) -> str:
    text = f"{command.said} in session {command.log.number} at {command.clock_time}"
    reply = command.log.find_reply(demand.after) if demand.after is not None else None
    if reply is None:
        return text
    later = show_seconds(command.real - reply.real)
    return f"{text}, {later} after {reply.words}"


def _around(demand: Commands, meant: list[Happening]) -> tuple[Happening, ...]:
    """The first that is one too many in each session."""
    first: dict[SessionLog, Happening] = {}
    for each in meant[demand.count.most or 0 :]:
        first.setdefault(each.log, each)
    return tuple(first.values())[:3]


def _doubts(found: _Sorted, evidence: Evidence) -> str:
    if evidence.doubt:
        return evidence.doubt
    commands = ", ".join(each.said for each in found.doubtful[:3])
    return f"{commands} may have been on the way before the reply"


def _sent(evidence: Evidence) -> str:
    """What the clients have sent instead, by verb."""
    verbs = Counter(verb_of(each) for log in evidence.sessions for each in log.commands if each.stage != "auth-line")
    told = ", ".join(f"{verb} ({number} times)" if number > 1 else verb for verb, number in verbs.items())
    return f"the client has sent {told or 'no command'}"


# ---------------------------------------------------------------------- which are meant


def _sort(demand: Commands, evidence: Evidence) -> _Sorted:
    found = _Sorted()
    for log in evidence.sessions:
        behind = _Behind(demand, log)
        for command in log.commands:
            meant = _is_meant(demand, log, command, behind)
            if meant is not False:
                (found.meant if meant else found.doubtful).append(command)
    return found


def _is_meant(demand: Commands, log: SessionLog, command: Happening, behind: _Behind) -> bool | None:
    """Whether the demand speaks of this command; ``None``: what came before it is not known."""
    is_behind = behind.holds(command)
    if not _is_one(demand.of, command) or _is_one(demand.excepted, command):
        return False
    answers = [_is_in_channel(demand, log, command), is_behind]
    return False if False in answers else None if None in answers else True


def _is_one(commands: tuple[Command, ...], happening: Happening) -> bool:
    return any(each.matches(happening.text) for each in commands)


def _is_in_channel(demand: Commands, log: SessionLog, command: Happening) -> bool | None:
    if demand.channel is None:
        return True
    in_tls = log.in_tls(command)
    return None if in_tls is None else in_tls == (demand.channel == "tls")


class _Behind:
    """Which commands of a session were sent after the reply that is meant; asked for each of them in order.

    What was pipelined is read after the reply and was on its way before it. A journal says so where it was read
    together with the command before it; where the reply was late, it may have come in the meantime.
    """

    def __init__(self, demand: Commands, log: SessionLog) -> None:
        self._wanted = demand.after is not None
        self._reply = log.find_reply(demand.after) if demand.after is not None else None
        self._unknown = None if not log.is_whole else False
        self._early = True
        asked = [each for each in log.commands if self._reply is not None and each.place < self._reply.place]
        self._late = bool(asked and self._reply is not None and self._reply.real - asked[-1].real > _LATE)

    def holds(self, command: Happening) -> bool | None:
        """Whether it was; ``None``: that is not known."""
        if not self._wanted:
            return True
        if self._reply is None or self._reply.place > command.place:
            return self._unknown
        if self._early and command.event.get("pipelined") is True:
            return None if self._late else False
        if self._early and self._late and command.real - self._reply.real < _AT_ONCE:
            return None
        self._early = False
        return True


# ---------------------------------------------------------------------- sequences


def _judge_sequence(demand: Commands, evidence: Evidence) -> Finding:
    """In the session that comes furthest."""
    best: list[Happening] = []
    certain = not evidence.doubt
    for log in evidence.sessions:
        came, known = _follow(demand, log)
        certain = certain and known
        if len(came) == len(demand.sequence):
            return Finding(True, f"session {log.number} has it", tuple(came))
        best = came if len(came) > len(best) or not best else best
    happened = _tell_sequence(demand, best, evidence)
    if not certain:
        return Finding(None, f"{happened}, and {evidence.doubt}")
    last = best[-1:] or [log.happenings[-1] for log in evidence.sessions[-1:]]
    return Finding(False, happened, tuple(last))


def _follow(demand: Commands, log: SessionLog) -> tuple[list[Happening], bool]:
    """The commands of the sequence that were found in order, and whether what was passed over is known."""
    came: list[Happening] = []
    known = True
    behind = _Behind(demand, log)
    steps = [attrs.evolve(demand, of=(step,)) for step in demand.sequence]
    for command in log.commands:
        if len(came) == len(steps):
            break
        meant = _is_meant(steps[len(came)], log, command, behind)
        known = known and meant is not None
        if meant:
            came.append(command)
    return came, known


def _tell_sequence(demand: Commands, came: list[Happening], evidence: Evidence) -> str:
    if not evidence.sessions:
        return "no session: nothing connected"
    lacking = demand.sequence[len(came)]
    if not came:
        return f"no session has {lacking}\n{_sent(evidence)}"
    log = came[0].log
    then = [each for each in log.commands if each.place > came[-1].place]
    rest = f"it went on with {', '.join(each.said for each in then[:3])}" if then else "it sent nothing more"
    far = ", ".join(each.said for each in came)
    return f"session {log.number} came as far as {far}; then no {lacking}: {rest}"
