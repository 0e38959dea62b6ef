"""Whether the message that a client shows its user is the right one for the failure that it met.

Right is what the product's documentation gives for this failure: in the scenario's ``documents``, or in a catalogue
(:mod:`~fakesmtp.verdict.catalogue`). Where nothing is documented, a message is right that names the failure: the reply
code or the server's text, and the stage (:mod:`~fakesmtp.verdict.telling`).

Products show more than the message that tells: lines that are the same for every failure, before it or behind it. The
last line counts, without the ones that the catalogue calls ``wrappers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs

from fakesmtp.journal.events import Entry
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.problems import nearest
from fakesmtp.verdict import catalogue
from fakesmtp.verdict.catalogue import Catalogue, UnknownCatalogue
from fakesmtp.verdict.comparing import closeness
from fakesmtp.verdict.exchanges import Event, as_event, read_sessions
from fakesmtp.verdict.failures import Failure, find_failures
from fakesmtp.verdict.judgement import LONGEST, SHOWN_LINES, Expected, MessageJudgement, ends_of, shorten
from fakesmtp.verdict.normalising import clean, fold
from fakesmtp.verdict.setbacks import find_setbacks
from fakesmtp.verdict.telling import Telling, tell
from fakesmtp.verdict.wording import Wording

_WIDEST: Final = 4_096
"""Characters of a line that are looked at: the last ones."""


def judge_message(
    scenario: Scenario,
    events: Iterable[Entry | Event],
    text: str,
    *,
    product: str | None = None,
    language: str | None = None,
    catalogues: Iterable[Catalogue | str | Path] = (),
) -> MessageJudgement:
    """Judge what a client has shown its user.

    :param events: the journal of this client's run.
    :param text: all that it has shown, such as stdout and stderr.
    :param product: whose documentation holds: the name of a catalogue, shipped or given, or a document that scenarios
        name. Without it any documented message is right; and so is any that names the failure, unless a given catalogue
        has one for it.
    :param language: the language it must be in, such as ``ja``.
    :param catalogues: more catalogues, or their paths.
    :raises UnknownCatalogue: if there is no such catalogue, or the product is one that is misspelt.
    :raises CatalogueErrors: if a catalogue has mistakes.
    """
    entries = [as_event(event) for event in events]
    books = _books(scenario, product, catalogues)
    failures = find_failures(scenario, entries)
    documented = tuple(_documented(scenario, failures, product, books))
    expected = tuple(each for each in documented if each.wording.speaks(language))
    happened = _happened(entries) if failures else ""
    lines = _telling_lines(text, (*books, *_of_documents(scenario)))
    case = _Case(scenario, failures, happened, product, language, text, lines)
    if any(each.is_in(case.lines) for each in expected):
        return case.right(next(each for each in expected if each.is_in(case.lines)))
    if demanded := tuple(each for each in expected if product or each.product in {book.product for book in books}):
        return case.wrong(demanded, books)
    return case.undocumented(expected, documented, entries)


# ---------------------------------------------------------------------- what is expected


def _books(scenario: Scenario, product: str | None, given: Iterable[Catalogue | str | Path]) -> list[Catalogue]:
    """The catalogues that are consulted, those of the user first."""
    books = [each if isinstance(each, Catalogue) else catalogue.load(each) for each in given]
    own = [book for book in books if product in (None, book.product)]
    if product in catalogue.names():
        return [*own, catalogue.load(str(product))]
    if product is not None and not own and product not in {each.document for each in scenario.documents}:
        _check(product, [*(book.product for book in books), *catalogue.names()])
    return own


def _check(product: str, known: Sequence[str]) -> None:
    """A product may be without a catalogue; one that is misspelt must not pass for that."""
    if (near := nearest(product, known)) is not None:
        raise UnknownCatalogue(f"there is no catalogue of {product!r}; did you mean {near!r}?")


def _documented(
    scenario: Scenario, failures: Sequence[Failure], product: str | None, books: Iterable[Catalogue]
) -> Iterator[Expected]:
    """Every message that is documented for this failure; what two sources have in common comes once."""
    replies = tuple(reply for failure in failures for reply in failure.replies)
    seen: set[tuple[str | None, bool, str]] = set()
    for each in (*_of_books(scenario, failures, books), *_of_scenario(scenario, product, replies)):
        key = (each.wording.language, each.wording.is_pattern, fold(each.wording.text))
        if key not in seen:
            seen.add(key)
            yield each


def _of_books(scenario: Scenario, failures: Sequence[Failure], books: Iterable[Catalogue]) -> Iterator[Expected]:
    for book in books:
        for wording, replies in book.wordings(scenario, failures).items():
            yield Expected(book.product, wording, replies)


def _of_scenario(scenario: Scenario, product: str | None, replies: tuple[str, ...]) -> Iterator[Expected]:
    for documented in scenario.documents:
        if product in (None, documented.document):
            for language, message in documented.message.items():
                yield Expected(documented.document, Wording(message, language, place=documented.place), replies)


# ---------------------------------------------------------------------- what is shown


def _of_documents(scenario: Scenario) -> list[Catalogue]:
    """The shipped catalogues of the products that the scenario documents."""
    documents = {each.document for each in scenario.documents}
    return [catalogue.load(name) for name in catalogue.names() if name in documents]


def _happened(events: Iterable[Event]) -> str:
    """The first thing that went wrong."""
    return next((setback.sentence for setback in find_setbacks(read_sessions(events))), "")


def _telling_lines(text: str, books: Iterable[Catalogue]) -> tuple[str, ...]:
    """The lines that may tell something, without those that the catalogues call the same for every failure."""
    books = list(books)
    lines = (line.strip()[-_WIDEST:] for line in clean(text[-LONGEST:]).split("\n"))
    return tuple(line for line in lines if line and not any(book.is_wrapper(line) for book in books))


@attrs.frozen
class _Case:
    """What was asked, and the ways to answer it."""

    scenario: Scenario
    failures: tuple[Failure, ...]
    happened: str
    product: str | None
    language: str | None
    text: str
    lines: tuple[str, ...]

    @property
    def last(self) -> str:
        return shorten(self.lines[-1]) if self.lines else ""

    def _judge(
        self, passed: bool, told: str, expected: tuple[Expected, ...], shown: str, telling: Telling | None = None
    ) -> MessageJudgement:
        return MessageJudgement(passed, told, expected, self.happened, shorten(shown), self.text, telling)

    def right(self, expected: Expected) -> MessageJudgement:
        told = f"this is the message that {expected.product} documents for {self.scenario.name}"
        return self._judge(True, told, (expected,), self.last)

    def wrong(self, expected: tuple[Expected, ...], books: Sequence[Catalogue]) -> MessageJudgement:
        """Not what the product documents."""
        ranked = self._rank(expected)
        place = ranked[0].wording.place
        told = f"this is not the message that {ranked[0].product} documents for {self.scenario.name} ({place.short})"
        if not self.lines:
            told += ": the client shows nothing that tells the failure"
        elif others := self._meant(books):
            told += f": it is the one for {others[0]}"
        return self._judge(False, told, ranked, self._nearest_end(ranked[0]))

    def undocumented(
        self, expected: tuple[Expected, ...], documented: Sequence[Expected], events: Sequence[Event]
    ) -> MessageJudgement:
        """No message is documented, or none that must be: does it name the failure?"""
        if not expected and not self.failures:
            told = f"nothing has failed in {self.scenario.name}, so there is no message to expect"
            return self._judge(False, told, (), self.last)
        telling = tell(self.text, events)
        missing = _missing(telling)
        told = self._told(expected, documented, missing)
        return self._judge(not missing, told, self._rank(expected), self._shown(expected), telling)

    def _told(self, expected: Sequence[Expected], documented: Sequence[Expected], missing: str) -> str:
        if not missing:
            return "the message names the failure"
        if expected:
            return f"this is no message that is documented for {self.scenario.name}, and {missing}"
        whose = f" of {self.product}" if self.product else ""
        spoken = sorted({each.wording.language for each in documented if each.wording.language})
        if spoken:
            whose += f" in {self.language!r} (there is {', '.join(spoken)})"
        return f"no message{whose} is documented for {self.scenario.name}, and {missing}"

    def _rank(self, expected: Iterable[Expected]) -> tuple[Expected, ...]:
        """The one that is most like what is shown comes first; text before patterns."""
        return tuple(sorted(expected, key=lambda each: (each.wording.is_pattern, -self._closeness(each))))

    def _closeness(self, expected: Expected) -> float:
        return 0.0 if expected.wording.is_pattern else closeness(expected.told()[0], self.last)

    def _shown(self, expected: Sequence[Expected]) -> str:
        return self._nearest_end(self._rank(expected)[0]) if expected else self.last

    def _nearest_end(self, expected: Expected) -> str:
        """The last line; or more of them, if a message that was broken into lines is meant."""
        if expected.wording.is_pattern:
            return "\n".join(self.lines[-SHOWN_LINES:])
        told, best = shorten(expected.told()[0]), self.last
        for end in map(shorten, ends_of(self.lines)):
            best = end if closeness(told, end) > closeness(told, best) + 0.1 else best
        return best

    def _meant(self, books: Iterable[Catalogue]) -> list[str]:
        """The failures for which the products would show this."""
        replies = tuple(reply for failure in self.failures for reply in failure.replies)
        found = {
            name: None
            for book in books
            for name, wordings in book.failures.items()
            if any(Expected(book.product, each, replies).is_in(self.lines) for each in wordings)
        }
        return list(found)


def _missing(telling: Telling) -> str:
    """What a message lacks that must name the failure; empty where it lacks nothing."""
    code, stage = telling.code, telling.stage
    if not code.exists:  # nothing was said that it could repeat
        return "" if stage else f"it does not say what failed ({stage.wanted})"
    replied = bool(code or telling.text)
    if replied and stage:
        return ""
    if replied:
        return f"it does not name the stage ({stage.wanted})"
    reply = f"neither the reply code ({code.wanted}) nor the server's text"
    return f"it names {reply}" if stage else f"it names {reply}, and not the stage ({stage.wanted})"


__all__ = ["Expected", "MessageJudgement", "judge_message"]
