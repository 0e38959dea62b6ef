"""A bounded fuzzer for the core: ``python benchmarks/fuzz_core.py --inputs 200000 --seed 1``.

Each input is one session: a server with random settings and a random composition of the built-in faults, and a client
that says random, mutated and well-formed SMTP in random pieces, while timers fire, handshakes succeed or fail and
connections are lost in the middle of a turn. After each event these must hold:

- nothing was raised, and the turn came to an end;
- no complete command is left lying: what was heard was decided, and nothing is sent behind a close.

The same seed gives the same inputs. The first input that fails is printed with its own seed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fakesmtp.faults import FAULTS
from fakesmtp.faults.settings import (
    CertificateName,
    Fixed,
    Lognormal,
    Octets,
    RefusalName,
    Seconds,
    StateName,
    Uniform,
    Waiting,
    WireText,
)
from fakesmtp.protocol.actions import Action, Close, Decided, Heard, Lookup, Note, Raw, Send, StartTls, Wait
from fakesmtp.protocol.events import (
    BytesReceived,
    Connected,
    Cut,
    Disconnected,
    PeerHalfClosed,
    Resolved,
    Shutdown,
    TimerFired,
    TlsEstablished,
    TlsFailed,
)
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.settings import Limits, Settings
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import Phase
from fakesmtp.scenario.acts import Setting, settings_of
from fakesmtp.scenario.build import settings_for
from fakesmtp.scenario.facts import FACTS
from fakesmtp.scenario.matchers import (
    Absent,
    AllOf,
    AnyOf,
    Contains,
    Equals,
    Fields,
    Glob,
    Matcher,
    Not,
    Over,
    Pattern,
    Present,
    Under,
)
from fakesmtp.scenario.model import Act, Auth, Capabilities, Condition, Rule, Scenario, Tls
from fakesmtp.scenario.persona import load_persona, persona_names
from fakesmtp.scenario.policy import ScenarioPolicy

MOST_ACTIONS: Final = 200_000
"""Actions after which a turn is taken to be endless."""
_QUIET: Final = frozenset({Phase.DATA, Phase.CHUNK, Phase.HANDSHAKE})
"""Phases in which a line is no command."""
_GONE: Final = frozenset({Phase.ENDED, Phase.HUNG})
Random = random.Random


def now() -> datetime:
    """The moment of every session."""
    return datetime(2026, 11, 21, 10, tzinfo=UTC)


class Broken(Exception):
    """Something that must hold does not."""


# ---------------------------------------------------------------------- servers


@cache
def settings(number: int) -> Settings:
    """One of some dozens of servers."""
    chance = Random(number)
    scenario = Scenario(
        name="fuzz",
        persona=chance.choice(persona_names()),
        accounts=chance.choice([None, {}, {"carol": "secret"}]),
        auth=chance.choice([Auth(), Auth(only_in_tls=True), Auth(("PLAIN",)), Auth(())]),
        tls=Tls(chance.choice(["none", "starttls", "starttls", "implicit"])),
        capabilities=chance.choice(
            [Capabilities(), Capabilities(exact=("AUTH=LOGIN",)), Capabilities(edits={"CHUNKING": "", "X": "1"})]
        ),
        limits=chance.choice(
            [None, Limits(message=64, recipients=2, line=80, auth_line=60, errors=3), Limits(message=500, errors=1000)]
        ),
    )
    listener = attrs.evolve(scenario.listeners[0], lmtp=chance.random() < 0.25)
    return settings_for(scenario, listener, now=now)


# ---------------------------------------------------------------------- rules


def octets(chance: Random, most: int = 12) -> bytes:
    """A few octets."""
    return bytes(chance.choices(b"\r\n. -250345abAB<>@:=\x00\xff", k=chance.randrange(most)))


def _number(chance: Random) -> int:
    return chance.choice([1, 1, 2, 3, 7])


def _time(chance: Random) -> float:
    return chance.choice([0.0, 0.5, 1.0, 2.0])


def _words(chance: Random) -> tuple[str, ...]:
    return (chance.choice(["STARTTLS", "AUTH", "CHUNKING", "PIPELINING"]),)


BY_TYPE: Final[dict[Any, Callable[[Random], Any]]] = {
    bool: lambda chance: chance.random() < 0.5,
    int: _number,
    float: _time,
    str: lambda chance: chance.choice(["x", "", "{n}", "iso-8859-1"]),
    Seconds: _time,
    Octets: _number,
    WireText: octets,
    Waiting: lambda chance: chance.choice([Fixed(1.0), Uniform(0.0, 2.0), Lognormal(1.0, 0.5)]),
    Reply: lambda chance: Reply(chance.choice([220, 235, 250, 334, 354, 421, 450, 550, 999]), ("a", "b")),
    tuple[int, ...]: lambda chance: tuple(chance.choices(range(-9, 9), k=2)),
    tuple[str, ...]: _words,
    Mapping[str, str]: lambda chance: dict.fromkeys((*_words(chance), "SIZE", "X-NEW"), "1"),
    RefusalName: lambda chance: chance.choice(tuple(load_persona("generic").refusals)),
    CertificateName: lambda chance: "expired",
    StateName: lambda chance: chance.choice(["start", "other"]),
}
BY_NAME: Final[dict[str, Callable[[Random], Any]]] = {
    "codes": lambda chance: (chance.choice(["2xx", "334", "4xx", "5xx"]),),
    "readings": lambda chance: (chance.choice(["lf.lf", "cr.cr", "lf.crlf"]),),
}
"""Settings whose type alone does not say what they may be."""


def fault(chance: Random, name: str) -> Any:
    """A fault with random settings; those with a default are left out now and then."""
    entry = FAULTS[name]
    wanted = [each for each in settings_of(entry).values() if each.required or chance.random() < 0.5]
    try:
        return entry.factory(**{each.attribute: _setting(chance, each) for each in wanted})
    except ValueError:  # settings that do not go together
        return fault(chance, name)


def _setting(chance: Random, setting: Setting) -> Any:
    if get_origin(setting.type) is Literal:
        return chance.choice(get_args(setting.type))
    if get_origin(setting.type) is Annotated:
        return chance.choice(get_args(setting.type)[1])
    return BY_NAME.get(setting.name, BY_TYPE[setting.type])(chance)


def matcher(chance: Random, depth: int = 2) -> Matcher:
    """Any matcher at all; that it need not suit its fact is the point."""
    number = chance.choice([0, 1, 2, 5, 30])
    simple: list[Matcher] = [
        Absent(),
        Present(),
        Glob(chance.choice(["*", "a*", "*x*", ""])),
        Contains(chance.choice(["a", "hello", ""])),
        chance.choice([Equals(True), Equals(False), Equals(number), Equals("start")]),
        Over(number),
        Under(number),
        Pattern(re.compile("a|x")),
        Fields((("size", Over(number)),)),
    ]
    if not depth or chance.random() < 0.7:
        return chance.choice(simple)
    one, other = matcher(chance, depth - 1), matcher(chance, depth - 1)
    composed: list[Matcher] = [Not(one), AnyOf((one, other)), AllOf((one, other))]
    return chance.choice(composed)


def condition(chance: Random) -> Condition:
    """Any condition on any fact."""
    by = chance.choice(["run", "peer", "listener"])
    return Condition(chance.choice(tuple(FACTS)), matcher(chance), by=by, per=chance.choice([0.5, 5.0, 100.0]))


def rule(chance: Random, number: int) -> Rule:
    """Any rule."""
    acts = [_act(chance) for _ in range(chance.choice([1, 1, 1, 2, 3]))]
    plain = [name for name in FACTS if name not in ("rate", "connections")]
    return Rule(
        name=f"rule-{number}",
        stages=tuple(chance.choices(tuple(Stage), k=chance.choice([1, 1, 2, 25]))),
        acts=tuple(acts),
        when=tuple(condition(chance) for _ in range(chance.choice([0, 0, 1, 2]))),
        per=tuple(chance.choices(plain, k=chance.choice([0, 0, 1, 2]))),
        after=chance.choice([0, 0, 0, 1, 3]),
        times=chance.choice([None, None, 1, 2]),
        every=chance.choice([1, 1, 2]),
        lasts=chance.choice([None, None, 1.0, 60.0]),
        chance=chance.choice([0.0, 0.5, 1.0, 1.0, 1.0]),
    )


def _act(chance: Random) -> Act:
    name = chance.choice(tuple(FAULTS))
    return Act(name, FAULTS[name].kind, fault(chance, name))


# ---------------------------------------------------------------------- clients

LINES: Final = (
    b"EHLO client", b"HELO client", b"LHLO client", b"EHLO", b"MAIL FROM:<a@example.test>", b"MAIL FROM: a@b SIZE=70",
    b"MAIL FROM:<> BODY=8BITMIME", b"RCPT TO:<b@example.test>", b"RCPT TO:<c@example.test>", b"RCPT TO:<>", b"DATA",
    b"RSET", b"NOOP", b"VRFY bob", b"EXPN x", b"HELP", b"ETRN x", b"STARTTLS", b"AUTH PLAIN AGNhcm9sAHNlY3JldA==",
    b"AUTH PLAIN", b"AUTH LOGIN", b"AUTH LOGIN Y2Fyb2w=", b"AUTH CRAM-MD5", b"AUTH XOAUTH2", b"AUTH NTLM", b"AUTH",
    b"Y2Fyb2w=", b"c2VjcmV0", b"*", b"=", b"", b"BDAT 4", b"BDAT 4 LAST", b"BDAT 0 LAST", b"BDAT x", b"FROB", b".",
    b"Subject: hello", b"..", b"QUIT", b"NOOP " + b"x" * 90, b"MAIL FROM:<" + b"a" * 70 + b"@b>", b"\x16\x03\x01\x02",
)  # fmt: skip
GOOD: Final = (
    b"EHLO client\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nRCPT TO:<c@example.test>\r\n",
    b"DATA\r\nSubject: hello\r\n\r\nHello a\r\n..\r\n.\r\n",
    b"BDAT 4\r\nabcdBDAT 4 LAST\r\nefgh",
    b"LHLO client\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n" + b"x" * 80 + b"\r\n.\r\n",
)


def stream(chance: Random) -> bytes:
    """What a client sends in a session."""
    pieces = []
    for _ in range(chance.choice([1, 4, 12])):
        if chance.random() < 0.45:
            pieces.append(chance.choice(GOOD))
        elif chance.random() < 0.1:
            pieces.append(octets(chance, 40))
        else:
            pieces.append(chance.choice(LINES) + chance.choice([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b""]))
    sent = b"".join(pieces)
    return _mutated(chance, sent) if chance.random() < 0.4 else sent


def _mutated(chance: Random, sent: bytes) -> bytes:
    changed = bytearray(sent)
    for _ in range(chance.randint(1, 4)):
        if not changed:
            break
        at = chance.randrange(len(changed))
        changed[at : at + chance.choice([0, 1, 1, 5])] = octets(chance, 4)
    return bytes(changed)


def cut(chance: Random, sent: bytes) -> list[bytes]:
    """In pieces, as the network makes them."""
    most = chance.choice([1, 3, 20, 10_000])
    pieces = []
    while sent:
        length = chance.randint(1, most)
        pieces.append(sent[:length])
        sent = sent[length:]
    return pieces


# ---------------------------------------------------------------------- one session


class Trial:
    """One input: a session, a client, and what must hold."""

    def __init__(self, seed: int) -> None:
        chance = self.chance = Random(seed)
        self.clock = 0.0
        rules = tuple(rule(chance, number) for number in range(chance.choice([0, 1, 2, 4])))
        scenario = Scenario(name="fuzz", rules=rules)
        policy = ScenarioPolicy(scenario, clock=lambda: self.clock, now=now, seed=seed)
        self.session = Session(settings(chance.randrange(60)), policy, lambda: self.clock, 1)
        self.actions: list[Action] = []
        self.closed = self.lost = False
        self.undecided: Heard | None = None
        self.wants_tls = False

    def run(self) -> None:
        """Say everything, in pieces, with accidents."""
        self.take(Connected("192.0.2.1"))
        for piece in cut(self.chance, stream(self.chance)):
            if self.closed:
                break
            self.take(BytesReceived(piece))
            if self.wants_tls or self.chance.random() < 0.02:
                self.wants_tls = False
                self.take(self._accident())
        self.take(self.chance.choice([PeerHalfClosed(), Cut("fin"), Shutdown(), Disconnected()]))
        self.take(Disconnected())
        if self.session.policy.open_connections(self.session, "run"):  # type: ignore[attr-defined]
            raise Broken("the policy still knows the session")

    def _accident(self) -> object:
        self.clock += self.chance.choice([0.0, 1.0, 400.0])
        timers = [TimerFired("idle"), TimerFired("line"), TimerFired("pile")]
        others = [TlsEstablished(), TlsEstablished(), TlsFailed("no"), Cut("rst"), Shutdown()]
        return self.chance.choice([*timers, *others])

    def take(self, event: Any) -> None:
        """Drive the session through an event, and check."""
        turn, reply, count = self.session.handle(event), None, 0
        while True:
            try:
                action = turn.send(reply)
            except StopIteration:
                break
            count += 1
            if count > MOST_ACTIONS:
                raise Broken("the turn has no end")
            reply = self._perform(action)
            if isinstance(action, (Wait, Lookup)) and self.chance.random() < 0.02:
                turn.close()
                self.undecided = None
                self.take(self.chance.choice([Disconnected(), Cut("rst"), Shutdown()]))
                return
        if isinstance(event, BytesReceived):
            self._check_read()

    def _perform(self, action: Action) -> Resolved | None:
        self.actions.append(action)
        if isinstance(action, Wait):
            self.clock += action.seconds
        elif isinstance(action, Lookup):
            return Resolved(action.name, self.chance.choice([None, "unresolved", "client.example.test", "error"]))
        elif isinstance(action, Heard):
            self._check_decided()
            self.undecided = action
        elif isinstance(action, (Decided, Close)) or (isinstance(action, Note) and "not answered" in action.text):
            self.undecided = None
        self._check_order(action)
        return None

    def _check_order(self, action: Action) -> None:
        if isinstance(action, (Send, Raw, StartTls)) and self.closed:
            raise Broken(f"{action} behind a close")
        if isinstance(action, Close):
            self.closed = True
        if isinstance(action, StartTls):
            self.wants_tls = True

    def _check_read(self) -> None:
        """Nothing that is complete is left lying."""
        session = self.session
        if session.phase in _GONE and len(session.inbox):
            raise Broken("somebody keeps what nobody will read")
        left = bytes(session.inbox._buffer[session.inbox._start :])
        if session.phase not in _QUIET and b"\n" in left:
            raise Broken(f"a complete line was not read: {left!r}")
        if session.phase in (Phase.DATA, Phase.CHUNK) and left:
            raise Broken("mail data was not used")
        self._check_decided()

    def _check_decided(self) -> None:
        """What was heard was decided; a chunk once its octets are here, mail data unless `content` has answered."""
        heard = self.undecided
        if heard is None or self.session.phase in _GONE:
            return
        if heard.stage is Stage.BDAT and heard.text:
            return
        if heard.octets and any(isinstance(each, Decided) and each.stage is Stage.CONTENT for each in self.actions):
            return
        raise Broken(f"{heard} was never decided")


def main() -> int:
    """Run the inputs; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began, seen = time.perf_counter(), Counter[str]()
    for number in range(options.inputs):
        seed = options.seed * 1_000_000_007 + number
        trial: Trial | None = None
        try:
            trial = Trial(seed)
            trial.run()
        except Exception:
            print(f"input {number} (seed {seed}) fails:\n{traceback.format_exc()}", file=sys.stderr)
            if trial is not None:
                print(*trial.actions[-12:], sep="\n", file=sys.stderr)
            return 1
        seen.update(type(action).__name__ for action in trial.actions)
    counts = ", ".join(f"{count} {name}" for name, count in seen.most_common())
    print(f"{options.inputs} inputs, nothing failed, {time.perf_counter() - began:.0f} s: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
