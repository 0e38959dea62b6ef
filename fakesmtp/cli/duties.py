"""What a correct client does about a scenario, told of its rules: by stage, code and fault, with the RFC's section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from fakesmtp.faults.refuse import Refuse
from fakesmtp.faults.reply import SayReply
from fakesmtp.protocol.reply import Reply, ReplySyntaxError
from fakesmtp.protocol.stages import ANY, STAGES, Stage
from fakesmtp.protocol.wording import Wording
from fakesmtp.scenario.model import Act, Rule, Scenario
from fakesmtp.scenario.naming import drafts

MOST: Final = 3
"""Sentences that are told of one scenario."""


class Duty(NamedTuple):
    """One sentence, and the sections that say so: ``5321 4.2.1``."""

    text: str
    rfc: tuple[str, ...] = ()


BY_OUTCOME: Final[Mapping[str | None, tuple[str, ...]]] = {
    "delivered": (),
    "refused": ("5321 4.2.1",),
    "deferred": ("5321 4.2.1", "5321 4.5.4.1"),
    "unreachable": ("5321 4.5.4.1",),
    "insecure": ("3207 4.1",),
    None: (),
}
"""Sections for what a client must report, by outcome."""
REFUSED: Final[Mapping[Stage, Duty]] = {
    Stage.GREETING: Duty("A greeting that refuses is answered with QUIT, and with nothing else.", ("5321 3.1",)),
    Stage.HELO: Duty("It has not introduced itself, and sends no mail in this session.", ("5321 4.1.4",)),
    Stage.EHLO: Duty("It tries HELO, or ends the session: it has not introduced itself.", ("5321 3.2", "5321 4.1.4")),
    Stage.AUTH: Duty("It has not logged in: it tries another mechanism that is offered, or gives up.", ("4954 4",)),
    Stage.AUTH_LINE: Duty("It has not logged in, and the dialogue is over.", ("4954 4",)),
    Stage.BDAT: Duty("The message is lost: what follows is RSET or QUIT, and no further chunk.", ("3030 2",)),
    Stage.AUTH_RESPONSE: Duty("It asks for other credentials, and does not try the same again.", ("4954 6",)),
    Stage.MAIL: Duty("No transaction has begun: neither RCPT nor DATA follows.", ("5321 3.3",)),
    Stage.RCPT: Duty(
        "One recipient is refused, not the mail: the others get it, and the sender learns of this one.",
        ("5321 3.3",),
    ),
    Stage.DATA: Duty("Without 354 no message is sent.", ("5321 3.3", "5321 4.1.1.4")),
    Stage.END_OF_DATA: Duty(
        "The reply after the dot holds for all recipients: nobody has got it.",
        ("5321 4.1.1.4", "5321 4.2.5"),
    ),
}
"""By stage, of a reply that refuses."""
SPECIAL: Final[Mapping[tuple[Stage, int], Duty]] = {
    (Stage.AUTH_RESPONSE, 454): Duty("The credentials may be right: it does not ask for others.", ("4954 6",)),
    (Stage.RCPT, 452): Duty("Those that were accepted get the mail; the rest is tried again.", ("5321 4.5.3.1.10",)),
}
"""By stage and code, where the code says more than its first digit."""
LIMITS: Final[Mapping[Stage, tuple[str, str]]] = {
    Stage.GREETING: ("5 minutes for the greeting", "5321 4.5.3.2.1"),
    Stage.MAIL: ("5 minutes for MAIL", "5321 4.5.3.2.2"),
    Stage.RCPT: ("5 minutes for RCPT", "5321 4.5.3.2.3"),
    Stage.DATA: ("2 minutes for DATA", "5321 4.5.3.2.4"),
    Stage.CONTENT: ("3 minutes for each block of the message", "5321 4.5.3.2.5"),
    Stage.END_OF_DATA: ("10 minutes after the dot", "5321 4.5.3.2.6"),
}
"""How long a client waits at least."""
_NO_LIMIT: Final = ("some minutes for each command", "5321 4.5.3.2")
SLOW: Final = frozenset({"delay", "delay-from", "dribble", "bandwidth", "pause-reading"})
MUTE: Final = frozenset({"silence", "hang", "stop-reading", "drop-pipelined", "postpone"})
LOST: Final = frozenset({"close", "reset-after", "truncate"})
_OF_EACH: Final = Duty(
    "By LMTP each recipient has a reply of its own after the dot: it reads all of them, and reports those that refuse.",
    ("2033 4.2",),
)
_WHOLE: Final = Duty("A reply is whole at its last CRLF, in however many segments it comes.", ("5321 2.3.8",))
_TURNS: Final = Duty(
    "Each command has one reply, in the order of the commands; what fits none of them ends the session.",
    ("5321 4.2", "2920 3.1"),
)
_TAKEN: Final = Duty("With the 250 after the dot the mail is the server's: the client reports success.", ("5321 6.1",))
_OFFERED: Final = Duty("It uses what the EHLO list offers now, and nothing else.", ("5321 4.1.1.1",))
_TRUST: Final = Duty("What the handshake shows is judged before anything else is said.", ("3207 4.1",))
BY_FAULT: Final[Mapping[str, Duty]] = {
    "split": _WHOLE,
    "babble": Duty("A reply may have any number of lines; a client that has had enough closes.", ("5321 4.2.1",)),
    "line-ending": Duty("A line ends with CRLF, and with nothing else.", ("5321 2.3.8",)),
    "pad": Duty(
        "A reply line may have 512 octets; what is longer is read on, or the session ended.", ("5321 4.5.3.1.5",)
    ),
    "duplicate": _TURNS,
    "invert": _TURNS,
    "send": _TURNS,
    "merge": _WHOLE,
    "withhold": _OFFERED,
    "offer": _OFFERED,
    "certificate": _TRUST,
    "handshake": _TRUST,
    **dict.fromkeys(("discard", "bounce", "corrupt", "loop", "redeliver", "strip-attachments"), _TAKEN),
}
"""By fault, of those that are no refusal."""


def duties_of(scenario: Scenario, persona: Wording) -> list[Duty]:
    """What its rules ask of a client beside its outcome; each sentence once."""
    found = (duty for rule in scenario.rules for act in rule.acts for duty in _of_act(act, rule, persona))
    if all(listener.lmtp for listener in scenario.listeners) and scenario.listeners:
        found = (_OF_EACH if duty is REFUSED[Stage.END_OF_DATA] else duty for duty in found)
    return list({duty.text: duty for duty in found}.values())[:MOST]


def _of_act(act: Act, rule: Rule, persona: Wording) -> Iterator[Duty]:
    stages = rule.stages if rule.stages != ANY else ()
    if act.name in BY_FAULT:
        yield BY_FAULT[act.name]
    elif act.name in SLOW or act.name in MUTE:
        yield _of_time(stages, act.name in MUTE)
    elif act.name in LOST:
        yield _of_loss(stages)
    else:
        yield from (_of_reply(stage, code) for stage, code in _codes(act, rule, persona))


def _of_time(stages: tuple[Stage, ...], mute: bool) -> Duty:
    limit, section = next((LIMITS[stage] for stage in stages if stage in LIMITS), _NO_LIMIT)
    if mute:
        return Duty(f"It waits {limit}, then gives up, closes the connection and keeps the mail.", (section,))
    return Duty(f"It waits {limit} at least, and then goes on as if nothing had been.", (section,))


def _of_loss(stages: tuple[Stage, ...]) -> Duty:
    if Stage.END_OF_DATA in stages:
        told = "Nobody knows whether the server has the mail: it is sent again, though that may make a duplicate."
        return Duty(told, ("5321 3.8", "1047"))
    if Stage.QUIT in stages or Stage.CLOSE in stages:
        return Duty("The mail was taken before: how the connection ends changes nothing.", ("5321 4.1.1.10",))
    return Duty("A connection that is lost counts as 451: the mail is kept, and tried again later.", ("5321 3.8",))


def _codes(act: Act, rule: Rule, persona: Wording) -> Iterator[tuple[Stage, int]]:
    """Stage and code of each refusal that the act says."""
    for stage in rule.stages:
        code = _code(act, stage, persona)
        if code is not None and str(code // 100) not in STAGES[stage].success:
            yield stage, code


def _code(act: Act, stage: Stage, persona: Wording) -> int | None:
    if isinstance(act.fault, SayReply):
        return act.fault.reply.code
    words = persona.words_for(act.fault.name) if isinstance(act.fault, Refuse) else None
    if words is None:
        return None
    try:
        return Reply.parse(words.at.get(stage, words.template).text).code
    except ReplySyntaxError:
        return None


def _of_reply(stage: Stage, code: int) -> Duty:
    if (stage, code) in SPECIAL:
        return SPECIAL[stage, code]
    if code != 421 and stage in REFUSED and (stage is not Stage.EHLO or code not in drafts.NOT_IMPLEMENTED):
        return REFUSED[stage]
    return Duty(*drafts.duty_at(stage, code))
