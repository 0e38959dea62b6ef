"""The persona files: complete, well formed, and honest about what was verified."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any, Final

import pytest

import fakesmtp.scenario
from fakesmtp.protocol.stages import STAGES
from fakesmtp.protocol.wording import PLACEHOLDERS, SITUATIONS, Template

FOLDER: Final = Path(fakesmtp.scenario.__file__).parent / "personas"
FILES: Final = sorted(FOLDER.glob("*.toml"))
PERSONAS: Final[dict[str, dict[str, Any]]] = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in FILES}

EXPECTED: Final = {
    "generic",
    "postfix",
    "sendmail",
    "exchange",
    "exim",
    "qmail",
    "exchange-online",
    "gmail",
    "yahoo",
    "outlook",
    "communigate-pro",
    "wiz98",
    "docomo",
    "opensmtpd",
    "haraka",
}
REFUSALS: Final = {
    "unknown-user",
    "mailbox-full",
    "mailbox-disabled",
    "relay-denied",
    "recipient-denied",
    "sender-rejected",
    "sender-domain-unresolvable",
    "sender-not-allowed",
    "no-reverse-dns",
    "dnsbl-listed",
    "helo-rejected",
    "auth-required",
    "auth-failed",
    "auth-temporary",
    "auth-cancelled",
    "auth-mechanism-unknown",
    "auth-disabled",
    "login-denied",
    "tls-required",
    "tls-unavailable",
    "message-too-large",
    "too-many-recipients",
    "too-many-connections",
    "too-many-messages",
    "rate-limited",
    "greylisted",
    "attachment-refused",
    "content-refused",
    "spam-refused",
    "virus-found",
    "bad-sequence",
    "syntax-error",
    "path-syntax-error",
    "command-unrecognized",
    "too-many-errors",
    "too-many-hops",
    "line-too-long",
    "bare-line-feed",
    "insufficient-storage",
    "not-accepting",
    "internal-error",
    "timeout",
    "shutting-down",
    "early-talker",
    "parameter-unrecognized",
    "etrn-refused",
}
OK: Final = {
    "greeting": "220",
    "helo": "250",
    "ehlo": "250",
    "mail": "250",
    "rcpt": "250",
    "data": "354",
    "end-of-data": "250",
    "bdat": "250",
    "rset": "250",
    "noop": "250",
    "vrfy": "252",
    "expn": "252",
    "help": "214",
    "etrn": "250",
    "quit": "221",
    "starttls": "220",
    "auth": "235",
}
KEYS: Final = {"name", "aliases", "summary", "version", "helo-required", "ok", "ehlo", "refusals"}
OPTIONAL_KEYS: Final = {"asked", "sources", "unknown-commands", "unverified"}
REFUSAL_KEYS: Final = {"text", "stage", "stage-status", "closes", "at", "unverified-at", "source", "status", "note"}
SERVED: Final = {
    "PIPELINING",
    "SIZE",
    "8BITMIME",
    "SMTPUTF8",
    "CHUNKING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "VRFY",
    "EXPN",
    "ETRN",
    "STARTTLS",
    "AUTH",
    "HELP",
}
UNVERIFIED: Final = {
    "sendmail": {"greylisted"},
    "qmail": {"dnsbl-listed"},
    "communigate-pro": {
        "mailbox-full",
        "auth-required",
        "dnsbl-listed",
        "sender-rejected",
        "login-denied",
        "login-unassigned",
    },
    "wiz98": {"unknown-user"},
}
"""What no source confirms. A name leaves this list when a source for its code and its words is found."""

UNVERIFIED_MANNER: Final = {
    "communigate-pro": {"ok/ehlo", "ehlo", "helo-required"},
    "docomo": {"ehlo", "helo-required"},
    "wiz98": {"ehlo", "helo-required"},
    "yahoo": {"helo-required"},
}
"""What no source shows of how a server agrees, what it offers and whether it demands HELO."""

UNVERIFIED_STAGES: Final = {
    "communigate-pro": {"relay-denied", "dnsbl-listed", "auth-required", "login-denied", "login-unassigned"},
    "docomo": {"mailbox-full", "too-many-recipients", "line-too-long", "syntax-error"},
    "exchange": {"mailbox-full", "mailbox-disabled", "sender-not-allowed", "internal-error"},
    "exchange-online": {
        "unknown-user",
        "mailbox-full",
        "sender-rejected",
        "no-reverse-dns",
        "helo-rejected",
        "store-throttle",
        "bare-line-feed",
    },
    "exim": {"shutting-down"},
    "gmail": {"relay-denied", "shutting-down"},
    "haraka": {"mailbox-full"},
    "outlook": {
        "dynamic-ip",
        "open-proxy",
        "too-many-connections",
        "rate-limited",
        "content-refused",
        "spam-refused",
    },
    "postfix": {"mailbox-full"},
    "sendmail": {"too-many-hops", "shutting-down"},
    "yahoo": {
        "sender-domain-unresolvable",
        "recipient-rate",
        "permanently-deferred",
        "syntax-error",
        "internal-error",
        "busy",
    },
}
"""Where no source shows at which stage that server says it."""

OTHER_CLASS: Final = {("exchange", "tls-required"), ("exchange-online", "tls-required")}
"""Exchange really says 451 5.7.3; everybody else's enhanced code has the class of the reply code (RFC 3463 2)."""

STAYS_OPEN: Final = {("exim", "too-many-messages"), ("exim", "rate-limited"), ("opensmtpd", "auth-temporary")}
"""Exim says 421 and goes on (asked), OpenSMTPD after a login (its source); for everybody else 421 is the end."""

KEBAB: Final = re.compile(r"[a-z]+(-[a-z]+)*")
LINE: Final = re.compile(r"(?P<code>[2-5]\d\d) (?:(?P<enhanced>[245]\.\d{1,3}\.\d{1,3}) )?(?P<words>[ -~]*\S[ -~]*)")

persona = pytest.mark.parametrize("name", PERSONAS)


def lines_of(text: str | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else text


def texts_of(refusal: dict[str, Any]) -> Iterator[str | list[str]]:
    yield refusal["text"]
    yield from refusal.get("at", {}).values()


def all_texts(name: str) -> Iterator[tuple[str, str | list[str]]]:
    """Every reply of a persona, with the name of the words it belongs to."""
    yield from PERSONAS[name]["ok"].items()
    for refusal, words in PERSONAS[name]["refusals"].items():
        yield from ((refusal, text) for text in texts_of(words))


def shape(line: str) -> re.Match[str]:
    found = LINE.fullmatch(line)
    assert found, f"no reply line: {line!r}"
    return found


def test_the_personas() -> None:
    assert set(PERSONAS) == EXPECTED


@persona
def test_keys_are_the_documented_ones(name: str) -> None:
    data = PERSONAS[name]
    assert KEYS <= data.keys() <= KEYS | OPTIONAL_KEYS
    assert data["name"] == name
    assert data["summary"] and "\n" not in data["summary"]
    assert data["version"]
    assert isinstance(data["helo-required"], bool)
    assert data["ok"].keys() <= OK.keys() | {"bdat-last"}
    assert data["ehlo"].keys() <= {"keywords", "keywords-not-served", "only-in-tls", "size"}
    assert set(data.get("unknown-commands", [])) <= {"vrfy", "expn", "help", "etrn"}


def test_names_and_aliases_are_unique() -> None:
    names = [name for data in PERSONAS.values() for name in (data["name"], *data["aliases"])]
    assert len(names) == len(set(names))


@persona
def test_refusals_have_the_documented_keys_and_stages(name: str) -> None:
    for refusal, words in PERSONAS[name]["refusals"].items():
        assert KEBAB.fullmatch(refusal)
        assert words.keys() <= REFUSAL_KEYS, refusal
        assert {"text", "stage", "source", "status"} <= words.keys(), refusal
        for key in (words["stage"], *words.get("at", {})):
            stage, _, situation = key.partition("/")
            assert stage in STAGES or (stage == "any" and situation), (refusal, key)
            assert not situation or situation in SITUATIONS, (refusal, key)
        assert words.get("stage-status", "unverified") == "unverified", refusal
        assert words["source"], refusal
        assert set(words.get("unverified-at", [])) <= words.get("at", {}).keys(), refusal


@persona
def test_every_reply_is_one(name: str) -> None:
    for words, text in all_texts(name):
        found = [shape(line) for line in lines_of(text)]
        assert len({(line["code"], line["enhanced"]) for line in found}) == 1, words
        assert all(len(line.string) <= 510 for line in found), words


@persona
def test_agreement_agrees(name: str) -> None:
    for words, text in PERSONAS[name]["ok"].items():
        code = shape(lines_of(text)[0])["code"]
        assert code == OK.get(words, "250") or (words == "help" and code == "250"), words


@persona
def test_a_refusal_refuses(name: str) -> None:
    for refusal, words in PERSONAS[name]["refusals"].items():
        assert all(shape(lines_of(text)[0])["code"][0] in "45" for text in texts_of(words)), refusal


def test_the_enhanced_code_has_the_class_of_the_reply_code() -> None:
    differing = {
        (name, words)
        for name in PERSONAS
        for words, text in all_texts(name)
        for line in map(shape, lines_of(text))
        if line["enhanced"] and line["enhanced"][0] != line["code"][0]
    }
    assert differing == OTHER_CLASS


@persona
def test_placeholders_are_known(name: str) -> None:
    keywords = [("keywords", keyword) for keyword in PERSONAS[name]["ehlo"]["keywords"]]
    for words, text in (*all_texts(name), *keywords):
        fields = [field for line in lines_of(text) for _, field, _, _ in Formatter().parse(line)]
        assert {field for field in fields if field is not None} <= PLACEHOLDERS.keys(), words


@persona
def test_421_closes(name: str) -> None:
    for refusal, words in PERSONAS[name]["refusals"].items():
        if any(shape(lines_of(text)[0])["code"] == "421" for text in texts_of(words)):
            assert words.get("closes") is True or (name, refusal) in STAYS_OPEN, refusal


@persona
def test_credentials_are_not_echoed(name: str) -> None:
    for refusal in ("syntax-error", "line-too-long", "auth-failed", "auth-temporary"):
        words = PERSONAS[name]["refusals"].get(refusal, {"text": ""})
        for stage in ("auth", "auth-line", "auth-response"):
            text = "".join(lines_of(words.get("at", {}).get(stage, words["text"])))
            assert "{line}" not in text and "{argument}" not in text, (refusal, stage)


@persona
def test_status_is_honest(name: str) -> None:
    refusals = PERSONAS[name]["refusals"]
    assert {words["status"] for words in refusals.values()} <= {"verified", "unverified", "ours"}
    assert {words["status"] == "ours" for words in refusals.values()} == {name == "generic"}
    assert {refusal for refusal, words in refusals.items() if words["status"] == "unverified"} == UNVERIFIED.get(
        name, set()
    )


@persona
def test_what_is_asked_is_said_and_verified(name: str) -> None:
    data = PERSONAS[name]
    asked = data.get("asked", {"ok": [], "refusals": {}, "server": "nobody"})
    assert asked.keys() == {"server", "ok", "refusals"}
    assert set(asked["ok"]) <= data["ok"].keys()
    for refusal, keys in asked["refusals"].items():
        words = data["refusals"][refusal]
        assert set(keys) <= {words["stage"], *words.get("at", {})}, refusal
        assert words["status"] == "verified", refusal
        assert words["stage"] not in keys or "stage-status" not in words, refusal
        assert not set(keys) & set(words.get("unverified-at", [])), refusal
    assert not {f"ok/{each}" for each in asked["ok"]} & set(data.get("unverified", []))


@persona
def test_what_is_verified_has_a_source_that_is_not_memory(name: str) -> None:
    for refusal, words in PERSONAS[name]["refusals"].items():
        if words["status"] == "verified":
            assert is_source(words["source"]), refusal


@persona
def test_each_wording_has_a_source_or_is_marked_unverified(name: str) -> None:
    """Agreement, the EHLO list and the demand for HELO; each refusal has its own source and status."""
    if name == "generic":
        return
    data = PERSONAS[name]
    unverified, sources = set(data.get("unverified", [])), data.get("sources", {})
    parts = {"ok": {f"ok/{each}" for each in data["ok"]}, "ehlo": {"ehlo"}, "helo-required": {"helo-required"}}
    assert unverified <= set().union(*parts.values())
    assert sources.keys() == {part for part, said in parts.items() if said - unverified}
    assert all(map(is_source, sources.values()))


def is_source(text: str) -> bool:
    """Whether it says where something was read."""
    return bool(text) and not text.startswith("from memory")


def test_what_is_unverified_is_known() -> None:
    manner = {name: set(data["unverified"]) for name, data in PERSONAS.items() if "unverified" in data}
    stages = {
        name: {refusal for refusal, words in data["refusals"].items() if "stage-status" in words}
        for name, data in PERSONAS.items()
    }
    elsewhere = {
        (name, refusal, key)
        for name, data in PERSONAS.items()
        for refusal, words in data["refusals"].items()
        for key in words.get("unverified-at", [])
    }
    assert manner == UNVERIFIED_MANNER
    assert {name: found for name, found in stages.items() if found} == UNVERIFIED_STAGES
    assert elsewhere == {("gmail", "bad-sequence", "bdat")}


@persona
def test_only_what_is_served_is_offered(name: str) -> None:
    ehlo = PERSONAS[name]["ehlo"]
    heads = [keyword.partition(" ")[0] for keyword in ehlo["keywords"]]
    assert len(heads) == len(set(heads))
    assert set(heads) <= SERVED
    assert not set(ehlo["keywords-not-served"]) & set(ehlo["keywords"])
    assert set(ehlo.get("only-in-tls", [])) <= set(heads)


@persona
def test_a_limit_that_is_told_is_given(name: str) -> None:
    ehlo = PERSONAS[name]["ehlo"]
    assert ("SIZE {limit}" in ehlo["keywords"]) == ("size" in ehlo)
    assert ehlo.get("size", 1) > 0


def test_generic_is_complete() -> None:
    generic = PERSONAS["generic"]
    assert generic["ok"].keys() == OK.keys()
    assert generic["refusals"].keys() == REFUSALS
    assert generic["ehlo"]["size"] == 52_428_800
    assert all(words["source"].startswith("RFC ") for words in generic["refusals"].values())


def test_generic_gives_an_enhanced_code_with_every_refusal() -> None:
    for words in PERSONAS["generic"]["refusals"].values():
        assert all(shape(line)["enhanced"] for text in texts_of(words) for line in lines_of(text))


@persona
def test_the_program_reads_every_text(name: str) -> None:
    for words, text in all_texts(name):
        lines = lines_of(text)
        template = Template(tuple(lines))
        assert template.code == int(lines[0][:3]), words
        joined = [line[:3] + ("-" if n < len(lines) else " ") + line[4:] for n, line in enumerate(lines, 1)]
        assert [squeeze(line) for line in template.text.splitlines()] == [squeeze(line) for line in joined], words


def squeeze(line: str) -> str:
    """The reader takes one space after the code as a separator; Google's second one is not worth more."""
    return " ".join(line.split())


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        ("rcpt", "550 5.7.1 <{rcpt}>... Relaying denied. IP name lookup failed [{ip}]"),
        ("mail", "550 5.7.1 Fix reverse DNS for {ip}"),
    ],
)
def test_sendmail_words_a_client_without_a_name_by_stage(stage: str, text: str) -> None:
    words = PERSONAS["sendmail"]["refusals"]["no-reverse-dns"]
    assert words.get("at", {}).get(stage, words["text"]) == text


@pytest.mark.parametrize("refusal", ["no-reverse-dns", "dnsbl-listed", "sender-rejected", "helo-rejected"])
def test_postfix_delays_these_to_rcpt(refusal: str) -> None:
    assert PERSONAS["postfix"]["refusals"][refusal]["stage"] == "rcpt"
