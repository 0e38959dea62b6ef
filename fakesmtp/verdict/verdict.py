"""The general verdict on a client: its claim on one side, the journal on the other, and one word for what they make.

It needs no ``expect``. A client is judged by what it could know: a message is accepted when the client was told so, and
a failure is reported when its message names something of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Final

import attrs

from fakesmtp.journal.events import Entry
from fakesmtp.verdict.case import Case, Finding, Name
from fakesmtp.verdict.exchanges import Event
from fakesmtp.verdict.telling import Telling

if TYPE_CHECKING:
    from fakesmtp.journal.claim import Claim
    from fakesmtp.scenario.model import Scenario

VERDICTS: Final[dict[Name, str]] = {
    "leaked": "credentials or mail went out without the TLS, the certificate or the login that was demanded",
    "hung": "the client did not end within the time that it was given",
    "crashed": "a signal ended the client",
    "lost": "the client claims success for a message or a recipient that was not accepted",
    "duplicated": "the server took one message more than once for the same recipient",
    "false-alarm": "everything was accepted, and the client claims failure",
    "unreported": "it failed, the client says so, and its message names nothing of the failure",
    "reported": "it failed, and the client says so",
    "delivered": "everything was accepted, and the client says so",
    "unknown": "what the client claims is not known",
}
"""What each name means. Where several hold, the first of them is the verdict's: what cannot be undone comes first."""

ASKED: Final = ("tls", "auth")
"""What a client can have been configured to use."""

_WRONG: Final = frozenset({"leaked", "crashed", "hung", "lost", "false-alarm", "unknown"})
"""Never right, whatever the scenario says. Of what is not known nobody can say that it was right."""
_KEYWORDS: Final = {"tls": "STARTTLS", "auth": "AUTH"}


@attrs.frozen
class Verdict:
    """What is to be said of the client, in one word and in a sentence."""

    name: Name
    """One of :data:`VERDICTS`."""
    right: bool
    """A correct client may end so, by the scenario's outcome where it has one, and by the journal alone where not."""
    sentence: str
    """What happened and why this is its name, for people."""
    telling: Telling
    """What the client's message tells of the failure."""
    also: tuple[Finding, ...] = ()
    """What holds besides, and weighs less."""
    outcome: str | None = None
    """The scenario's."""

    @property
    def weak(self) -> bool:
        """Right, as the client does say that it failed; but its user learns nothing of why."""
        return self.right and self.name == "unreported"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "right": self.right,
            "weak": self.weak,
            "sentence": self.sentence,
            "outcome": self.outcome,
            "telling": self.telling.as_dict(),
            "also": [{"name": each.name, "sentence": each.sentence} for each in self.also],
        }

    def render(self) -> str:
        """For people, in a few lines, without a line end."""
        lines = [f"{self.name}: {self.sentence}", *(f"also {each.name}: {each.sentence}" for each in self.also)]
        told = [f"its message: {self.telling.render()}"] * bool(self.telling.of)
        return "\n".join([*lines, *told])


def give_verdict(
    scenario: Scenario | None,
    events: Iterable[Entry | Event],
    claim: Claim,
    *,
    asked: Collection[str] = frozenset(),
) -> Verdict:
    """Judge one client by what it has done and what it says of it.

    :param scenario: for its outcome, and for the messages that are documented of it; ``None``: the journal decides.
    :param events: this client's: entries of a live journal, or as they were written.
    :param asked: what the client was configured to use, of :data:`ASKED`.
    :raises ValueError: if ``asked`` has another word.
    """
    if unknown := set(asked) - set(ASKED):
        raise ValueError(f"a client is asked for {' or '.join(ASKED)}, not for {', '.join(sorted(unknown))}")
    case = Case.of(scenario, list(events), claim, frozenset(asked))
    first, *also = case.find()
    right, why = _judge(case, first.name)
    sentence = f"{first.sentence}; {why}" if why else first.sentence
    return Verdict(first.name, right, sentence, case.telling, tuple(also), case.outcome)


def _judge(case: Case, name: Name) -> tuple[bool, str | None]:
    """Whether that name is right; where it is the scenario that says no, also why."""
    if name in _WRONG:
        return False, None
    if name == "duplicated":
        return not any(each.told for each in case.duplicates) and case.outcome in (None, "delivered"), None
    return _judge_delivery(case) if name == "delivered" else _judge_report(case)


def _judge_delivery(case: Case) -> tuple[bool, str | None]:
    if case.outcome in (None, "delivered"):
        return True, None
    return False, f"the scenario's outcome is {case.outcome}, and that did not come about"


def _judge_report(case: Case) -> tuple[bool, str | None]:
    if case.outcome is None:
        return True, None
    if case.outcome == "delivered":
        return (True, None) if _not_to_be_had(case) else (False, "a correct client delivers here")
    if case.claim.claims_success:
        return False, f"the scenario's outcome is {case.outcome}"
    if not case.has_acted and case.outcome != "unreachable":
        return False, "it never connected"
    return True, None


def _not_to_be_had(case: Case) -> bool:
    """Whether the client was to use something that no server has offered it, so that it is right not to deliver."""
    offers = [
        (exchange.answer.text.upper(), exchange.in_tls)
        for session in case.sessions
        for exchange in session.of("ehlo")
        if exchange.answer is not None and exchange.succeeds
    ]
    return bool(offers) and any(
        not any(_KEYWORDS[each] in text or (each == "tls" and in_tls) for text, in_tls in offers) for each in case.asked
    )
