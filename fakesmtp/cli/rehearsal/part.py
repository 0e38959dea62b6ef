"""What the client of a rehearsal is told to do, so that it meets what the scenario is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

import attrs

from fakesmtp.cli.sample_client import HELO_NAME, RECIPIENTS, Errand, make_errand, make_message
from fakesmtp.protocol.stages import ANY, Stage
from fakesmtp.scenario.matchers import Equals, Glob, Matcher, Within
from fakesmtp.scenario.model import Listener, Rule, Scenario

PEER: Final = "127.0.0.1"
_MAIL_PARAMETERS: Final = (
    "RET=HDRS", "ENVID=demo", "BODY=8BITMIME", "BODY=BINARYMIME", "SMTPUTF8", "REQUIRETLS", "BY=600;R",
    "MT-PRIORITY=-4", "MT-PRIORITY=4", "HOLDFOR=3600", "SIZE=4000",
)  # fmt: skip
_RCPT_PARAMETERS: Final = ("NOTIFY=FAILURE", "ORCPT=rfc822;bob@example.test", "RRVS=2026-01-01T00:00:00Z")
"""Parameters that a client may use, and that a rule may ask about."""
_QUESTIONS: Final[Mapping[Stage, str]] = {
    Stage.VRFY: "VRFY bob",
    Stage.EXPN: "EXPN staff",
    Stage.HELP: "HELP",
    Stage.NOOP: "NOOP",
    Stage.RSET: "RSET",
    Stage.ETRN: "ETRN example.test",
    Stage.UNKNOWN: "XYZZY",
}
"""Commands that no mail depends on."""
_WORDS: Final = ("bob", "staff", "MAIL", "nobody", "help")
_PATHS: Final = (
    "rcpt550_5.1.1@example.test",
    "bob@[192.0.2.1]",
    "bob",
    "bob@elsewhere.example",
    "bj\u00f6rn@example.test",
)
"""Recipients that rules ask about."""
_TOGETHER: Final = frozenset({"drop-pipelined", "invert", "merge"})
"""Faults that show where commands come together."""
_WRONG_PORT: Final = "wrong-service"
"""The tag of scenarios where the port speaks another protocol than the client."""
_MOST_SESSIONS: Final = 3
_AUTH: Final = frozenset({Stage.AUTH, Stage.AUTH_LINE, Stage.AUTH_RESPONSE})
_MOST_AT_ONCE: Final = 10
_EVER: Final = 5
_LARGE: Final = 40_000


@attrs.frozen
class Part:
    """The errand, and how it is done."""

    errand: Errand
    lmtp: bool = False
    peer: str = PEER
    helo_name: str = HELO_NAME
    mail_parameters: tuple[str, ...] = ()
    rcpt_parameters: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    """Commands beside the transaction."""
    chunked: bool = False
    """By BDAT, in two chunks, where the server offers it."""
    pipelines: bool = False
    """Commands together, where the server offers it."""
    prompted: bool = False
    """Log in without an initial response, so that the server prompts."""
    sessions: int = 1
    """Connections at most."""
    persists: bool = False
    """Connect again also where the server has not refused for now, so long as no rule has acted."""
    always: bool = False
    """Connect again in any case."""
    wrong_password: bool = False
    idles: bool = False
    """Say nothing for a long time before QUIT."""
    opportunistic: bool = False
    """Go on without TLS where it is not to be had."""
    messages: int = 1
    """Messages in one session."""
    insists: bool = False
    """Use what the server does not offer: parameters, PIPELINING, STARTTLS."""
    guesses: int = 1
    """Logins that are tried in one session."""
    remembers: bool = False
    """Go by what was offered before TLS."""
    brackets: bool = True
    """Paths stand in angle brackets."""
    stuffs: bool = True
    """Lines of the message that begin with a dot get another one."""
    at_once: int = 1
    """Connections that are open together."""


def make_part(scenario: Scenario, listener: Listener) -> Part:
    """What a client must do to meet the scenario at this listener."""
    rules = tuple(rule for rule in scenario.rules if rule.stages != ANY)
    errand = make_errand(attrs.evolve(scenario, rules=rules), _ready(scenario, listener), 300.0)
    faults = {act.name for rule in scenario.rules for act in rule.acts}
    facts = {condition.fact for rule in scenario.rules for condition in rule.when}
    settled = scenario.outcome in (None, "delivered")
    always = bool(facts & {"connection", "state"})
    persists = always or any(rule.after or rule.every > 1 for rule in scenario.rules)
    return Part(
        attrs.evolve(
            errand,
            tls=_tls(scenario, listener, errand.tls),
            account=errand.account if scenario.pop3 is None or _is_about_auth(rules) else None,
            forward_paths=_forward_paths(errand, rules, listener),
            message=_message(scenario, errand.message),
        ),
        lmtp=listener.lmtp,
        helo_name=next(_names(scenario), HELO_NAME),
        mail_parameters=tuple(_parameters(scenario, Stage.MAIL, _MAIL_PARAMETERS)),
        rcpt_parameters=tuple(_parameters(scenario, Stage.RCPT, _RCPT_PARAMETERS)),
        questions=tuple(_questions(scenario, rules)),
        chunked=any(Stage.BDAT in rule.stages and Stage.DATA not in rule.stages for rule in rules),
        pipelines=("pipelined" in facts or bool(_TOGETHER & faults)) and settled,
        prompted="prompt" in faults or any(Stage.AUTH_LINE in rule.stages for rule in rules),
        sessions=_sessions(scenario, persists),
        persists=persists,
        always=always,
        wrong_password="wrong-password" in facts,
        idles=any(Stage.IDLE in rule.stages for rule in rules),
        opportunistic=settled,
    )


def variants(scenario: Scenario, part: Part) -> Iterator[tuple[str, Part]]:
    """The same in ways that are not quite right, or not quite usual, for rules that only such a client meets."""
    errand = part.errand
    yield "A client that uses what it is not offered", attrs.evolve(part, insists=True, pipelines=True)
    yield "A client that does not log in", attrs.evolve(part, errand=attrs.evolve(errand, account=None))
    yield "A client that does without TLS", attrs.evolve(part, errand=attrs.evolve(errand, tls="none"))
    if part.lmtp:
        yield "A client that speaks SMTP", attrs.evolve(part, lmtp=False)
    for told, account in _accounts(errand.account):
        yield f"A client that logs in with {told}", attrs.evolve(part, errand=attrs.evolve(errand, account=account))
    for path in _PATHS:
        changed = attrs.evolve(errand, forward_paths=(path,))
        yield f"A client that writes to {path}", attrs.evolve(part, errand=changed, insists=not path.isascii())
    yield "A client that sends two messages in one session", attrs.evolve(part, messages=2)
    for peer in _peers(scenario):
        yield f"A client at {peer}", attrs.evolve(part, peer=peer)
    for told, message in MESSAGES.items():
        yield f"A client whose message {told}", attrs.evolve(part, errand=attrs.evolve(errand, message=message))
    yield "A client that sends three messages", attrs.evolve(part, sessions=_MOST_SESSIONS, persists=True, always=True)
    yield "A client that writes paths without angle brackets", attrs.evolve(part, brackets=False)
    dotted = attrs.evolve(errand, message=_DOTTED)
    yield "A client that does not double dots", attrs.evolve(part, errand=dotted, stuffs=False)
    yield "A client that guesses passwords", attrs.evolve(part, wrong_password=True, guesses=_EVER, sessions=1)
    yield "A client that goes by what was offered before TLS", attrs.evolve(part, remembers=True)
    for number in _crowds(scenario):
        yield f"A client that opens {number} connections at once", attrs.evolve(part, at_once=number)


_DOTTED: Final = b"Subject: report\r\n\r\n.hidden\r\n"
"""A message with a line that begins with a dot."""
MESSAGES: Final[Mapping[str, bytes]] = {
    "has eight-bit characters": "Subject: caf\u00e9\r\n\r\nGr\u00fc\u00dfe\r\n".encode(),
    "has bare line feeds": b"Subject: report\r\n\r\none\ntwo\r\n",
    "has bare carriage returns": b"Subject: report\r\n\r\none\rtwo\r\n",
    "comes from the future": b"Date: Tue, 1 Jan 2030 10:00:00 +0000\r\nSubject: report\r\n\r\nDone.\r\n",
    "has been round in circles": b"Received: from a by b; Mon, 3 Jan 2000 10:00:00 +0000\r\n" * 120 + b"\r\nDone.\r\n",
}
"""Messages that rules ask about, by what is special about them."""


def _accounts(account: tuple[str, str] | None) -> Iterator[tuple[str, tuple[str, str]]]:
    if account is not None:
        yield "an empty password", (account[0], "")
        yield "a blank behind its user name", (f"{account[0]} ", account[1])


def _ready(scenario: Scenario, listener: Listener) -> Mapping[str, object]:
    """What an errand is made of."""
    mode = (listener.tls or scenario.tls).mode
    host = scenario.address or scenario.hostname
    return {"host": host, "port": 25, "ca": "", "listeners": {listener.name: {"tls": mode}}}


def _tls(scenario: Scenario, listener: Listener, mode: str) -> str:
    """Where it is about safety, the client wants TLS; and at once, where that is what it is about."""
    if scenario.outcome != "insecure" or listener.tls is not None:
        return mode
    if _WRONG_PORT in scenario.tags:
        return "implicit"
    if mode == "none":
        return "starttls"
    return mode


def _is_about_auth(rules: Iterable[Rule]) -> bool:
    """Else, where there are mailboxes, the accounts are theirs."""
    return any(_AUTH & set(rule.stages) for rule in rules)


def _forward_paths(errand: Errand, rules: Iterable[Rule], listener: Listener) -> tuple[str, ...]:
    """Several recipients only where it is about them."""
    paths = errand.forward_paths
    if listener.lmtp:
        return tuple(dict.fromkeys((*RECIPIENTS, *paths)))
    several = paths != RECIPIENTS or any(Stage.RCPT in rule.stages for rule in rules)
    return paths if several else paths[:1]


def _message(scenario: Scenario, message: bytes) -> bytes:
    """A message large enough for a rule that acts in the middle of it."""
    acts = {act.name for rule in scenario.rules for act in rule.acts}
    offset = any(condition.fact == "offset" for rule in scenario.rules for condition in rule.when)
    return make_message(_LARGE) if offset or "reset-after" in acts else message


def _conditions(scenario: Scenario, fact: str) -> Iterator[tuple[Rule, Matcher]]:
    for rule in scenario.rules:
        for condition in rule.when:
            if condition.fact == fact:
                yield rule, condition.matcher


def _peers(scenario: Scenario) -> Iterator[str]:
    """Addresses that a rule speaks of."""
    for _, matcher in _conditions(scenario, "peer"):
        if isinstance(matcher, Within):
            yield str(next(iter(matcher.network.hosts()), matcher.network.network_address))


def _crowds(scenario: Scenario) -> Iterator[int]:
    """Numbers of open connections that a rule speaks of: for each, the fewest."""
    for _, matcher in _conditions(scenario, "connections"):
        yield from islice(filter(matcher.matches, range(2, _MOST_AT_ONCE + 1)), 1)


def _names(scenario: Scenario) -> Iterator[str]:
    for _, matcher in _conditions(scenario, "helo-name"):
        match matcher:
            case Equals(value=str() as text):
                yield text
            case Glob(glob=glob) if glob:
                yield glob.replace("*", "client").replace("?", "x")


def _parameters(scenario: Scenario, stage: Stage, candidates: Collection[str]) -> Iterator[str]:
    """The parameters that a rule at this stage asks about, one of each keyword."""
    used: set[str] = set()
    for candidate in candidates:
        keyword, _, value = candidate.partition("=")
        if keyword not in used and _asks_for(scenario, stage, candidate, {keyword.lower(): value or True}):
            used.add(keyword)
            yield candidate


def _asks_for(scenario: Scenario, stage: Stage, written: str, given: Mapping[str, object]) -> bool:
    values: Mapping[str, object] = {
        "argument": f"<x@example.test> {written}",
        "parameter": given,
        "size": 4000 if "size" in given else None,
    }
    return any(
        stage in rule.stages and matcher.matches(value) and not matcher.matches({"nothing": True})
        for fact, value in values.items()
        if value is not None
        for rule, matcher in _conditions(scenario, fact)
    )


def _questions(scenario: Scenario, rules: Iterable[Rule]) -> Iterator[str]:
    """Commands for the rules that are about nothing else."""
    about = [rule for rule in rules if _QUESTIONS.keys() >= set(rule.stages)]
    for stage, line in _QUESTIONS.items():
        here = [rule for rule in about if stage in rule.stages]
        verb = line.partition(" ")[0]
        asked = [matcher for rule, matcher in _conditions(scenario, "argument") if rule in here]
        words = [next((word for word in _WORDS if matcher.matches(word)), "") for matcher in asked]
        lines = [f"{verb} {word}" for word in words if word]
        yield from dict.fromkeys(lines) if lines else [line] if here else []


def _sessions(scenario: Scenario, persists: bool) -> int:
    """As many as a rule needs that acts on some of them only."""
    counted = any(rule.times is not None or rule.lasts for rule in scenario.rules)
    scripts = scenario.script is not None and len(scenario.script.connections) > 1
    needed = max((max(rule.after + 1, rule.every) for rule in scenario.rules), default=1)
    return max(_MOST_SESSIONS if counted or scripts or persists else 1, min(needed, _EVER))
