from __future__ import annotations

from fakesmtp.cli.documents import CASES, number_of, position
from fakesmtp.scenario import library


def test_cases_have_the_numbers_of_their_document() -> None:
    assert number_of("acronis-vmprotect", "auth-bad-credentials") == "1"
    assert number_of("acronis-vmprotect", "connect-refused") == "8"
    assert number_of("wiz98", "user-unknown") == ""
    assert number_of("acronis-vmprotect", "attachment-refused") == "9"
    assert number_of("acronis-vmprotect", "quit-misbehaviour") == ""
    assert number_of("acronis-vmprotect", "unheard-of") == number_of("unheard-of", "case") == ""


def test_cases_have_the_order_of_their_document() -> None:
    cases = ["data-refused-direct", "unheard-of", "connect-refused", "auth-bad-credentials"]
    cases.sort(key=lambda case: position("acronis-vmprotect", case))
    assert cases == ["auth-bad-credentials", "data-refused-direct", "connect-refused", "unheard-of"]


def test_numbers_grow_in_the_order_of_the_document() -> None:
    numbers = [int(number) for number in CASES["acronis-vmprotect"].values() if number]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, 10))


def test_the_library_speaks_of_known_cases_only() -> None:
    found = {pair for entry in library.every() for pair in entry.documents if pair[0] in CASES}
    assert found
    assert {pair for pair in found if pair[1] not in CASES[pair[0]]} == set()
