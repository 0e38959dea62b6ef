"""YAML text as nodes: values as written, places, and texts that no reader should choke on."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import (
    DEEPEST,
    LARGEST,
    MOST,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Source,
    compose,
    decode_text,
    read_source,
)


def plain(node: Node | None) -> object:
    """A node as the data that it was written for; None for nothing."""
    if isinstance(node, Mapping):
        return {name: plain(value) for name, (_, value) in node.pairs.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.text if isinstance(node, Scalar) else None


def composed(text: str) -> object:
    findings = Findings()
    node = compose(Source("s.yaml", text), findings)
    assert findings.problems == ()
    return plain(node)


def complaint(text: str) -> str:
    """The one problem of a text."""
    findings = Findings()
    assert compose(Source("s.yaml", text), findings) is None
    (problem,) = findings.problems
    return problem.render()


def test_values_are_text_as_written() -> None:
    text = "{a: 010, b: no, c: 5.1, d: -0800, e: 1_000, f: 0x10, g: 12:30, h: 2026-11-21, i: '', j: ~}"
    expected = ["010", "no", "5.1", "-0800", "1_000", "0x10", "12:30", "2026-11-21"]
    assert composed(text) == dict(zip("abcdefghij", [*expected, "", "~"], strict=True))


def test_nothing_and_the_empty_text_differ() -> None:
    findings = Findings()
    node = compose(Source("s.yaml", 'a:\nb: ""\nc: null\nd: "null"\n'), findings)
    assert isinstance(node, Mapping)
    missing = {name: value.missing for name, (_, value) in node.pairs.items() if isinstance(value, Scalar)}
    assert missing == {"a": True, "b": False, "c": True, "d": False}


def test_places_count_from_one() -> None:
    node = compose(Source("s.yaml", "a: 1\nrules:\n  - at: rcpt\n    日本: x\n"), Findings())
    assert isinstance(node, Mapping)
    rule = node.pairs["rules"][1]
    assert isinstance(rule, Sequence)
    assert isinstance(rule.items[0], Mapping)
    key, value = rule.items[0].pairs["日本"]
    assert (str(rule.items[0].place), rule.items[0].place.column) == ("s.yaml:3", 5)
    assert (key.place.line, key.place.column, value.place.column) == (4, 5, 9)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    source = Source("s.yaml", end.join(["a: 1", "b: 2", "c: 3"]))
    node = compose(source, Findings())
    assert isinstance(node, Mapping)
    assert node.pairs["c"][0].place.line == 3
    assert source.line(3) == "c: 3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "rules:\n  - reply: 550 <x>: text\n",
            "s.yaml:2:19: text with ': ' in it needs quotes; reply: \"550 <x>: text\"\n"
            "      - reply: 550 <x>: text\n"
            "                      ^",
        ),
        (
            "- {at: rcpt, reply: 550 <x>: text}\n",
            "s.yaml:1:28: text with ': ' in it needs quotes; reply: \"550 <x>: text\"\n"
            "    - {at: rcpt, reply: 550 <x>: text}\n"
            "                               ^",
        ),
        (
            "when: {forward-path: *@x}",
            "s.yaml:1:22: '*@x' is an alias of YAML, and there is no anchor '&@x';"
            " text that begins with '*' needs quotes: \"*@x\"\n"
            "    when: {forward-path: *@x}\n"
            "                         ^",
        ),
        (
            "a: * x",
            "s.yaml:1:4: '*' and '&' begin an alias or an anchor of YAML; put the text in quotes\n    a: * x\n       ^",
        ),
        ("a: @x", "s.yaml:1:4: text cannot begin with '@'; put it in quotes\n    a: @x\n       ^"),
        ("a: !x y", "s.yaml:1:4: unknown tag '!x'; text that begins with '!' needs quotes\n    a: !x y\n       ^"),
        ("a:\n\tb: 1", "s.yaml:2:1: a tab cannot stand here; indent with spaces\n    \tb: 1\n    ^"),
        ('メール: "x', 's.yaml:1:6: a quote is opened here and never closed\n    メール: "x\n            ^'),
        ("a: [1, 2", "s.yaml:1:4: a bracket is opened here and never closed\n    a: [1, 2\n       ^"),
        (
            "a: 1\n  b: 2",
            "s.yaml:2:4: a key cannot stand here; indent the line as its neighbours\n      b: 2\n       ^",
        ),
        (
            'a: "\\q"',
            "s.yaml:1:6: unknown escape: backslash and 'q'; single quotes keep both\n    a: \"\\q\"\n         ^",
        ),
        (
            "a: x\x07",
            "s.yaml:1:5: the character U+0007 cannot stand in YAML;"
            ' in double quotes it is written "\\x07"\n    a: x?\n        ^',
        ),
        (
            "a: 1\n---\nb: 2\n",
            "s.yaml:2:1: a second document begins here; a file has one scenario: remove the '---'\n    ---\n    ^",
        ),
        (
            "a: [b c: d, e f]\ng: [h}",
            "s.yaml:2:6: a comma or the closing bracket is missing before this\n    g: [h}\n         ^",
        ),
        ("? [a]\n: b", "s.yaml:1:3: a key is a word, not a list or a mapping\n    ? [a]\n      ^"),
        ("a: &x [*x]", "s.yaml:1:8: '*x' stands inside the value that it repeats\n    a: &x [*x]\n           ^"),
        (
            'a: "\\ud83d"',
            's.yaml:1:4: half a surrogate pair is no character; write it as \\UXXXXXXXX\n    a: "\\ud83d"\n       ^',
        ),
    ],
)
def test_what_is_no_yaml_is_explained(text: str, expected: str) -> None:
    assert complaint(text) == expected


def test_an_escape_beyond_all_characters() -> None:
    assert complaint('a: 1\nb: "\\U99999999"').startswith("s.yaml:2:2: what follows cannot be read as YAML: ")


def test_a_key_that_stands_twice_is_noted_and_the_first_holds() -> None:
    findings = Findings()
    node = compose(Source("s.yaml", "a: 1\nb: {c: 1, c: 2}\na: 3\n"), findings)
    assert plain(node) == {"a": "1", "b": {"c": "1"}}
    assert [problem.render().splitlines()[0] for problem in findings.problems] == [
        "s.yaml:2:11: 'c' stands here a second time; the first is in line 2",
        "s.yaml:3:1: 'a' stands here a second time; the first is in line 1",
    ]


def test_anchors_are_yaml() -> None:
    assert composed("a: &x [1, &y 2]\nb: *x\nc: *y\n") == {"a": ["1", "2"], "b": ["1", "2"], "c": "2"}


def test_aliases_do_not_unfold_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert f"with its aliases unfolded this has more than {MOST:,} values" in complaint("\n".join(lines))


@pytest.mark.parametrize("text", ["[" * 50_000, "{a: " * 50_000, "- " * 50_000, "? " * 50_000])
def test_values_inside_one_another_are_bounded(text: str) -> None:
    assert f"more than {DEEPEST} values inside one another" in complaint(text)


def test_a_text_is_bounded() -> None:
    assert f"a scenario has {LARGEST:,} characters at most" in complaint("x" * (LARGEST + 1))


def test_the_number_of_values_is_bounded() -> None:
    assert f"a scenario has {MOST:,} values at most" in complaint("[" + "x, " * MOST + "x]")


LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"], exclude_characters="\ufeff")
"""What may stand in YAML without an escape."""
TEXTS = st.text(LETTERS, max_size=10)
JSON = st.recursive(
    st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


def as_text(value: object) -> object:
    if isinstance(value, dict):
        return {key: as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_text(each) for each in value]
    return value if isinstance(value, str) else json.dumps(value)


@given(JSON, st.booleans(), st.sampled_from([None, 0, 2, "\t"]))
def test_json_is_read_as_it_is(value: object, ascii_only: bool, indent: int | str | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    findings = Findings()
    node = compose(Source("s.json", text), findings)
    assert findings.problems == ()
    assert plain(node) == as_text(value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes("summary: 日本".encode(encoding))
    assert read_source(path).text == "summary: 日本"


def test_what_is_not_utf8_is_shown_where_it_stands() -> None:
    with pytest.raises(Wrong) as caught:
        decode_text("s.yaml", b"a: 1\nb: caf\xe9\n")
    assert (caught.value.message, caught.value.hint) == ("this is not UTF-8", "save the file as UTF-8")
    assert (caught.value.node.place.line, caught.value.node.place.column) == (2, 7)


@pytest.mark.parametrize("octets", [codecs.BOM_UTF16_LE + b"a", b"\xff", b"\xef\xbb\xbf\xff"])
def test_octets_that_are_no_text(octets: bytes) -> None:
    with pytest.raises(Wrong, match="not UTF-8"):
        decode_text("s.yaml", octets)


def test_a_folder_and_a_missing_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="this is no file"):
        read_source(tmp_path)
    with pytest.raises(Wrong, match="cannot be read: No such file"):
        read_source(tmp_path / "missing.yaml")
    with pytest.raises(Wrong, match="cannot be read"):
        read_source(Path("a\0b"))
