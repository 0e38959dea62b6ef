"""Replies as values, and words with placeholders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesmtp.protocol.reply import Reply, ReplySyntaxError
from fakesmtp.protocol.wording import PLACEHOLDERS, Template
from fakesmtp.scenario.persona import load_persona, persona_names


@pytest.mark.parametrize(
    ("text", "code", "enhanced", "lines"),
    [
        ("250 OK", 250, None, ("OK",)),
        ("250 2.1.5 OK", 250, "2.1.5", ("OK",)),
        ("250", 250, None, ("",)),
        ("550 5.1", 550, None, ("5.1",)),
        ("550 5.1.1", 550, "5.1.1", ("",)),
        ("552-5.2.3 Too big\n552 5.2.3 Really", 552, "5.2.3", ("Too big", "Really")),
        (["250 one", "two", "250-three"], 250, None, ("one", "two", "three")),
        ("999 x", 999, None, ("x",)),
    ],
)
def test_what_people_write(text, code, enhanced, lines):
    reply = Reply.parse(text)
    assert (reply.code, reply.enhanced, reply.lines) == (code, enhanced, lines)


@pytest.mark.parametrize("text", ["", "OK", "25 x", "2500 x", "٢٥٠ x", []])
def test_what_is_no_reply(text):
    with pytest.raises(ReplySyntaxError, match="three digits"):
        Reply.parse(text)


def test_every_line_has_the_enhanced_status_code():
    assert Reply(552, ("a", "b"), "5.2.3").wire == b"552-5.2.3 a\r\n552 5.2.3 b\r\n"


LINES = st.text(st.characters(blacklist_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", codec="utf-8"))


@given(st.integers(100, 999), st.lists(LINES, min_size=1, max_size=4), st.sampled_from([None, "2.1.5", "5.7.12"]))
def test_a_reply_is_read_back_from_the_wire(code, lines, enhanced):
    reply = Reply(code, tuple(f"x{line}" for line in lines), enhanced)
    assert Reply.parse(reply.wire.decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n")) == reply


def test_what_a_client_sends_never_breaks_a_reply_apart(playbook):
    from tests.protocol.playbook import act, rule

    play = playbook(rule("unknown", act("refuse", "bad-sequence")), rule("rcpt", act("refuse", "unknown-user")))
    play >> "MAIL FROM:<a@b>" << "250"
    play >> b"RCPT TO:<x\r250 OK@y>\r\n" << "550 5.1.1 <x?250 OK@y>"


@pytest.mark.parametrize("persona", persona_names())
def test_every_persona_can_say_all_its_words(playbook, persona):
    session = playbook(persona=persona, connect=False).session
    wording = load_persona(persona)
    for refusal in (*wording.refusals, *load_persona("generic").refusals):
        for stage in ("rcpt", "mail", "greeting", "end-of-data", "auth"):
            assert wording.refuse(refusal, stage, session).reply.kind in (4, 5)
    for agreement in load_persona("generic").ok:
        assert wording.agree(agreement, session).kind in (2, 3)


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_every_placeholder_is_text_before_anything_was_said(playbook, name):
    session = playbook(connect=False).session
    assert str(Template(f"250 [{{{name}}}]").render(session)).startswith("250 [")
