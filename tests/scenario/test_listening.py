"""What a listener can be told about its port."""

from __future__ import annotations

import pytest

from fakesmtp.cli.surroundings import phrase_listener
from fakesmtp.scenario import reader


@pytest.mark.parametrize(
    ("keys", "state", "opens", "words"),
    [
        ("opens: 5s", "closed", 5.0, "the port refuses connections for the first 5s"),
        ("state: blackhole, opens: 1m", "blackhole", 60.0, "the port never answers for the first 1m"),
        ("state: closed", "closed", None, "the port refuses connections"),
        ("", "open", None, ""),
    ],
)
def test_a_listener_may_open_later(keys: str, state: str, opens: float | None, words: str) -> None:
    (listener,) = reader.read(f"listeners: {{smtp: {{{keys}}}}}", "late.yaml").require().listeners
    assert (listener.state, listener.opens, phrase_listener(listener)) == (state, opens, words)


def test_what_is_open_does_not_open() -> None:
    reading = reader.read("listeners: {smtp: {state: open, opens: 5s}}", "late.yaml")
    assert [problem.message for problem in reading.errors] == ["'smtp' is open from the start"]


@pytest.mark.parametrize(("keys", "words"), [("opens: 0s", "longer than 0"), ("window: 0", "at least 1")])
def test_nothing_is_neither_a_time_nor_a_window(keys: str, words: str) -> None:
    (problem,) = reader.read(f"listeners: {{smtp: {{{keys}}}}}", "late.yaml").errors
    assert words in f"{problem.message}; {problem.hint}"


def test_a_window_is_said() -> None:
    (listener,) = reader.read("listeners: {smtp: {window: 2KB}}", "narrow.yaml").require().listeners
    assert phrase_listener(listener) == "a window of 2000 octets"
