"""Each persona says word for word what the real server says, where Debian has the real server.

The same conversation is held with both, and all replies are compared: so the stage of a refusal is compared too, and
whether the connection is closed. Names and addresses are the same for both; what must differ is put in one shape by
:func:`normal`: dates, queue ids and the version.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pytest

import fakesmtp
from fakesmtp.scenario.persona import load_persona
from tests.clients.model import miss
from tests.personas.conftest import Ours, Started
from tests.personas.conversation import converse
from tests.personas.row import Row
from tests.personas.rows import ROWS

FOLDER: Final = Path(fakesmtp.__file__).parent / "scenario" / "personas"
_DATE: Final = re.compile(r"\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d (?:GMT|[+-]\d{4})")
_QUEUE_ID: Final = re.compile(
    r"(?<=queued as )\w+$|(?<=OK id=)\S+$|(?<=250 2\.0\.0 )\w+(?= Message accepted)", re.MULTILINE
)
_SPACES: Final = re.compile(r"^(\d{3}[- ]) +", re.MULTILINE)


def normal(replies: list[str], version: str) -> list[str]:
    """Replies without what differs from one moment, one message and one version to the next."""
    for pattern, put in ((_DATE, "<date>"), (_QUEUE_ID, "<id>"), (_SPACES, r"\1")):
        replies = [pattern.sub(put, reply) for reply in replies]
    return [reply.replace(version, "<version>") for reply in replies]


def served(reply: str, persona: str) -> str:
    """The real server's EHLO list without the keywords of what is not served here."""
    missing = {each.split()[0] for each in _data(persona)["ehlo"]["keywords-not-served"]}
    lines = [line for line in reply.split("\n") if line[4:].split(" ")[0] not in missing]
    return "\n".join([*(f"{line[:3]}-{line[4:]}" for line in lines[:-1]), f"{lines[-1][:3]} {lines[-1][4:]}"])


def _data(persona: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{persona}.toml").read_text("utf-8"))


def _rows() -> list[Any]:
    return [pytest.param(name, row, id=f"{name}-{row.name}") for name, rows in ROWS.items() for row in rows]


@pytest.mark.parametrize(("persona", "row"), _rows())
def test_the_persona_says_what_the_real_server_says(persona: str, row: Row, theirs: Started, ours: Ours) -> None:
    server = theirs.get(persona)
    if row.service not in server.ports:
        miss(f"{persona} cannot serve {row.service!r} with what is installed")
    real = converse(server.ports[row.service], row)
    real = [served(reply, persona) if "\n" in reply else reply for reply in normal(real, server.version)]
    mine = normal(converse(ours.ports[persona, row.name], row), load_persona(persona).version)
    assert mine == real


def test_what_is_said_to_be_asked_is_asked() -> None:
    for persona, rows in ROWS.items():
        asked: defaultdict[str, set[str]] = defaultdict(set)
        for words, _, key in (each.partition("/") for row in rows for each in row.asks):
            asked[words].add(key)
        told = _data(persona)["asked"]
        assert set(told["ok"]) == asked.pop("ok"), persona
        assert {name: set(keys) for name, keys in told["refusals"].items()} == asked, persona


def test_the_words_that_are_asked_for_exist() -> None:
    for persona, rows in ROWS.items():
        words = load_persona(persona)
        for each in {each for row in rows for each in row.asks}:
            name, _, key = each.partition("/")
            found = words.ok if name == "ok" else {words.refusals[name].stage, *words.refusals[name].at}
            assert key in found, (persona, each)
