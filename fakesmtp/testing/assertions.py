"""What a failed assertion says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fakesmtp.testing.received import Event
from fakesmtp.testing.verification import Verification

_MOST_LINES: Final = 120
"""Of a transcript in a failure."""
_NEAREST: Final = 3
"""Commands that are shown as the nearest ones."""
_ALIKE: Final = 0.4
"""How alike a command must be to be near, from 0 to 1."""


def judge_commands(
    events: Iterable[Event], glob: str, *, times: int | None = None, never: bool = False, session: int | None = None
) -> str | None:
    """What is wrong with the client's commands; ``None`` if nothing is.

    :raises ValueError: if the arguments contradict each other, or the glob is empty.
    """
    wanted = _wanted(glob, times, never)
    commands = [each for each in events if each["kind"] == "command" and session in (None, each["session"])]
    matching = [each for each in commands if _matches(glob, each["text"])]
    if (len(matching) == wanted) if wanted is not None else matching:
        return None
    where = "" if session is None else f" in session {session}"
    said = f"{_expected(glob, wanted)}{where}, but"
    if matching:
        matches = f"{len(matching)} {'matches' if len(matching) == 1 else 'match'}"
        return "\n".join([f"{said} {matches}:", *map(_line, matching)])
    return "\n".join([f"{said} {_none_of(commands)}", *_nearest(glob, commands)])


def _wanted(glob: str, times: int | None, never: bool) -> int | None:
    if not glob.strip():
        raise ValueError("the glob is empty: give a command, such as 'RCPT TO:<bob@*>', or '*' for any")
    if never and times is not None:
        raise ValueError("times= and never= contradict each other: give one of them")
    if times is not None and times < 0:
        raise ValueError(f"times={times}: a number from 0")
    return 0 if never else times


def _matches(glob: str, command: str) -> bool:
    """Whether the glob describes the command, or its beginning up to a blank."""
    from fakesmtp.scenario.matchers import glob_pattern

    glob = glob.strip()
    return any(glob_pattern(each).fullmatch(command.strip()) is not None for each in (glob, f"{glob} *"))


def _expected(glob: str, wanted: int | None) -> str:
    if wanted == 0:
        return f"expected no command {glob!r}"
    if wanted is None:
        return f"expected a command {glob!r}"
    return f"expected {_count(wanted, 'command')} {glob!r}"


def _none_of(commands: list[Event]) -> str:
    if not commands:
        return "the client has sent no command"
    return "the only command does not match" if len(commands) == 1 else f"none of {len(commands)} commands matches"


def _nearest(glob: str, commands: list[Event]) -> list[str]:
    from difflib import SequenceMatcher

    plain = glob.replace("*", "").casefold()
    alike = [(SequenceMatcher(None, plain, each["text"].casefold()[:200]).ratio(), each) for each in commands]
    near = sorted((pair for pair in alike if pair[0] >= _ALIKE), key=lambda pair: -pair[0])[:_NEAREST]
    return ["the nearest:", *(_line(each) for _, each in near)] if near else []


def _line(event: Event) -> str:
    return f"  session {event['session']}, {event['elapsed']:.3f} s: {event['text']}"


def tell_failed(verification: Verification, name: str, seed: int) -> str:
    """Expectations that were not met."""
    return f"the client has not done what scenario {name} expects (seed {seed})\n\n{verification.render()}".rstrip()


def tell_message(judged: Mapping[str, Any] | None, text: str) -> str:
    """A message that does not tell its user what went wrong."""
    if judged is None:
        return f"nothing is known about what a client should say, so this cannot be judged:\n{text}"
    return str(judged.get("rendered") or judged["sentence"]).rstrip()


def counts_of(summary: Mapping[str, Any]) -> dict[str, int]:
    """What has come, by the names of what can be waited for."""
    return {
        "messages": summary["messages"],
        "sessions": summary["sessions"],
        "over": summary["sessions"] - summary["open-sessions"],
        "commands": sum(summary["commands"].values()),
    }


def is_reached(wanted: Mapping[str, int], summary: Mapping[str, Any]) -> bool:
    """Whether at least so much has come."""
    came = counts_of(summary)
    return all(came[name] >= number for name, number in wanted.items())


def tell_waited(wanted: Mapping[str, int], timeout: float, summary: Mapping[str, Any]) -> str:
    """What was waited for, and what came."""
    asked = " and ".join(_count(number, _NOUNS[name]) for name, number in wanted.items())
    counts = counts_of(summary)
    messages, sessions = _count(counts["messages"], "message"), _count(counts["sessions"], "session")
    came = f"{messages}, {sessions} ({counts['over']} over) and {_count(counts['commands'], 'command')}"
    return f"waited {timeout:g} s for {asked}, but only {came} came"


def wanted_counts(messages: int | None, sessions: int | None, over: int | None, commands: int | None) -> dict[str, int]:
    """What is to be waited for: one message, if nothing is said. :raises ValueError: if a number is none."""
    given = {"messages": messages, "sessions": sessions, "over": over, "commands": commands}
    wanted = {name: number for name, number in given.items() if number is not None} or {"messages": 1}
    for name, number in wanted.items():
        if number < 0:
            raise ValueError(f"{name}={number}: a number from 0")
    return wanted


_NOUNS: Final = {"messages": "message", "sessions": "session", "over": "session that is over", "commands": "command"}
_PLURALS: Final = {"session that is over": "sessions that are over"}


def shorten_transcript(transcript: str) -> str:
    """The end of it, where it is long."""
    lines = transcript.rstrip("\n").split("\n")
    if not transcript.strip():
        return "(nobody has connected)"
    left_out = len(lines) - _MOST_LINES
    if left_out <= 0:
        return "\n".join(lines)
    return "\n".join([f"({left_out:,} earlier lines: .transcript has them)", *lines[-_MOST_LINES:]])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else _PLURALS.get(noun, noun + 's')}"
