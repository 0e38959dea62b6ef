"""A persona on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from fakesmtp.cli.console import listed, style_reply

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from fakesmtp.cli.personas import PersonaInWords, RefusalInWords, Words

_STYLES: Final = {"asked": "good", "verified": "quiet", "unverified": "soft", "ours": "quiet"}


def print_persona(console: Console, told: PersonaInWords) -> None:
    """How it speaks, what it refuses where, and what it has no words for."""
    from rich.padding import Padding
    from rich.text import Text

    from fakesmtp.cli.show_ import grid

    wording = told.wording
    console.print(Text(wording.name, "name"))
    console.print(Text(wording.summary, "heading"))
    _section(console, "How it speaks", [grid(told.manner.items())])
    if told.agreement or told.wording.sources:
        _section(console, "What it says when all is well", _agreement(told))
    for number, refusal in enumerate(told.refusals):
        if not number:
            _section(console, "What it refuses, and where", [])
        for part in _refusal(refusal):
            console.print(Padding(part, (0, 0, 0, 2)))
    if told.without:
        _section(console, "What it has no words for: generic's are taken", [Text(listed(told.without))])


def _section(console: Console, heading: str, parts: Iterable[RenderableType]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    console.print()
    console.print(Text(heading, "heading"))
    for part in parts:
        console.print(Padding(part, (0, 0, 0, 2)))


def _agreement(told: PersonaInWords) -> Iterable[RenderableType]:
    from rich.text import Text

    for words in told.agreement:
        yield from _words(words, "")
    for key, what in {"ok": "words", "ehlo": "EHLO list", "helo-required": "HELO"}.items():
        if source := told.wording.sources.get(key):
            yield Text(f"({what}: {source})", "quiet")


def _refusal(refusal: RefusalInWords) -> Iterable[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    yield Text(refusal.name, "heading")
    for number, words in enumerate(refusal.words):
        doubt = "" if number or refusal.stage_is_sure else ", stage unverified"
        for part in _words(words, f"{doubt}{', closes' if words.closes else ''}"):
            yield Padding(part, (0, 0, 0, 3))
    for told in filter(None, (refusal.note, f"({refusal.source})")):
        yield Padding(Text(told, "quiet"), (0, 0, 0, 3))


def _words(words: Words, more: str) -> Iterator[RenderableType]:
    """Where it is said and how sure that is, then the reply, further in."""
    from rich.padding import Padding
    from rich.text import Text

    yield Text.assemble(("at ", "quiet"), words.where, (f"  {words.sureness}{more}", _STYLES[words.sureness]))
    for line in words.reply.splitlines():
        yield Padding(style_reply(line), (0, 0, 0, 3))
