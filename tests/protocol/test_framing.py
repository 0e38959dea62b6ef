"""Lines, mail data and their ends, cut from the stream."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fakesmtp.protocol.envelope import StoredMailData
from fakesmtp.protocol.framing import READINGS, DotScanner, Inbox, LineTooLong


def lines(pieces: list[bytes], bound: int) -> list[bytes | None]:
    """Every line; ``None`` for one that is too long."""
    inbox, found = Inbox(), []
    for piece in pieces:
        inbox.feed(piece)
        while True:
            try:
                line = inbox.take_line(bound)
            except LineTooLong:
                found.append(None)
                continue
            if line is None:
                break
            found.append(line)
    return found


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    """Octets in pieces."""
    ends = sorted({place % (len(octets) + 1) for place in places} | {0, len(octets)})
    return [octets[start:end] for start, end in pairwise(ends)]


@given(st.binary(max_size=80).map(lambda octets: octets.replace(b"\x00", b"\n")), st.lists(st.integers(0, 200)))
def test_lines_are_the_same_however_they_are_cut(octets, places):
    assert lines(cut(octets, places), 10) == lines([octets], 10)


@given(st.binary(max_size=80).map(lambda octets: octets.replace(b"\x00", b"\n")))
def test_no_line_is_longer_than_the_bound_and_none_is_lost(octets):
    found = lines([octets], 10)
    expected = octets.split(b"\n")[:-1]
    assert [None if len(line) + 1 > 10 else line + b"\n" for line in expected] == found


ALPHABET = st.sampled_from([b"\r", b"\n", b".", b"x", b"\r\n", b"\r\n.\r\n"])


@given(st.lists(ALPHABET, max_size=20).map(b"".join), st.lists(st.integers(0, 60)), st.booleans())
def test_the_end_of_mail_data_is_the_same_however_it_is_cut(octets, places, lenient):
    def find(pieces: list[bytes]) -> tuple[int, int] | None:
        scanner, before = DotScanner(lenient), 0
        for piece in pieces:
            if end := scanner.scan(piece):
                return before + end[0], end[1]
            before += len(piece)
        return None

    assert find(cut(octets, places)) == find([octets])


@given(st.lists(ALPHABET, max_size=20).map(b"".join))
def test_the_end_is_the_first_line_that_is_a_dot(octets):
    at = (b"\r\n" + octets).find(b"\r\n.\r\n")
    expected = None if at < 0 else (at + 3, 3)
    assert DotScanner().scan(octets) == expected


@given(st.lists(st.binary(max_size=5), max_size=6), st.integers(0, 30))
def test_stored_mail_data_forgets_its_end(pieces, octets):
    stored = StoredMailData()
    for piece in pieces:
        stored.append(piece)
    stored.cut(octets)
    whole = b"".join(pieces)
    assert stored.read() == whole[: max(0, len(whole) - octets)]


def test_octets_are_taken_as_far_as_they_go():
    inbox = Inbox()
    inbox.feed(b"abcdef")
    assert (inbox.take(4), inbox.take(4), inbox.take(4)) == (b"abcd", b"ef", b"")


def test_what_was_put_back_is_read_again():
    inbox = Inbox()
    inbox.feed(b"abc\r\nNOOP\r\n")
    everything = inbox.take_all()
    inbox.put_back(everything[5:])
    assert inbox.take_line(100) == b"NOOP\r\n"


@pytest.mark.parametrize("lenient", [False, True])
def test_a_scanner_in_the_middle_of_a_marker(lenient):
    scanner = DotScanner(lenient)
    assert scanner.scan(b"x\r\n.\r") is None
    assert scanner.scan(b"\nNOOP") == (1, 3)


LINE_ENDS = {"crlf": b"\r\n", "lf": b"\n", "cr": b"\r"}
OTHERS = READINGS[1:]


def test_the_readings_are_all_pairs_of_line_ends():
    assert READINGS[0] == "crlf.crlf"
    assert len(set(READINGS)) == 9


@pytest.mark.parametrize("reading", OTHERS)
@pytest.mark.parametrize("other", OTHERS)
def test_a_reading_is_its_own_octets_and_no_others(reading, other):
    before, behind = other.split(".")
    octets = b"x" + LINE_ENDS[before] + b"." + LINE_ENDS[behind]
    found = DotScanner(also=[reading]).scan(octets + b"MAIL")
    assert found == ((len(octets), len(octets) - octets.index(b".")) if reading == other else None)


@pytest.mark.parametrize("reading", OTHERS)
def test_the_ordinary_end_is_still_one(reading):
    assert DotScanner(also=[reading]).scan(b"x\r\n.\r\nMAIL") == (6, 3)
    assert DotScanner(also=OTHERS).scan(b"x\r\n.\r\n") == (6, 3)


def test_a_bare_cr_is_known_by_the_octet_behind_it():
    scanner = DotScanner(also=["cr.cr", "crlf.cr"])
    assert scanner.scan(b"x\r.\r") is None
    assert scanner.scan(b"MAIL") == (0, 2)
    scanner = DotScanner(also=["cr.cr", "crlf.cr"])
    assert scanner.scan(b"x\r\n.\r") is None
    assert scanner.scan(b"\nMAIL") == (1, 3), "it was the first half of the ordinary end"


def test_the_line_end_of_data_stands_before_the_first_dot():
    assert DotScanner(also=["crlf.lf"]).scan(b".\n") == (2, 2)
    assert DotScanner(also=["lf.lf"]).scan(b".\n") is None


@given(
    st.lists(ALPHABET, max_size=20).map(b"".join),
    st.lists(st.integers(0, 60)),
    st.lists(st.sampled_from(OTHERS), min_size=1, max_size=8),
)
@example(b"\r\n.\r.\rX", [6], ["lf.cr", "cr.cr"])
def test_other_ends_are_the_same_however_they_are_cut(octets, places, readings):
    def find(pieces):
        scanner, before = DotScanner(also=readings), 0
        for piece in pieces:
            if end := scanner.scan(piece):
                return before + end[0], end[1]
            before += len(piece)
        return None

    assert find(cut(octets, places)) == find([octets])
