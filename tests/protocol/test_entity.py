"""MIME entities, octet for octet."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.protocol.entity import Header, rewrite, split

NESTED = (
    b'Subject: x\r\nContent-Type: multipart/mixed;\r\n\tboundary="a b"\r\n\r\npreamble\r\n--a b\r\n'
    b"Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\nContent-Type: text/plain\r\n\r\none\r\n"
    b"--in\r\nContent-Type: text/html\r\n\r\ntwo\r\n--in--\r\n\r\n--a b  \r\nContent-Type: image/png\r\n\r\nthree\r\n"
    b"--a b--\r\nepilogue\r\n--a b\r\nContent-Type: image/png\r\n\r\nno part\r\n"
)


def leave_out(*types: str):
    return lambda header, outermost: None if header.value("Content-Type") in types else header.octets


@pytest.mark.parametrize(
    ("entity", "head", "body"),
    [
        (b"A: b\r\n\r\nc", b"A: b\r\n\r\n", b"c"),
        (b"A: b\n\nc", b"A: b\n\n", b"c"),
        (b"A: b", b"A: b", b""),
        (b"A: b\r\n", b"A: b\r\n", b""),
        (b"\r\nc\r\n\r\nd", b"\r\n", b"c\r\n\r\nd"),
        (b"\nc", b"\n", b"c"),
        (b"", b"", b""),
    ],
)
def test_split(entity: bytes, head: bytes, body: bytes) -> None:
    header, rest = split(entity)
    assert (header.octets, rest) == (head, body)


def test_fields() -> None:
    header = Header(b'A: 1\r\nContent-Type: TEXT/Plain;\r\n charset="x\\"y"; name=z\r\ncontent-type: second\r\n\r\n')
    assert header.value("content-type") == "text/plain"
    assert header.parameter("Content-Type", "charset") == 'x\\"y'
    assert header.parameter("Content-Type", "NAME") == "z"
    assert header.parameter("Content-Type", "boundary") is None
    assert (header.field("B"), header.value("B")) == ("", "")
    assert header.edit(("A",), lambda field: b"") == header.octets.removeprefix(b"A: 1\r\n")
    assert Header(b"Content-Disposition: attachment; filename*=utf-8''x\r\n").parameter(
        "Content-Disposition", "filename"
    )


def test_nothing_is_changed_where_nothing_is_asked_for() -> None:
    assert rewrite(NESTED, lambda header, outermost: header.octets) == NESTED


def test_a_part_goes_with_the_delimiter_before_it() -> None:
    changed = rewrite(NESTED, leave_out("image/png"))
    assert changed == NESTED.replace(b"--a b  \r\nContent-Type: image/png\r\n\r\nthree\r\n", b"")
    assert rewrite(NESTED, leave_out("text/html")) == NESTED.replace(
        b"--in\r\nContent-Type: text/html\r\n\r\ntwo\r\n", b""
    )


def test_a_container_goes_with_all_that_is_in_it() -> None:
    assert b"one" not in rewrite(NESTED, leave_out("multipart/alternative"))


def test_the_outermost_is_said_to_be_it() -> None:
    asked: list[tuple[str, bool]] = []

    def ask(header: Header, outermost: bool) -> bytes:
        asked.append((header.value("Content-Type"), outermost))
        return header.octets

    rewrite(NESTED, ask)
    assert asked == [
        ("multipart/mixed", True),
        ("multipart/alternative", False),
        ("text/plain", False),
        ("text/html", False),
        ("image/png", False),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x--",
        b"--x\r\n--x--",
        b"--x\r\n\r\n--x\r\n--x--\r\n",
        b"text",
        b"--x\r\nA: b\r\n",
        b"--xy\r\nno\r\n",
    ],
)
def test_odd_bodies_come_through(body: bytes) -> None:
    entity = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + body
    assert rewrite(entity, lambda header, outermost: header.octets) == entity


@given(st.lists(st.sampled_from([b"--x", b"--x--", b"\r\n", b"\n", b"--", b"x", b"A: b", b" ", b"\r\n--x\r\n"])))
def test_whatever_the_body_nothing_is_lost(pieces: list[bytes]) -> None:
    entity = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"".join(pieces)
    assert rewrite(entity, lambda header, outermost: header.octets) == entity


def test_what_is_nested_too_deeply_is_left_alone() -> None:
    entity = b"text"
    for level in range(60):
        entity = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%b\r\n--b%d--\r\n" % (
            level,
            level,
            entity,
            level,
        )
    assert rewrite(entity, lambda header, outermost: header.octets) == entity


def test_what_python_writes() -> None:
    message = EmailMessage()
    message.set_content("text")
    message.add_attachment(b"octets", maintype="application", subtype="zip", filename="x.zip")
    changed = rewrite(message.as_bytes(), leave_out("application/zip"))
    assert b"x.zip" not in changed
    assert b"text" in changed
