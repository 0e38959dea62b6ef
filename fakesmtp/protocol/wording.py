"""In whose words a server speaks: texts with placeholders, turned into replies for one session.

A persona is a :class:`Wording` filled from a data file; what it has no words for, its fallback says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from fakesmtp.protocol.commands import MAIL_PARAMETERS, RCPT_PARAMETERS, Command
from fakesmtp.protocol.reply import Reply

if TYPE_CHECKING:
    from fakesmtp.protocol.session import Session

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PARAMETERS: Final = MAIL_PARAMETERS | RCPT_PARAMETERS
OF_SERVER: Final = frozenset({"host", "version", "limit", "mechanisms"})
"""Placeholders that are the same in all sessions of a listener."""


@attrs.frozen
class Refusal:
    """A refusal in a server's words, and what that server does with it."""

    reply: Reply
    closes: bool = False


class Template:
    """A reply text; rendered once for ever, once for a server, or for each session, by the placeholders it has."""

    __slots__ = ("_fixed", "_of_server", "_parsed")

    def __init__(self, text: str | tuple[str, ...]) -> None:
        self._parsed = Reply.parse((text,) if isinstance(text, str) else text)
        names = {name for line in self._parsed.lines for name in _PLACEHOLDER.findall(line)}
        self._fixed = None if names else self._fill({})
        self._of_server = names <= OF_SERVER

    @property
    def code(self) -> int:
        """The reply code, which never varies."""
        return self._parsed.code

    @property
    def text(self) -> str:
        """The reply as written, placeholders and all."""
        return str(self._parsed)

    def render(self, session: Session) -> Reply:
        """The reply for this session."""
        if self._fixed is not None:
            return self._fixed
        if not self._of_server:
            return self._fill(Words(session))
        rendered = session.settings.rendered
        reply = rendered.get(self)
        if reply is None:
            reply = rendered[self] = self._fill(Words(session))
        return reply

    def _fill(self, words: Mapping[str, str]) -> Reply:
        parsed = self._parsed
        lines = tuple([_one_line(line.format_map(words)) for line in parsed.lines])
        return Reply(parsed.code, lines, parsed.enhanced)


def _one_line(text: str) -> str:
    """What a client sent never breaks a reply apart."""
    return text.replace("\r", "?").replace("\n", "?")


@attrs.frozen
class RefusalWords:
    """One refusal of a persona: its words, where that server says them, and how sure we are."""

    template: Template
    stage: str | None = None
    closes: bool | frozenset[str] = False
    """Whether the connection is closed behind it, always or at these stages."""
    at: Mapping[str, Template] = attrs.field(factory=dict)
    """Other words at some stages, or in some situations there: ``data/ready`` is DATA between transactions,
    ``any/refused`` any command after a greeting that refuses."""
    source: str = ""
    status: str = "ours"
    stage_status: str = ""
    """``unverified`` where nothing shows that the server says this at that stage."""
    unverified_at: frozenset[str] = frozenset()
    """The keys of ``at`` whose words no source shows; the status is that of the others."""
    asked: frozenset[str] = frozenset()
    """The keys, ``stage`` or of ``at``, whose words the real server gave when it was asked."""
    note: str = ""

    def closes_at(self, stage: str) -> bool:
        """Whether the connection is closed behind these words."""
        return self.closes if isinstance(self.closes, bool) else stage in self.closes

    def was_asked_at(self, stage: str) -> bool:
        """Whether what is said at a stage is what the real server said."""
        usual = self.stage if self.stage not in self.at else None
        return (stage if stage in self.at else usual) in self.asked

    def status_at(self, key: str) -> str:
        """How sure the words at a stage or in a situation are, unless the real server was asked for them."""
        return "unverified" if key in self.unverified_at else self.status

    def words_at(self, stage: str, session: Session) -> Template:
        """The words for the situation that the session is in, else for the stage, else the usual ones."""
        if not self.at:
            return self.template
        for situation in situations(session):
            found = self.at.get(f"{stage}/{situation}") or self.at.get(f"any/{situation}")
            if found is not None:
                return found
        return self.at.get(stage, self.template)


SITUATIONS: Final[Mapping[str, str]] = {
    "authenticated": "after a login",
    "tls": "inside TLS",
    "rejected": "in a transaction all of whose recipients were refused",
    "refused": "after a greeting that refuses",
    "greeted": "before HELO or EHLO",
    "ready": "between transactions",
    "mail": "after MAIL",
    "rcpt": "after a RCPT that was accepted",
    "chunks": "after BDAT",
}
"""What may stand behind a stage and a slash, the more particular first; the last six are phases of the session."""


def situations(session: Session) -> Iterator[str]:
    """The situations that the session is in, the more particular first."""
    if session.authenticated:
        yield "authenticated"
    if session.tls:
        yield "tls"
    phase = session.phase.name.lower()
    if phase == "mail" and session.forward_path is not None:
        yield "rejected"
    yield phase


@attrs.frozen
class Wording:
    """How one kind of server greets, announces, agrees and refuses."""

    name: str
    ok: Mapping[str, Template]
    refusals: Mapping[str, RefusalWords]
    keywords: tuple[str, ...] = ()
    """The EHLO list, in order, with the placeholders ``{limit}`` and ``{mechanisms}``."""
    only_in_tls: frozenset[str] = frozenset()
    """Keywords of that list that are not shown in the clear."""
    unknown: frozenset[str] = frozenset()
    """Commands that it answers as it answers any word it does not know, by their stages."""
    size: int = 52_428_800
    """Octets of the largest message it takes."""
    helo_required: bool = False
    asked: str = ""
    """The real server, with its version, that was asked for the words that are marked so."""
    asked_ok: frozenset[str] = frozenset()
    """The names of ``ok`` that it gave."""
    sources: Mapping[str, str] = attrs.field(factory=dict)
    """Where the words of ``ok``, the list of ``ehlo`` and ``helo-required`` were read."""
    unverified: frozenset[str] = frozenset()
    """What of these no source shows: ``ok/NAME``, ``ehlo``, ``helo-required``."""
    summary: str = ""
    version: str = ""
    aliases: tuple[str, ...] = ()
    fallback: Wording | None = None

    def agree(self, name: str, session: Session) -> Reply:
        """The reply when all is well at a stage."""
        wording: Wording | None = self
        while wording is not None:
            if template := wording.ok.get(name):
                return template.render(session)
            wording = wording.fallback
        raise KeyError(name)

    def words_for(self, name: str) -> RefusalWords | None:
        """The refusal's words, this persona's or its fallback's."""
        if words := self.refusals.get(name):
            return words
        return self.fallback.words_for(name) if self.fallback else None

    def refuse(self, name: str, stage: str, session: Session) -> Refusal:
        """The refusal as this server says it at this stage.

        :raises KeyError: if no persona knows the name; scenarios are checked for that when they are read.
        """
        words = self.words_for(name)
        if words is None:
            raise KeyError(name)
        return Refusal(words.words_at(stage, session).render(session), words.closes_at(stage))


PLACEHOLDERS: Final[dict[str, Callable[[Session], str]]] = {
    "host": lambda session: session.settings.hostname,
    "client": lambda session: session.client_name or session.helo_name or "unknown",
    "ip": lambda session: session.peer,
    "helo": lambda session: session.helo_name or "",
    "sender": lambda session: session.reverse_path or "",
    "senderdomain": lambda session: _domain(session.reverse_path),
    "rcpt": lambda session: session.forward_path or "",
    "rcptdomain": lambda session: _domain(session.forward_path),
    "user": lambda session: session.user or "",
    "mechanism": lambda session: session.mechanism or "",
    "mechanisms": lambda session: " ".join(session.settings.mechanisms),
    "limit": lambda session: str(session.settings.limits.message),
    "line": lambda session: session.command.line.decode("utf-8", "replace"),
    "argument": lambda session: session.command.argument.decode("utf-8", "replace"),
    "parameter": lambda session: _unknown_parameter(session.command),
    "keyword": lambda session: _unknown_parameter(session.command).partition("=")[0].upper(),
    "octets": lambda session: str(session.chunk.size if session.chunk is not None else 0),
    "total": lambda session: _total(session),
    "verb": lambda session: session.command.verb.decode("ascii", "replace"),
    "id": lambda session: session.queue_id,
    "date": lambda session: session.settings.date(),
    "zone": lambda session: session.dnsbl_zone or "dnsbl.example",
    "reason": lambda session: "authentication failure",
    "version": lambda session: session.settings.wording.version,
}
"""What may stand in braces in a persona's words."""


def _total(session: Session) -> str:
    """Octets of all chunks so far."""
    return str(session.reception.octets) if session.reception is not None else "0"


def _unknown_parameter(command: Command) -> str:
    """The first parameter of MAIL or RCPT that is none; where each of them is one, the kind of body."""
    words = command.text.rpartition(">")[2].split()
    known = {word: word.partition("=")[0].upper() for word in words}
    bodies = (word for word, keyword in known.items() if keyword == "BODY")
    return next((word for word, keyword in known.items() if keyword not in _PARAMETERS), next(bodies, ""))


def _domain(path: str | None) -> str:
    return (path or "").rpartition("@")[2]


class Words(Mapping[str, str]):
    """The placeholders of one session, computed when they are asked for."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getitem__(self, name: str) -> str:
        return PLACEHOLDERS[name](self._session)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(PLACEHOLDERS)

    def __len__(self) -> int:
        return len(PLACEHOLDERS)
