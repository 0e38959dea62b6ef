"""Text for people and terminals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.journal.readable import escape, read_line, read_lines


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain \\n text", "plain \\n text"),
        ("tab\tcr\rlf\n", "tab\\tcr\\rlf\\n"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("ideographic\u3000space", "ideographic\u3000space"),
        ("\u202eright to left", "\\u202eright to left"),
        ("\ud800", "\\ud800"),
        ("共有 😀", "共有 😀"),
    ],
)
def test_what_does_not_print_is_escaped(given_text: str, shown: str) -> None:
    assert escape(given_text) == shown


@given(st.binary())
def test_any_octets_become_printable_text(octets: bytes) -> None:
    text, exact = read_line(octets)
    assert escape(text) == text
    assert not exact or text.encode() == octets


@given(st.lists(st.sampled_from([b"250 OK", b"\r\n", b"\n", b"\r", b"\xff", b"x"])).map(b"".join))
def test_the_lines_of_a_reply_are_exact_only_if_they_give_its_octets(octets: bytes) -> None:
    text, exact = read_lines(octets)
    given_back = (text.replace("\n", "\r\n") + "\r\n").encode()
    assert exact == (given_back == octets)


@pytest.mark.parametrize(
    ("octets", "text", "exact"),
    [
        (b"250-a\r\n250 b\r\n", "250-a\n250 b", True),
        (b"250 a", "250 a", False),
        (b"250 a\n", "250 a\\n", False),
        (b"250 a\r\n\r\n", "250 a\n", True),
        (b"\r\n", "", True),
        (b"", "", False),
        (b"250 \xe3\x81\x82\r\n", "250 あ", False),
    ],
)
def test_the_lines_of_a_reply(octets: bytes, text: str, exact: bool) -> None:
    assert read_lines(octets) == (text, exact)
