"""Servers for test suites: start one, tell it what to play, ask what it has seen, judge its client.

:class:`FakeSMTP` is a server in a process of its own, or (``listen``) in a Twisted reactor; :class:`RunningSMTP` is
one that somebody else has started; :class:`Remote` is a plain client of the control interface. Nothing here imports
Twisted before ``listen`` is called.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fakesmtp.testing.errors import (
        FakeSMTPError,
        InvalidScenario,
        MessageGone,
        NotRunning,
        RequestRefused,
        ServerDied,
        StartFailed,
        UnknownName,
        Unreachable,
        WaitedTooLong,
    )
    from fakesmtp.testing.fake import FakeSMTP
    from fakesmtp.testing.handle import Handle, Listener
    from fakesmtp.testing.listening import ListeningSMTP
    from fakesmtp.testing.received import Attachment, Headers, Message, Received, Session
    from fakesmtp.testing.remote import Remote
    from fakesmtp.testing.running import RunningSMTP
    from fakesmtp.testing.verification import Verification

__all__ = [
    "Attachment",
    "FakeSMTP",
    "FakeSMTPError",
    "Handle",
    "Headers",
    "InvalidScenario",
    "Listener",
    "ListeningSMTP",
    "Message",
    "MessageGone",
    "NotRunning",
    "Received",
    "Remote",
    "RequestRefused",
    "RunningSMTP",
    "ServerDied",
    "Session",
    "StartFailed",
    "UnknownName",
    "Unreachable",
    "Verification",
    "WaitedTooLong",
]

_HOMES: Final = {
    "fake": ("FakeSMTP",),
    "handle": ("Handle", "Listener"),
    "listening": ("ListeningSMTP",),
    "received": ("Attachment", "Headers", "Message", "Received", "Session"),
    "remote": ("Remote",),
    "running": ("RunningSMTP",),
    "verification": ("Verification",),
}
_MODULE_OF: Final = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import what is asked for: a pytest plugin that nobody uses should cost nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULE_OF.get(name, 'errors')}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
