"""VRFY, EXPN and HELP: every answer that RFC 5321 section 4.3.2 lists, as curl and smtplib are told it."""

from __future__ import annotations

import re
import sys
from typing import Final

import pytest

from fakesmtp.scenario import library
from tests.clients.model import installed

from .executing import execute

ASKED: Final = (
    ("VRFY", "alice", "250"),
    ("VRFY", "bob", "251"),
    ("VRFY", "zoe", "252"),
    ("VRFY", "nobody", "550"),
    ("VRFY", "carol", "551"),
    ("VRFY", "smith", "553"),
    ("VRFY", "off", "502"),
    ("VRFY", "alice SMTPUTF8", "504"),
    ("EXPN", "staff", "250"),
    ("EXPN", "board", "252"),
    ("EXPN", "zoe", "252"),
    ("EXPN", "nobody", "550"),
    ("EXPN", "old", "500"),
    ("EXPN", "off", "502"),
    ("EXPN", "staff SMTPUTF8", "504"),
    ("HELP", "status", "211"),
    ("HELP", "mail", "214"),
    ("HELP", "off", "502"),
    ("HELP", "more", "504"),
)
"""A command, what is asked for, and the code of the answer."""
LISTED: Final = {
    "VRFY": {"250", "251", "252", "502", "504", "550", "551", "553"},
    "EXPN": {"250", "252", "500", "502", "504", "550"},
    "HELP": {"211", "214", "502", "504"},
}
"""What the section lists for each."""
SMTPLIB: Final = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], int(sys.argv[2]), timeout=20) as server:
    for question in sys.argv[3:]:
        print(server.docmd(question)[0])
"""


def test_no_listed_answer_is_missing() -> None:
    answers = {verb: {code for asked, _, code in ASKED if asked == verb} for verb in LISTED}
    assert answers == LISTED


@pytest.mark.parametrize(("verb", "asked", "code"), ASKED)
def test_curl_is_told(verb: str, asked: str, code: str) -> None:
    """It shows an answer of 2xx, and the code of any other."""
    command = (installed("curl"), "--disable", "-sS", "--max-time", "20", "smtp://{address}", "-X", f"{verb} {asked}")
    outcome = execute("-q", f"{verb.lower()}-answers", "--", *command)
    status, said = (0, outcome.stdout) if code < "400" else (8, outcome.stderr)
    assert outcome.status == status, outcome
    assert re.search(rf"(^|Command failed: ){code}\b", said, re.MULTILINE), outcome


@pytest.mark.parametrize("verb", LISTED)
def test_smtplib_is_told(verb: str) -> None:
    questions = [(f"{verb} {asked}", code) for each, asked, code in ASKED if each == verb]
    command = (sys.executable, "-c", SMTPLIB, "{host}", "{port}", *(question for question, _ in questions))
    outcome = execute("-q", f"{verb.lower()}-answers", "--", *command)
    assert outcome.stdout.split() == [code for _, code in questions], outcome


@pytest.mark.parametrize("verb", LISTED)
def test_the_description_names_every_code(verb: str) -> None:
    scenario = library.load(f"{verb.lower()}-answers")
    assert set(re.findall(r"\b[245]\d\d\b", scenario.description)) == LISTED[verb]
