"""Durations and sizes as people write them."""

from __future__ import annotations

import pytest

from fakesmtp.protocol.units import parse_duration, parse_size, show_duration, show_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("5s", 5),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        ("2 d", 172800),
        ("0", 0),
        ("1w", 604800),
        ("3us", 3e-6),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "5 parsecs", "5s later", "-5s", "1h and 5m"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "octets"), [("1000", 1000), ("10MB", 10**7), ("1MiB", 2**20), ("64kb", 64000), ("1.5k", 1536), ("0", 0)]
)
def test_sizes(text, octets):
    assert parse_size(text) == octets


@pytest.mark.parametrize("text", ["", "MB", "10 miles", "-1", "1e3"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "250ms"), (5, "5s"), (5400, "1h30m"), (0, "0ms"), (59.5, "59.5s"), (86400, "1d")]
)
def test_durations_are_shown_as_they_are_written(seconds, text):
    assert show_duration(seconds) == text


@pytest.mark.parametrize(("octets", "text"), [(512, "512 octets"), (10**7, "10 MB"), (1500, "1.5 kB")])
def test_sizes_are_shown(octets, text):
    assert show_size(octets) == text
