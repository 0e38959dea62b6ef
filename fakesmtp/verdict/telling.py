"""What a client's message tells its user of a failure: stage, reply code, enhanced code, text and address.

A message is scored against the reply that was refused, so it can tell only what was there: a reply without an enhanced
status code has four things to tell, a closed connection one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final
from unicodedata import normalize

import attrs

from fakesmtp.journal.events import Entry
from fakesmtp.verdict.exchanges import Event, read_sessions
from fakesmtp.verdict.normalising import clean
from fakesmtp.verdict.setbacks import Setback, find_setbacks
from fakesmtp.verdict.words import name_stage

ELEMENTS: Final = ("stage", "code", "enhanced", "text", "address")
"""What a message can tell, in the order in which it is shown."""

MOST_CHARACTERS: Final = 65_536
"""Of the output that are read: the last ones, where a program says why it gives up."""
_MOST_WORDS: Final = 200
_MOST_LINES: Final = 20
"""Of a reply."""
_FEWEST_WORDS: Final = 2
"""A reply of one word cannot be recognised: others say "Error" too."""
_SHORT: Final = 3
"""A text of so few words must be there as a whole, of a longer one half."""

_WORDS: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
"""A word, or one character of a language that is written without spaces."""
_ATOM: Final = r"[\w.!#$%&'*+/=?^`{|}~-]"
_MAILBOX: Final = re.compile(rf"(?<!{_ATOM}){_ATOM}{{1,64}}@[\w.-]+>?")
_NO_CODES: Final = re.compile(
    r"(?:(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63})+|localhost|\])['\"]?:\d+(?!\d|\s\d\.\d)"  # host:port
    r"|\b(?:port|ports|line|pid|errno|size|exit(?:ed with)? (?:status|code))\b\s{0,3}[=:#]?\s{0,3}\d+"
    r"|(?:ポート|行)(?:番号)?\s{0,3}[=:]?\s{0,3}\d+"
    r"|(?<=\w)\[\d+\]"  # the process id in a log line
    r"|(?<![\d,.])\d[\d,.]{0,30}\s{0,3}"
    r"(?:(?:bytes?|octets?|[kmg]i?b|ms|milliseconds?|seconds?|secs?)\b|%|バイト|秒|件|文字)",
    re.IGNORECASE,
)
"""Numbers that are no reply codes, whatever they look like."""


@attrs.frozen
class Element:
    """One thing to be told. It is true, if it was found."""

    name: str
    """One of :data:`ELEMENTS`."""
    wanted: str | None
    """What there was to tell; ``None``: the failure has no such thing."""
    found: str | None = None
    """How the message says it; ``None``: not at all."""

    def __bool__(self) -> bool:
        return self.found is not None

    @property
    def exists(self) -> bool:
        """There was something to tell."""
        return self.wanted is not None


@attrs.frozen
class Telling:
    """What the message tells of one failure; where there were several, of that which it tells most of."""

    stage: Element
    """Where it failed, in words of SMTP or of people."""
    code: Element
    enhanced: Element
    """The enhanced status code (RFC 3463)."""
    text: Element
    """The server's own words: a good part of them."""
    address: Element
    """The recipient concerned, the sender, or the server that could not be reached."""
    setback: Setback | None = None
    """The failure; ``None``: nothing has failed."""

    @property
    def elements(self) -> tuple[Element, ...]:
        """All five, in the order of :data:`ELEMENTS`."""
        return self.stage, self.code, self.enhanced, self.text, self.address

    @property
    def score(self) -> int:
        """How many were told."""
        return sum(map(bool, self.elements))

    @property
    def of(self) -> int:
        """How many there were to tell."""
        return sum(element.exists for element in self.elements)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: ``score``, ``of``, ``failure`` (a sentence), and each element with ``wanted`` and ``found``."""
        told = {each.name: {"wanted": each.wanted, "found": each.found} for each in self.elements}
        return {
            "score": self.score,
            "of": self.of,
            "failure": self.setback.sentence if self.setback is not None else None,
            **told,
        }

    def render(self) -> str:
        """For people, in one line."""
        if not self.of:
            return "there was no failure to tell of"
        told = [f"{each.name} ({each.found})" for each in self.elements if each]
        missing = [f"{each.name} ({_first_line(each)})" for each in self.elements if each.exists and not each]
        parts = [f"tells {', '.join(told)}"] * bool(told) + [f"does not tell {', '.join(missing)}"] * bool(missing)
        return f"{self.score} of {self.of}: {'; '.join(parts)}"


NOTHING: Final = Telling(
    Element("stage", None),
    Element("code", None),
    Element("enhanced", None),
    Element("text", None),
    Element("address", None),
)
"""Of a client that nothing has stopped."""


def _first_line(element: Element) -> str:
    first, *more = (element.wanted or "").split("\n")
    return f"{first} …" if more else first


def tell(output: str | None, events: Iterable[Entry | Event], *, host: str | None = None) -> Telling:
    """What the output tells of the failure that the events show.

    :param output: what the client showed its user; ``None`` is not known, and tells nothing.
    :param host: the name or address that it was told to connect to; to name it counts where no connection came about.
    """
    return tell_best(output, find_setbacks(read_sessions(events), host=host))


def tell_best(output: str | None, setbacks: Sequence[Setback]) -> Telling:
    """What it tells of that failure of which it tells most."""
    message = _read(output or "")
    found = [_tell(message, setback) for setback in setbacks]
    return max(found, key=lambda each: (each.score, bool(each.stage)), default=NOTHING)


@attrs.frozen
class Message:
    """What a client showed, made ready to be searched."""

    plain: str
    numbers: str
    """Without numbers that are something else than a reply code."""
    words: str
    """The words, folded, with a space around each."""
    folded: str

    @classmethod
    def of(cls, output: str) -> Message:
        """Read it; terminal's colours are no part of it."""
        plain = normalize("NFKC", clean(output[-MOST_CHARACTERS:]))
        return cls(plain, _NO_CODES.sub(" ", plain), _join(_words(plain)), plain.casefold())


@lru_cache(maxsize=4)
def _read(output: str) -> Message:
    return Message.of(output)


def _tell(message: Message, setback: Setback) -> Telling:
    reply = setback.reply
    return Telling(
        Element("stage", setback.stage, name_stage(message.plain, setback.stage, setback.kind)),
        _seek("code", f"{reply.code:03d}" if reply else None, message.numbers, _find_number),
        _seek("enhanced", reply.enhanced if reply else None, message.numbers, _find_number),
        _seek("text", _text(setback), message.words, _find_text),
        _find_address(message, setback.addresses),
        setback,
    )


def _seek(name: str, wanted: str | None, where: str, find: Callable[[str, str], str | None]) -> Element:
    return Element(name, wanted, find(wanted, where) if wanted is not None else None)


@lru_cache(maxsize=64)
def _find_number(wanted: str, where: str) -> str | None:
    """The code, standing by itself: not in 5501, 127.0.0.550, 1,550, 2026-550 or 550.1."""
    if wanted not in where:
        return None
    alone = rf"(?<![A-Za-z0-9_.+#/@])(?<!\d[-,]){re.escape(wanted)}(?![A-Za-z0-9_]|\.\d|,\d{{3}}(?!\d))"
    return wanted if re.search(alone, where) else None


# ---------------------------------------------------------------------- the server's words


def _text(setback: Setback) -> str | None:
    """The lines of the reply, without codes; ``None`` if they are too few words to be recognised."""
    said = "\n".join(setback.reply.lines) if setback.reply is not None else setback.said
    return said.strip() if len(_words(said)) >= _FEWEST_WORDS else None


def _words(text: str) -> list[str]:
    """The words, folded; addresses are left out, as they stand in many a message that tells nothing else."""
    return _WORDS.findall(_MAILBOX.sub(" ", normalize("NFKC", text)).casefold())


def _join(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "


@lru_cache(maxsize=64)
def _find_text(wanted: str, where: str) -> str | None:
    """A good part of the text, or of one of its lines."""
    lines = [words for line in wanted.split("\n")[:_MOST_LINES] if len(words := _words(line)) > _SHORT]
    return next(filter(None, (_find_words(words[:_MOST_WORDS], where) for words in (_words(wanted), *lines))), None)


def _find_words(words: Sequence[str], where: str) -> str | None:
    """So many of them, one after the other, as are enough."""
    half = len(words) if len(words) <= _SHORT else max(_SHORT, (len(words) + 1) // 2)
    for length in dict.fromkeys((len(words), half)):
        for start in range(len(words) - length + 1):
            piece = _join(words[start : start + length])
            if piece in where:
                return piece.strip()
    return None


# ---------------------------------------------------------------------- addresses


def _find_address(message: Message, addresses: Sequence[str]) -> Element:
    for address in addresses:
        folded = normalize("NFKC", address).casefold()
        alone = rf"(?<![\w.+-]){re.escape(folded)}(?![\w@+-]|\.\w)"
        if folded in message.folded and re.search(alone, message.folded):
            return Element("address", address, address)
    return Element("address", addresses[0] if addresses else None)
