"""Any built-in faults, composed at random, at any stage where they are possible, whatever the client says and when.

Scripts too, which have no faults, with handshakes in the middle. Left out are faults of users' own, which may do
anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

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
from fakesmtp.journal import Entry, Journal, Tap
from fakesmtp.protocol import actions, events
from fakesmtp.protocol.actions import Action, Send
from fakesmtp.protocol.outbox import Hold
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.script import Globs, Hear, Script, Secure
from fakesmtp.protocol.scripted import ScriptedSession
from fakesmtp.protocol.session import Session
from fakesmtp.protocol.stages import Stage
from fakesmtp.protocol.transitions import Phase
from fakesmtp.scenario.acts import Setting, settings_of
from fakesmtp.scenario.matchers import Over
from fakesmtp.scenario.model import Act, Rule
from fakesmtp.scenario.persona import load_persona
from fakesmtp.scenario.rules import POSSIBLE
from fakesmtp.tls.certificates import KINDS
from tests.protocol.playbook import Clock, Playbook, rule
from tests.protocol.strategies import dialogues, scripts
from tests.protocol.test_framing import cut

NAMES: Final = tuple(name for name in FAULTS if FAULTS.is_built_in(name))
MOST_ACTIONS: Final = 100_000
MOST_OF_ONE: Final = 300_000
"""Octets that one decision brings at most, with settings as small as these."""
SMALL: Final = {"message": 60, "line": 80, "recipients": 3, "errors": 6, "idle": 30.0}
TLS: Final = ("none", "starttls", "implicit")
PERSONAS: Final = ("generic", "generic", "postfix", "exim", "exchange")
HANDSHAKES: Final = (events.TlsEstablished(), events.TlsEstablished("TLSv1.2"), events.TlsFailed("no"), None)
"""How a handshake ends; with ``None`` it never does."""

# ---------------------------------------------------------------------- what a scenario may say

_TIMES = st.sampled_from([0.0, 0.5, 5.0])
_NUMBERS = st.integers(1, 30)
_OCTETS = st.binary(max_size=8).map(lambda octets: octets + b"2")
BY_TYPE: Final[dict[Any, st.SearchStrategy[Any]]] = {
    bool: st.booleans(),
    int: _NUMBERS,
    float: st.floats(0, 5),
    str: st.sampled_from(["{n}", "iso-8859-1", "x", "", "*", "250"]),
    Seconds: _TIMES,
    Octets: _NUMBERS,
    WireText: _OCTETS,
    Waiting: st.one_of(
        st.builds(Fixed, _TIMES),
        st.builds(Uniform, st.just(0.0), _TIMES),
        st.builds(Lognormal, st.just(1.0), st.floats(0, 2)),
    ),
    Reply: st.builds(
        Reply, st.sampled_from([100, 220, 235, 250, 334, 354, 421, 450, 550, 999]), st.sampled_from([("a",), ("", "b")])
    ),
    tuple[int, ...]: st.lists(st.integers(-20, 20), max_size=3).map(tuple),
    tuple[str, ...]: st.lists(st.sampled_from(["AUTH", "STARTTLS", "CHUNKING", "x"]), max_size=2).map(tuple),
    RefusalName: st.sampled_from(sorted(load_persona("generic").refusals)),
    CertificateName: st.sampled_from(sorted(KINDS)),
    StateName: st.sampled_from(["start", "other"]),
}
_BY_NAME: Final = {
    "readings": st.sampled_from([("lf.lf",), ("cr.cr", "lf.crlf")]),
    "codes": st.sampled_from([("2xx",), ("334", "354", "5xx")]),
}
"""Settings whose type alone does not say what they may be."""
_MAPPINGS = st.dictionaries(st.sampled_from(["SIZE", "AUTH", "X-NEW", "STARTTLS"]), st.sampled_from(["", "1", "LOGIN"]))


def values(setting: Setting) -> st.SearchStrategy[Any]:
    """Small values of a setting's type."""
    if get_origin(setting.type) is Literal:
        return st.sampled_from(get_args(setting.type))
    if get_origin(setting.type) is Annotated:
        return st.sampled_from(sorted(get_args(setting.type)[1]))
    return _BY_NAME.get(setting.name, BY_TYPE.get(setting.type, _MAPPINGS))


@st.composite
def acts(draw: st.DrawFn, name: str) -> Act:
    """A fault with random settings; those with a default may be left out."""
    entry = FAULTS[name]
    wanted = [each for each in settings_of(entry).values() if each.required or draw(st.booleans())]
    chosen = {each.attribute: draw(values(each)) for each in wanted}
    try:
        return Act(name, entry.kind, entry.factory(**chosen))
    except ValueError:
        assume(False)
        raise


_CONDITIONS = st.sampled_from(
    [{}, {}, {}, {"state": "other"}, {"tls": True}, {"forward-path": "b@*"}, {"client-name": None}, {"pipelined": True}]
)
_DETAILS: Final = {
    "times": st.sampled_from([None, None, 1, 2]),
    "after": st.sampled_from([0, 0, 0, 1]),
    "every": st.sampled_from([1, 1, 1, 2]),
    "per": st.sampled_from([(), (), ("forward-path",)]),
    "lasts": st.sampled_from([None, None, None, 3.0]),
    "chance": st.sampled_from([1.0, 1.0, 1.0, 0.5]),
}


@st.composite
def rules(draw: st.DrawFn) -> tuple[Rule, ...]:
    """Up to three rules of up to three faults each."""
    return tuple(_rule(draw, number) for number in range(draw(st.integers(1, 3))))


def _rule(draw: st.DrawFn, number: int) -> Rule:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
    possible = set(Stage).intersection(*(POSSIBLE.get(name, (set(Stage), ""))[0] for name in names))
    assume(possible)
    stages = draw(st.lists(st.sampled_from(sorted(possible)), min_size=1, max_size=6, unique=True))
    chosen = [draw(acts(name)) for name in names]
    if stages == [Stage.CONTENT]:
        when = {"offset": Over(draw(st.integers(0, 20)))}
    else:
        stages = [stage for stage in stages if stage is not Stage.CONTENT]
        when = draw(_CONDITIONS)
    return rule(
        stages, *chosen, name=f"rule-{number}", when=when, **{key: draw(each) for key, each in _DETAILS.items()}
    )


# ---------------------------------------------------------------------- a driver with a clock and a journal


class Run:
    """A session, its journal and its timers. What it sends is ``wire``.

    :param handshake: how each of its handshakes ends.
    """

    def __init__(self, session: Session, clock: Clock, handshake: Any = HANDSHAKES[0]) -> None:
        self.session, self.clock, self.handshake = session, clock, handshake
        self.journal = Journal(clock=self.clock, now=self.clock.now, show_secrets=True)
        self.tap = Tap(self.journal, 1)
        self.timers: dict[str, float] = {}
        self.wire = b""
        self.done: list[Action] = []
        self._perform: dict[type, Callable[[Any], Any]] = {
            actions.Send: self._send,
            actions.Decided: self.tap.decided,
            actions.KeptBack: lambda action: self.tap.kept_back(),
            actions.Released: self.tap.released,
            actions.Heard: self.tap.heard,
            actions.Took: self.tap.took,
            actions.Note: self.tap.note,
            actions.Diverged: self.tap.diverged,
            actions.Close: self.tap.closing,
            actions.StartTls: self.tap.starting_tls,
            actions.Raw: lambda action: self.tap.raw(action.data),
            actions.SetTimer: lambda action: self.timers.update({action.name: self.clock() + action.seconds}),
            actions.CancelTimer: lambda action: self.timers.pop(action.name, None),
        }

    def take(self, event: Any, interrupted_after: int = MOST_ACTIONS) -> bool:
        """Handle an event; whether its turn came to its end before it was given up."""
        self.tap.event(event)
        turn = self.session.handle(event)
        for count, action in enumerate(turn, 1):
            assert not isinstance(action, Hold)
            self.done.append(action)
            if isinstance(action, actions.Wait):
                self.clock.seconds += action.seconds
            self._perform.get(type(action), lambda action: None)(action)
            if count >= interrupted_after:
                turn.close()
                self.tap.turn_interrupted()
                return False
        assert len(self.done) < MOST_ACTIONS
        self.tap.turn_ended()
        begins = bool(self.done) and isinstance(self.done[-1], actions.StartTls)
        return not begins or self.handshake is None or self.take(self.handshake)

    def wait(self, seconds: float) -> None:
        """Time passes, and the timers that are due run out."""
        self.clock.seconds += seconds
        while due := [name for name, moment in self.timers.items() if moment <= self.clock()]:
            del self.timers[due[0]]
            self.take(events.TimerFired(due[0]))

    def _send(self, action: Send) -> None:
        self.tap.sent(action.data)
        self.wire += action.data


def run_of(given_rules: Iterable[Rule], server: Mapping[str, Any], handshake: Any = HANDSHAKES[0]) -> Run:
    """A session by these rules."""
    play = Playbook(*given_rules, limits=SMALL, connect=False, **server)
    return Run(play.session, play.clock, handshake)


def converse(run: Run, pieces: Iterable[bytes], pauses: Iterable[float]) -> None:
    """The client says all of it, and time passes in between."""
    run.take(events.Connected())
    for piece, pause in zip(pieces, pauses, strict=False):
        run.take(events.BytesReceived(piece))
        run.wait(pause)


servers = st.fixed_dictionaries(
    {"lmtp": st.booleans(), "tls": st.sampled_from(TLS), "persona": st.sampled_from(PERSONAS)}
)
_PLACES = st.lists(st.integers(0, 400), max_size=6)
_PAUSES = st.lists(st.sampled_from([0.0, 0.0, 1.0, 40.0]), min_size=8, max_size=8)
ENDINGS: Final = (events.Disconnected(), events.Cut("rst"), events.Shutdown())
often = settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])

# ---------------------------------------------------------------------- what must hold


def told_as_sent(entries: Iterable[Entry]) -> list[bytes | int]:
    """The octets of each reply by the journal; of one too long to be kept whole, how many there were."""
    found: list[bytes | int] = []
    for entry in entries:
        if entry.kind in ("reply", "cut"):
            exact = entry.octets if entry.octets is not None else entry.text.replace("\n", "\r\n").encode() + b"\r\n"
            total = entry.facts.get("octets", len(exact))
            found.append(total if entry.kind == "cut" and not total else exact if total == len(exact) else total)
    return found


def check_sent(run: Run) -> None:
    """What was sent is the sum of the replies, in their order."""
    at = 0
    for told in told_as_sent(run.journal):
        if isinstance(told, int):
            at += told
        else:
            assert run.wire[at : at + len(told)] == told
            at += len(told)
    assert at == len(run.wire)


def check_closing(run: Run) -> None:
    """Nothing is said behind a Close, and a session that has closed has ended."""
    closes = [number for number, action in enumerate(run.done) if isinstance(action, actions.Close)]
    assert not closes or not any(isinstance(action, (Send, actions.Raw)) for action in run.done[closes[0] :])
    if closes:
        assert run.session.phase in (Phase.ENDED, Phase.HUNG)


def check_kept(run: Run) -> None:
    """What was kept back has left, or the journal says that it has not."""
    kept = sum(isinstance(action, actions.KeptBack) for action in run.done)
    left = sum(isinstance(action, actions.Released) and action.decided is not None for action in run.done)
    unsent = sum(entry.kind == "note" and entry.text.startswith("never sent") for entry in run.journal)
    assert kept == left + unsent


def check(run: Run) -> None:
    """The connection is gone: everything holds that must."""
    run.take(events.Disconnected())
    assert run.session.phase is Phase.ENDED
    check_sent(run)
    check_closing(run)
    check_kept(run)
    times = [entry.elapsed for entry in run.journal if entry.kind not in ("reply", "cut", "message")]
    assert all(one <= other for one, other in pairwise(times))


@often
@given(rules(), servers, st.sampled_from(HANDSHAKES), dialogues, _PLACES, _PAUSES)
def test_any_faults_make_a_session_that_ends_or_waits(some_rules, server, handshake, octets, places, pauses):
    run = run_of(some_rules, server, handshake)
    converse(run, cut(octets, places), pauses)
    decided = sum(isinstance(action, actions.Decided) for action in run.done)
    assert len(run.wire) <= MOST_OF_ONE * decided
    check(run)
    assert run.session.policy.open_connections(run.session, "run") == 0


@often
@given(rules(), servers, dialogues, _PLACES, st.integers(1, 40), st.sampled_from(ENDINGS))
def test_a_turn_may_be_given_up_at_any_action(some_rules, server, octets, places, after, ending):
    run = run_of(some_rules, server)
    run.take(events.Connected())
    for piece in cut(octets, places):
        if not run.take(events.BytesReceived(piece), after):
            break
    run.take(ending)
    run.take(events.Disconnected())
    assert run.session.phase is Phase.ENDED
    check_sent(run)


@often
@given(
    scripts(st.just(Secure()), st.just(Hear(Globs(("STARTTLS",))))),
    servers,
    st.sampled_from(HANDSHAKES),
    dialogues,
    _PLACES,
    _PAUSES,
)
def test_any_script_makes_a_session_that_ends_or_waits(steps, server, handshake, octets, places, pauses):
    play = Playbook(limits=SMALL, connect=False, **server)
    session = ScriptedSession(play.settings, play.policy, play.clock, script=Script((steps,)))
    run = Run(session, play.clock, handshake)
    converse(run, cut(octets, places), pauses)
    check(run)
    assert sum(isinstance(action, actions.Diverged) for action in run.done) <= 1


@given(st.sampled_from(NAMES), st.sampled_from(TLS), st.booleans(), st.data())
@often
def test_each_fault_alone_at_each_stage(name, tls, lmtp, data):
    possible = POSSIBLE.get(name, (set(Stage), ""))[0] - {Stage.CONTENT}
    stage = data.draw(st.sampled_from(sorted(possible)))
    run = run_of([rule(stage, data.draw(acts(name)))], {"lmtp": lmtp, "tls": tls})
    run.take(events.Connected())
    for line in (
        b"LHLO client" if lmtp else b"EHLO client", b"AUTH PLAIN AGEAYg==", b"NOOP", b"VRFY x", b"EXPN x", b"HELP",
        b"ETRN x", b"FROB", b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA", b"Subject: x\r\n\r\nHello there\r\n.",
        b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"BDAT 12 LAST\r\nHello there", b"RSET", b"STARTTLS", b"QUIT",
    ):  # fmt: skip
        run.take(events.BytesReceived(line + b"\r\n"))
        run.wait(2.0)
    run.wait(100.0)
    check(run)
