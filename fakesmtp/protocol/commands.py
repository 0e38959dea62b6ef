"""Command lines and their arguments, read leniently (RFC 5321 4.1.1, 4.1.2).

Real clients write ``MAIL FROM: a@b`` without brackets, verbs in any case and two spaces where one belongs;
all of it is understood. Strictness is a scenario's rule over the fact ``line``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import attrs

_MAILBOX = re.compile(
    r'\s*(?::\s*)?(?:<(?P<inside>(?:"(?:[^"\\]|\\.)*"|[^>"])*)>|(?P<bare>[^\s<>]+))(?P<rest>.*)$', re.DOTALL
)
_ROUTE = re.compile(r"^@[^:]*:")
_KEYWORD = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]*$")

MAIL_PARAMETERS: Final = frozenset({"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"})
"""Parameters of MAIL that are served: RFC 1870, 6152, 6531, 3461, 4954."""
RCPT_PARAMETERS: Final = frozenset({"NOTIFY", "ORCPT"})
"""Parameters of RCPT that are served: RFC 3461."""

EXTENSION_PARAMETERS: Final = {
    "DELIVERBY": frozenset({"BY"}),
    "FUTURERELEASE": frozenset({"HOLDFOR", "HOLDUNTIL"}),
    "MT-PRIORITY": frozenset({"MT-PRIORITY"}),
    "REQUIRETLS": frozenset({"REQUIRETLS"}),
    "RRVS": frozenset({"RRVS"}),
}
"""Parameters that are taken where EHLO offers the extension: RFC 2852, 4865, 6710, 8689, 7293."""
BODIES: Final = frozenset({"7BIT", "8BITMIME"})
"""Values of BODY that are served: RFC 6152."""
BINARY: Final = "BINARYMIME"
"""A value of BODY that is taken where EHLO offers it: RFC 3030."""


class ArgumentError(ValueError):
    """The argument of a command does not follow its syntax; ``refusal`` is the vocabulary's name for it."""

    def __init__(self, refusal: str, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


@attrs.frozen
class Command:
    """A command line: verb in upper case, the rest, and the line as it came (without its line end)."""

    verb: bytes
    argument: bytes
    line: bytes

    @classmethod
    def read(cls, line: bytes) -> Command:
        """Cut a line into verb and argument; never fails."""
        bare = line.rstrip(b"\r\n")
        verb, _, argument = bare.strip().partition(b" ")
        return cls(verb.upper(), argument.strip(), bare)

    @property
    def text(self) -> str:
        """The argument as text: UTF-8 where it is (RFC 6531), Latin-1 where it is not."""
        return decode(self.argument)


NO_COMMAND: Final = Command(b"", b"", b"")


def decode(octets: bytes) -> str:
    """Text of a client's octets; every octet sequence has one."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


@attrs.frozen
class Mailbox:
    """The path of a MAIL or RCPT command and its parameters, keywords in upper case."""

    path: str
    parameters: Mapping[str, str | None]


def read_mailbox(argument: str, keyword: str) -> Mailbox:
    """Read ``FROM:<path> PARAMETERS`` or ``TO:<path> PARAMETERS``; a source route is dropped (RFC 5321 appendix C).

    :raises ArgumentError: if the keyword or the path is missing, or a parameter is no keyword or keyword=value.
    """
    if argument[: len(keyword)].upper() != keyword:
        raise ArgumentError("syntax-error", f"{keyword} is missing")
    match = _MAILBOX.match(argument[len(keyword) :])
    if match is None:
        raise ArgumentError("path-syntax-error", "there is no path")
    path = match["inside"] if match["inside"] is not None else match["bare"]
    return Mailbox(_ROUTE.sub("", path.strip()), _read_parameters(match["rest"]))


def _read_parameters(text: str) -> dict[str, str | None]:
    parameters: dict[str, str | None] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not _KEYWORD.match(name):
            raise ArgumentError("syntax-error", f"{word!r} is no parameter")
        parameters[name.upper()] = value if equals else None
    return parameters


def announced_size(parameters: Mapping[str, str | None]) -> int | None:
    """What ``SIZE=`` announces, in octets (RFC 1870); ``None`` if it is absent or empty.

    :raises ArgumentError: if it is no number.
    """
    value = parameters.get("SIZE")
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise ArgumentError("syntax-error", f"SIZE={value} is no number")
    return int(value)


def read_chunk(argument: bytes) -> tuple[int, bool]:
    """Octets and LAST of a BDAT command (RFC 3030 section 2).

    :raises ArgumentError: if the argument is anything else.
    """
    words = argument.split()
    last = len(words) == 2 and words[1].upper() == b"LAST"
    if not words or not words[0].isdigit() or len(words[0]) > 12 or len(words) > 2 or (len(words) == 2 and not last):
        raise ArgumentError("syntax-error", "BDAT takes a number of octets, and LAST")
    return int(words[0]), last
