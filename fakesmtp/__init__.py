"""fakesmtp: a fault-injecting test SMTP server for QA.

What test suites use can be imported from here, and nothing is loaded before it is used:

- ``FakeSMTP``: a server for the length of a ``with`` block, or inside a reactor;
- ``load``, ``scenario``, ``rule``: a scenario of the library, or one built in Python;
- ``answering``, ``shaping``, ``effect``, ``setting``, ``matcher``: faults and matchers of one's own, and what their
  functions are given and give (``Answer``, ``Turn``, ``Reply``, ``Action``, ``Send``, ``Flush``, ``Wait``; ``Seconds``
  and ``Octets`` are types of settings);
- ``verify``, ``Claim``: a journal judged by its scenario.
"""

__version__ = "0.1.0.dev0"

TYPE_CHECKING = False  # type checkers take it for true; to import typing would take fifty times as long as all of this
if TYPE_CHECKING:
    from fakesmtp.faults.registry import answering, effect, setting, shaping
    from fakesmtp.faults.settings import Octets, Seconds
    from fakesmtp.journal.claim import Claim
    from fakesmtp.journal.verify import Verification, verify
    from fakesmtp.protocol.actions import Action, Flush, Send, Wait
    from fakesmtp.protocol.policy import Answer, Turn
    from fakesmtp.protocol.reply import Reply
    from fakesmtp.scenario.building import rule, scenario
    from fakesmtp.scenario.library import UnknownScenario, load
    from fakesmtp.scenario.model import Scenario
    from fakesmtp.scenario.operators import matcher
    from fakesmtp.scenario.problems import ScenarioErrors
    from fakesmtp.testing.fake import FakeSMTP

__all__ = [
    "Action",
    "Answer",
    "Claim",
    "FakeSMTP",
    "Flush",
    "Octets",
    "Reply",
    "Scenario",
    "ScenarioErrors",
    "Seconds",
    "Send",
    "Turn",
    "UnknownScenario",
    "Verification",
    "Wait",
    "answering",
    "effect",
    "load",
    "matcher",
    "rule",
    "scenario",
    "setting",
    "shaping",
    "verify",
]

_HOMES = {
    "faults.registry": "answering effect setting shaping",
    "faults.settings": "Octets Seconds",
    "journal.claim": "Claim",
    "journal.verify": "Verification verify",
    "protocol.actions": "Action Flush Send Wait",
    "protocol.policy": "Answer Turn",
    "protocol.reply": "Reply",
    "scenario.building": "rule",
    "scenario.library": "UnknownScenario load",
    "scenario.model": "Scenario",
    "scenario.operators": "matcher",
    "scenario.problems": "ScenarioErrors",
    "testing.fake": "FakeSMTP",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "scenario":  # the package can be called, and is what the name would mean once it is imported
        return import_module("fakesmtp.scenario")
    for module, names in _HOMES.items():
        if name in names.split():
            return getattr(import_module(f"fakesmtp.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
