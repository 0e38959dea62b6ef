"""What a failing test says of its servers, and the files that journals are kept in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import pytest

from fakesmtp.testing.choices import CHOICES
from fakesmtp.testing.markers import Play

if TYPE_CHECKING:
    from fakesmtp.testing.handle import Handle

TITLE: Final = "fakesmtp"
"""Of the section in a report."""
_LONGEST_NAME: Final = 120
"""Characters of a journal file's name, without its suffix."""


class Served:
    """A server that a test has, and what is kept of it when the test is over.

    :param fixture: the name of the fixture that gave it. :param number: among the test's servers, from 1.
    """

    def __init__(self, handle: Handle, play: Play, fixture: str, number: int) -> None:
        self.handle, self.play, self.fixture, self.number = handle, play, fixture, number
        self.first = self.ready = handle.ready
        """The ready object, as it was when the test began, and as last seen."""
        self.events: Sequence[Mapping[str, Any]] | None = None
        """The journal, where it may have to be written, and could be had."""
        self.is_lost = False
        """The server did not answer when it was asked what it had seen."""
        self.told: str | None = None
        """What a report says of it, once the server plays for others."""


class Attendance:
    """The servers of one run of one test, and how far the test has come."""

    def __init__(self) -> None:
        self.served: list[Served] = []
        self.outcomes: dict[str, str] = {}
        """By phase (setup, call, teardown): passed, failed or skipped."""

    def add(self, handle: Handle, play: Play, fixture: str) -> Served:
        """Note a further server of the test."""
        self.served.append(Served(handle, play, fixture, len(self.served) + 1))
        return self.served[-1]

    @property
    def failed(self) -> bool:
        """Whether any phase has."""
        return "failed" in self.outcomes.values()


_ATTENDANCE: Final = pytest.StashKey[Attendance]()


def attendance_of(item: pytest.Item) -> Attendance:
    """What is known of the run of this test."""
    return item.stash.setdefault(_ATTENDANCE, Attendance())


def complete_report(item: pytest.Item, report: pytest.TestReport) -> None:
    """Note how a phase ended; if it failed, say what the servers saw; at the end, keep or drop the journals."""
    attendance = item.stash.get(_ATTENDANCE, None)
    if attendance is None:
        return
    attendance.outcomes[report.when or ""] = report.outcome
    if report.failed:
        texts = _texts_so_far if report.when != "teardown" else _texts_at_end
        report.sections += [(TITLE, text) for text in texts(item, attendance)]
    if report.when == "teardown":
        del item.stash[_ATTENDANCE]
        _keep_journals(item, attendance, report)


def _texts_so_far(item: pytest.Item, attendance: Attendance) -> Iterator[str]:
    yield from (describe(item, served) for served in attendance.served)


def _texts_at_end(item: pytest.Item, attendance: Attendance) -> Iterator[str]:
    """By now the servers may be gone."""
    yield from (served.told for served in attendance.served if served.told is not None)


# ---------------------------------------------------------------------- the section


def describe(item: pytest.Item, served: Served, *, judged: bool = False) -> str:
    """What one server saw, what it made of that, and how to have the same again.

    :param judged: what it made of it is said elsewhere.
    """
    from fakesmtp.testing.errors import FakeSMTPError

    try:
        seen = list(_tell_seen(served, judged))
    except FakeSMTPError as error:
        seen, served.is_lost = [str(error)], True
    head = f"{served.fixture}: scenario {{scenario}}, seed {{seed}}, at {{address}}".format_map(served.ready)
    return "\n\n".join([head, *seen, "\n".join(_tell_again(item, served))])


def _tell_seen(served: Served, judged: bool) -> Iterator[str]:
    from fakesmtp.testing.assertions import shorten_transcript

    handle = served.handle
    served.ready = handle.ready
    yield shorten_transcript(handle.transcript)
    if not judged and not (verification := handle.verify()).passed:
        yield verification.render().rstrip()


def _tell_again(item: pytest.Item, served: Served) -> Iterator[str]:
    choices = item.config.stash[CHOICES]
    if choices.journal != "off" and not served.is_lost:
        yield f"Its journal: {shown(item.config, journal_path(item, served))}"
    if served.fixture == "fakesmtp_running":
        return
    if served is attendance_of(item).served[-1]:
        yield "Run the test again:"
        yield f"  {running(item)}"
    if by_hand := serving(served, choices.speed):
        yield "Try the server by hand:"
        yield f"  {by_hand}"


def running(item: pytest.Item) -> str:
    """The command that runs a test again, so that its servers draw the same."""
    choices = item.config.stash[CHOICES]
    seeds = {served.first["seed"] for served in attendance_of(item).served}
    seed = seeds.pop() if len(seeds) == 1 else choices.seed
    words = ["pytest", place_of(item)]
    words += [] if seed is None else ["--fakesmtp-seed", str(seed)]
    words += [] if choices.speed is None else ["--fakesmtp-speed", f"{choices.speed:g}"]
    return " ".join(map(quote, words))


def place_of(item: pytest.Item) -> str:
    """The test's node id as the command line takes it where pytest was called."""
    folder, colons, rest = item.nodeid.partition("::")
    path = item.config.rootpath / folder
    return f"{os.path.relpath(path, item.config.invocation_params.dir)}{colons}{rest}" if path.exists() else item.nodeid


def serving(served: Served, speed: float | None) -> str | None:
    """The command that plays the same; ``None`` for a scenario that has no file."""
    from fakesmtp.testing.wanted import as_yaml

    play, name = served.play, served.ready["scenario"]
    if name != served.first["scenario"]:
        play = Play(scenario=name)  # the test has changed it
    if not isinstance(play.scenario, (str, Path)) or play.scenario == "inline":
        return None
    speed = play.speed if play.speed is not None else speed
    words = ["fakesmtp", "serve", str(play.scenario), "--seed", str(served.ready["seed"])]
    words += [] if speed is None else ["--speed", f"{speed:g}"]
    words += [] if play.persona is None else ["--persona", play.persona]
    words += [word for key, value in (play.set or {}).items() for word in ("--set", f"{key}={as_yaml(value)}")]
    return " ".join(map(quote, words))


# ---------------------------------------------------------------------- journals


def _keep_journals(item: pytest.Item, attendance: Attendance, report: pytest.TestReport) -> None:
    choice = item.config.stash[CHOICES].journal
    for served in attendance.served if choice != "off" else ():
        path = journal_path(item, served)
        try:
            if served.events is not None and (choice == "on" or attendance.failed):
                _write(path, served.events)
            else:
                path.unlink(missing_ok=True)  # of an earlier run
        except OSError as error:
            why = f"cannot write {shown(item.config, path)}: {error.strerror}"
            report.outcome, report.longrepr = "failed", f"{report.longrepr or ''}\n{why}".lstrip()


def _write(path: Path, events: Sequence[Mapping[str, Any]]) -> None:
    from fakesmtp.journal.ndjson import make_encoder

    encode = make_encoder().encode
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(encode(event).encode("utf-8", "backslashreplace") + b"\n" for event in events))


def journal_path(item: pytest.Item, served: Served) -> Path:
    """The file of one server's journal: named after the test, different for each."""
    name = re.sub(r"/|::", "-", item.nodeid)
    plain = re.sub(r"[^\w.\-\[\]]", "-", name)
    if plain != name or len(plain) > _LONGEST_NAME:
        plain = f"{plain[:_LONGEST_NAME]}-{crc32(name.encode('utf-8', 'backslashreplace')):08x}"
    return item.config.stash[CHOICES].journal_dir / f"{plain}{f'-{served.number}' if served.number > 1 else ''}.ndjson"


def shown(config: pytest.Config, path: Path) -> str:
    """A path as short as it can be said where pytest was called."""
    folder = config.invocation_params.dir
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
