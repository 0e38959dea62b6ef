"""What ``-v`` shows."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from fakesmtp.cli.live import LiveLog
from fakesmtp.cli.options import Common
from fakesmtp.journal.journal import Journal
from fakesmtp.journal.tap import Tap
from fakesmtp.protocol.actions import Decided, Heard
from fakesmtp.protocol.events import Connected
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import Stage


@attrs.define
class Shown:
    """What a log of one refused command shows."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, log_format: str = "text", color: str = "auto") -> list[str]:
        fields: dict[str, Any] = dict.fromkeys(field.name for field in attrs.fields(Common))
        log = LiveLog(Common(**{**fields, "log_format": log_format, "color": color}))
        journal = Journal()
        journal.subscribe(log)
        tap = Tap(journal, 1)
        tap.event(Connected("192.0.2.1", 40000))
        tap.heard(Heard(Stage.MAIL, b"MAIL FROM:<a@example.test>"))
        reply = Reply.parse("550 5.7.1 No\nthanks")
        tap.decided(Decided(Stage.MAIL, reply))
        tap.sent(reply.wire)
        tap.turn_ended()
        journal.note("nothing more")
        assert self.capsys.readouterr().err == ""  # nothing before it is flushed
        log.flush()
        log.flush()
        return self.capsys.readouterr().err.splitlines()


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shown:
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Shown(capsys)


def test_the_conversation_is_shown_line_by_line_with_the_session(shown: Shown) -> None:
    lines = shown()
    assert lines[0].startswith("[1] ")
    assert "192.0.2.1:40000" in lines[0]
    assert lines[1].endswith("C: MAIL FROM:<a@example.test>")
    assert [line.partition("S: ")[2] for line in lines if "S: " in line] == ["550-5.7.1 No", "550 5.7.1 thanks"]
    assert lines[-1].startswith("[-] ")
    assert lines[-1].endswith("nothing more")


def test_in_json_each_event_is_a_line(shown: Shown) -> None:
    entries = [json.loads(line) for line in shown("json")]
    assert [entry["kind"] for entry in entries] == ["connected", "command", "reply", "note"]
    assert entries[2]["code"] == 550


@pytest.mark.parametrize(("color", "coloured"), [("auto", False), ("always", True), ("never", False)])
def test_colour_is_as_asked_and_not_for_a_pipe(shown: Shown, color: str, coloured: bool) -> None:
    assert ("\x1b[" in "".join(shown(color=color))) == coloured


@pytest.mark.parametrize(
    ("no_color", "color", "coloured"), [("", "auto", True), ("1", "auto", False), ("1", "always", True)]
)
def test_on_a_terminal_no_color_is_kept_unless_colour_is_asked_for(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, no_color: str, color: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda stream, color: color is False)  # as on a terminal
    assert ("\x1b[" in "".join(shown(color=color))) == coloured
