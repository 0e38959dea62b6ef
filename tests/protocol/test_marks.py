"""Where in the mail data the stage ``content`` is asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.protocol.marks import Watch
from fakesmtp.protocol.policy import Mark
from tests.protocol.test_framing import cut

MARKS = (Mark(offset=0), Mark(offset=5), Mark(offset=9), Mark(text=b"ab"), Mark(text=b"bab"), Mark(text=b"x"))


def crossings(pieces: list[bytes], end: int) -> list[tuple[int, Mark]]:
    """What is crossed by the pieces, and by the line of the dot behind them."""
    watch = Watch(MARKS)
    found: list[tuple[int, Mark]] = []
    for piece in pieces[:-1]:
        found += watch.crossed(piece, 4)
    return found + list(watch.crossed(pieces[-1] if pieces else b"", end))


@given(st.text("abABx-", max_size=30), st.lists(st.integers(0, 60)))
def test_the_same_marks_are_crossed_at_the_same_places_however_the_data_is_cut(text, places):
    octets = text.encode() + b".\r\n"
    assert crossings(cut(octets, places), 3) == crossings([octets], 3)


@given(st.text("abABx-", max_size=30))
def test_each_mark_is_crossed_once_where_it_first_stands(text):
    octets = text.encode()
    expected = {mark: mark.offset for mark in MARKS if mark.offset is not None and mark.offset <= len(octets)}
    for mark in MARKS:
        if mark.text is not None and mark.text in octets.lower():
            expected[mark] = octets.lower().index(mark.text) + len(mark.text)
    found = crossings([octets + b".\r\n"], 3)
    assert {mark: offset for offset, mark in found} == expected
    assert [offset for offset, _ in found] == sorted(expected.values())
