"""Catalogues: the shipped ones against the clients that they are of, and what is told of a file with mistakes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import attrs
import pytest

from fakesmtp.cli.check_ import check_file
from fakesmtp.scenario import library
from fakesmtp.verdict import catalogue
from fakesmtp.verdict.catalogue import Catalogue, CatalogueErrors, UnknownCatalogue
from fakesmtp.verdict.failures import FAILURES, find_failures
from fakesmtp.verdict.messages import judge_message
from tests.relay.postfix import demand

from .meeting import MEETINGS, Event, Meeting, Served
from .relayed import MEETINGS as RELAYED
from .relayed import relay_to_fakesmtp

CLIENTS = ("curl", "msmtp", "nodemailer", "smtplib", "swaks")
REPRESENTATIVE = (
    *("refuse-connect", "unknown-mail-server", "empty-banner", "silent-server", "reject-greeting", "reject-helo"),
    *("starttls-not-offered", "starttls-refused", "starttls-failure", "auth-rejected", "reject-mail-from"),
    *("greylisting", "data-refused", "reject-message"),
)
"""One scenario for each kind of failure."""
CHOSEN = tuple(meeting for meeting in MEETINGS if meeting.scenario in REPRESENTATIVE)


# ---------------------------------------------------------------------- the shipped ones


def known() -> set[str]:
    """What a failure of a catalogue may be named."""
    return {*library.names(), *(case for entry in library.every() for _, case in entry.documents)}


def test_every_catalogue_is_there() -> None:
    assert catalogue.names() == ("acronis-vmprotect", "curl", "msmtp", "nodemailer", "postfix", "smtplib", "swaks")


@pytest.mark.parametrize("name", catalogue.names())
def test_a_shipped_catalogue_has_no_mistake(name: str) -> None:
    path = catalogue.FOLDER / f"{name}.yaml"
    reading = catalogue.read_file(path, known=known())
    assert [problem.render() for problem in reading.problems] == []
    assert check_file(path).problems == ()
    book = reading.require()
    assert book.product == name
    assert book.versions
    assert book.source
    assert book.failures


@attrs.frozen
class Met:
    """What a client showed, and what the journal has of it."""

    meeting: Meeting
    text: str
    events: Sequence[Event]

    @property
    def kinds(self) -> set[str]:
        return {failure.name for failure in find_failures(library.load(self.meeting.scenario), self.events)}

    def shows(self, text: str, product: str) -> bool:
        return judge_message(library.load(self.meeting.scenario), self.events, text, product=product).passed


@pytest.fixture(scope="module")
def met(served: Served) -> object:
    """``met(CLIENT, MEETING)``, each once."""

    @cache
    def meet(client: str, meeting: Meeting) -> Met:
        return Met(meeting, *served.meet(client, meeting))

    return meet


@pytest.mark.parametrize("meeting", CHOSEN, ids=lambda meeting: meeting.scenario)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_shows_what_its_catalogue_says(met: object, client: str, meeting: Meeting) -> None:
    assert callable(met)
    found: Met = met(client, meeting)
    scenario = library.load(meeting.scenario)
    assert catalogue.load(client).wordings(scenario, find_failures(scenario, found.events)), found.kinds
    judgement = judge_message(scenario, found.events, found.text, product=client)
    assert judgement.passed, judgement.render()
    assert not found.shows("", client)


@pytest.mark.parametrize("client", CLIENTS)
def test_what_it_shows_for_another_failure_is_wrong(met: object, client: str) -> None:
    assert callable(met)
    every: list[Met] = [met(client, meeting) for meeting in CHOSEN]
    wrong = [
        (one.meeting.scenario, other.meeting.scenario)
        for one in every
        for other in every
        if not one.kinds & other.kinds and one.shows(other.text, client)
    ]
    assert wrong == []


def test_postfix_logs_what_its_catalogue_says(tmp_path: Path) -> None:
    demand()
    with relay_to_fakesmtp(tmp_path) as relayed:
        lines = {failure: relayed.meet(failure) for failure in RELAYED}
    for failure, (line, events) in lines.items():
        judgement = judge_message(relayed.scenario, events, line, product="postfix")
        assert judgement.passed, judgement.render()
        right = [
            other
            for other, (said, _) in lines.items()
            if judge_message(relayed.scenario, events, said, product="postfix").passed
        ]
        assert right == [failure]


def test_kinds_of_failure_are_explained() -> None:
    assert {"sender-refused", "no-smtp", "unknown-host"} <= FAILURES.keys()
    page = (Path(__file__).parents[2] / "docs" / "client-messages.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", page.partition("\n## Kinds of failure\n")[2], re.MULTILINE)
    assert dict(rows) == FAILURES


# ---------------------------------------------------------------------- finding


def test_a_catalogue_is_found_by_name_or_path(tmp_path: Path) -> None:
    assert catalogue.load("curl") is catalogue.load("curl")
    own = tmp_path / "our-app.yaml"
    own.write_text("product: our-app\nfailures: {sender-refused: Who are you?}\n", encoding="utf-8")
    assert catalogue.load(own) == catalogue.load(str(own))
    assert catalogue.load(own).product == "our-app"


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(UnknownCatalogue) as caught:
        catalogue.load("crul")
    assert str(caught.value) == (
        "there is no catalogue 'crul'; did you mean 'curl'? a file of your own is given by its path"
    )
    with pytest.raises(UnknownCatalogue, match="there are acronis-vmprotect, curl, msmtp"):
        catalogue.load("zzzz")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogueErrors, match="cannot be read: No such file"):
        catalogue.load(tmp_path / "none.yaml")


# ---------------------------------------------------------------------- reading


def read(text: str) -> Catalogue:
    return catalogue.read(text).require()


def test_messages_stand_by_language_or_without_one() -> None:
    book = read(
        "product: our-app\n"
        "languages: [en, ja]\n"
        "failures:\n"
        "  sender-refused: {en: [One, {matches: 'T[wu]o'}], ja: 一}\n"
        "  data-refused: Three\n"
        "  login-refused: {matches: Four}\n"
    )
    sender = [(each.text, each.language, each.is_pattern) for each in book.failures["sender-refused"]]
    assert sender == [("One", "en", False), ("T[wu]o", "en", True), ("一", "ja", False)]
    (third,) = book.failures["data-refused"]
    assert (third.language, third.place.line, third.place.column) == (None, 5, 17)
    assert book.failures["login-refused"][0].is_pattern


def test_the_only_language_goes_without_saying() -> None:
    book = read("product: our-app\nlanguage: ja\nfailures: {sender-refused: 一}")
    assert book.languages == ("ja",)
    assert book.failures["sender-refused"][0].language == "ja"


def test_json_and_anchors_are_read() -> None:
    written = {"product": "our-app", "failures": {"sender-refused": "No"}}
    assert read(json.dumps(written)).failures["sender-refused"][0].text == "No"
    book = read("product: our-app\nfailures:\n  sender-refused: &no [No]\n  data-refused: *no\n")
    assert book.failures["data-refused"] == book.failures["sender-refused"]


def test_a_scenario_s_own_entry_is_more_exact_than_a_case_or_a_kind() -> None:
    scenario = library.load("reject-mail-from")
    failures = {"sender-refused": "kind", "mail-from-refused": "case", "reject-mail-from": "name"}
    for expected in ("name", "case", "kind"):
        book = read(json.dumps({"product": "our-app", "failures": failures}))
        events: list[Event] = []
        found = judge_message(scenario, events, expected, product="our-app", catalogues=[book])
        assert found.passed is (expected != "kind"), "the journal is empty, so no sender was refused"
        failures = {name: text for name, text in failures.items() if text != expected}


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "our-app.yaml"
    path.write_text(
        "versions: [1.0]\n"
        "langages: en\n"
        "languages: [en, 'not one']\n"
        "failures:\n"
        "  mailbox-ful: Mailbox full\n"
        '  reject-mail-from: {matches: "(unclosed"}\n'
        "  greylisting: {en: {match: x}}\n"
        "  unknown-user: {ja: 一}\n"
        '  relay-denied: {matches: "error {cod}"}\n'
        "  sender-refused: {matches: x*}\n"
        "  login-refused: []\n"
        "  data-refused:\n"
        '  message-refused: [Refused, ""]\n'
        "  helo-refused: [{}]\n"
        "  greylisting: twice\n",
        encoding="utf-8",
    )
    told = [problem.render().split("\n")[0].removeprefix(f"{path}:") for problem in check_file(path).problems]
    assert told == [
        "1:1: product is missing here; add the key",
        "2:1: unknown key of a catalogue: 'langages'; did you mean 'languages'?",
        "3:17: 'not one' is no language; a language is a tag such as en, ja, pt-BR",
        "5:3: warning: no scenario, documented case or kind of failure is named 'mailbox-ful'; "
        "did you mean 'mailbox-full'?",
        "6:31: '(unclosed' is no regular expression: missing ), unterminated subpattern at position 0",
        "7:22: unknown key of a message: 'match'; did you mean 'matches'?",
        "8:18: unknown language of a message: 'ja'; known: en, matches",
        "9:27: unknown value in braces: 'cod'; did you mean 'code'?",
        "10:29: 'x*' is found in any text; it must not match the empty text",
        "11:18: an empty list has no message; write at least one",
        "12:16: this cannot be empty; write the message that the product shows",
        "13:30: this cannot be empty; write the message that the product shows",
        "14:18: there is no message here; write text, or {matches: …}",
        "15:3: 'greylisting' stands here a second time; the first is in line 7",
    ]
    with pytest.raises(CatalogueErrors) as caught:
        catalogue.load(path)
    assert len(caught.value.problems) == len(told) - 1, "names are checked by the command alone"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no catalogue here; its keys are product, versions, languages, source, wrappers, failures"),
        ("[a]", "a catalogue is a mapping of keys and values, not a list"),
        ("{}", "product and failures are missing here; add the key"),
        ("product: x\nfailures: none", "'failures' is a mapping of keys and values, not 'none'"),
        ("product: x\nfailures: {a: {}}", "there is no message here; {en: …} or {matches: …}"),
        ("product: x\nfailures: {a: *b}", "'*b' is an alias of YAML"),
        ("product: [x", "a bracket is opened here and never closed"),
    ],
)
def test_what_is_no_catalogue_is_told(text: str, told: str) -> None:
    with pytest.raises(CatalogueErrors) as caught:
        read(text)
    assert told in str(caught.value)
