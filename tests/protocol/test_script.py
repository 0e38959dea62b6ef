"""What a line must be, how far one follows it, and which script is whose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.protocol.script import Exactly, Globs, HangUp, Script
from fakesmtp.scenario.matchers import Glob

STEPS = ((HangUp("fin"),), (HangUp("rst"),))
_TEXT = st.text(alphabet="aB*?x ", max_size=8)


@pytest.mark.parametrize(
    ("globs", "line", "at"),
    [
        (("EHLO *",), b"EHLO x\r\n", 6),
        (("EHLO *",), b"HELO x\r\n", 0),
        (("EHLO *",), b"EHLO\r\n", 4),
        (("QUIT",), b"QUIT now\r\n", 4),
        (("MAIL FROM:<?@*.test>*",), b"mail from:<a@b.example>\r\n", 15),
        (("A?C",), b"AB\r\n", 2),
        (("A?C",), b"ABD\r\n", 2),
        (("*",), b"\r\n", 0),
        (("EHLO *.test",), b"EHLO client\r\n", 11),
        (("A*BC*",), b"AxBx\r\n", 3),
        (("A*BC*",), b"AxBBxBCx\r\n", 8),
        (("",), b"x\r\n", 0),
        (("EHLO *", "HELO*x"), b"HELO y\r\n", 6),
        (("EHLO \xe9",), b"EHLO \xe9x\r\n", 6),
    ],
)
def test_how_far_a_line_follows_a_glob(globs: tuple[str, ...], line: bytes, at: int) -> None:
    assert Globs(globs).strays(line) == at


@given(_TEXT, _TEXT)
def test_a_glob_means_the_same_as_in_rules(glob: str, text: str) -> None:
    assert Globs((glob,)).fits(text.encode() + b"\r\n") == Glob(glob).matches(text)


@given(_TEXT, _TEXT)
def test_a_line_that_fits_is_followed_to_its_end(glob: str, text: str) -> None:
    wanted, line = Globs((glob,)), text.encode() + b"\r\n"
    at = wanted.strays(line)
    assert at is not None
    assert 0 <= at <= len(text)
    assert at == len(text) or not wanted.fits(line)


@given(_TEXT.map(lambda text: text.replace("*", "")), _TEXT)
def test_where_no_star_is_nothing_helps_beyond_the_place_where_a_line_strays(glob: str, text: str) -> None:
    wanted = Globs((glob,))
    at = wanted.strays(text.encode())
    assert at is not None
    assert wanted.strays(text[: at + 1].encode()) == at
    assert wanted.strays(text[:at].encode()) == at


@given(_TEXT, _TEXT)
def test_exactly_is_to_the_letter(wanted: str, text: str) -> None:
    assert Exactly(wanted).fits(text.encode() + b"\r\n") == (wanted == text)


def test_whose_script() -> None:
    assert [Script(STEPS, repeats=False).steps_for(n) for n in (1, 2, 3)] == [*STEPS, None]
    assert [Script(STEPS, repeats=True).steps_for(n) for n in (1, 2, 3)] == [*STEPS, STEPS[1]]
