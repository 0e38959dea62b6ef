"""The capture: a journal as packets, for those who look at mail with Wireshark.

Each session becomes one TCP connection between the addresses and ports that it had. What was said and how it ended
comes from the journal, with its moments; what TCP does of itself is made (:mod:`~fakesmtp.journal.segments`). Rules,
look-ups and notes are comments on the packet that is nearest in time. Questions to the name server are packets too.

What was said inside TLS is ciphertext with an embedded key log where the journal has kept both, and otherwise records
of about the right length, whose comments tell it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from fakesmtp import __version__
from fakesmtp.journal.ciphertext import CIPHERTEXT, SECRETS
from fakesmtp.journal.events import Entry
from fakesmtp.journal.ndjson import as_dict
from fakesmtp.journal.pcapng import Packet, render_pcapng
from fakesmtp.journal.questions import is_question, make_packets, read_exchange
from fakesmtp.journal.segments import Socket, TcpConnection
from fakesmtp.journal.steps import Content, read_moment, read_steps
from fakesmtp.journal.wire import Event

__all__ = ["Capture", "CaptureError", "Content", "make_capture"]

_MOST_TOLD: Final = 50
"""Entries outside sessions that the file's comment tells."""
_WRONG: Final = (AttributeError, LookupError, OverflowError, TypeError, ValueError)
"""What an entry that somebody has edited may raise."""
_ORIGIN: Final = """\
Made by fakesmtp from its journal, not captured from a network: octets, order, moments and endings are the journal's;
handshakes and acknowledgements of TCP, and the line ends of commands (CRLF), are supplied."""


class CaptureError(ValueError):
    """An entry says what no packet can be made of; the message tells which entry, and what."""


@attrs.define
class Capture:
    """Packets, and what goes with them."""

    packets: list[Packet] = attrs.field(factory=list)
    key_log: bytes = b""
    """Lines of the NSS key log format, where TLS secrets were kept."""
    sessions: int = 0
    ports: tuple[int, ...] = ()
    """Of the server, as in the packets: what a reader must be told to take for SMTP."""
    veiled: int = 0
    """Sessions whose ciphertext was not kept."""
    left_out: tuple[int, ...] = ()
    """Sessions whose beginning is not in the journal."""
    comment: str = _ORIGIN

    def render(self) -> bytes:
        """The capture file, pcapng."""
        application = f"fakesmtp {__version__}"
        return render_pcapng(self.packets, application=application, comment=self.comment, key_log=self.key_log)


def know_nothing(event: Event) -> None:
    """No message's content is known."""


def make_capture(
    entries: Iterable[Entry | Event], content: Content = know_nothing, *, server_port: int | None = None
) -> Capture:
    """The packets of these entries, in the order of time.

    :param content: gives the content of a message by its entry; where there is none, other octets stand in.
    :param server_port: written in place of the server's port.
    :raises CaptureError: if an entry was edited into something impossible.
    """
    events = [as_dict(entry) if isinstance(entry, Entry) else entry for entry in entries]
    capture = Capture(comment="\n".join([_ORIGIN, *_tell_the_rest(events)]), key_log=_key_log(events))
    connections, left_out = _split(events)
    ports: dict[int, None] = {}
    for number, session in enumerate(connections):
        capture.packets += _packets(session, content, server_port, f"fakesmtp {number}", ports)
    capture.packets += _questions(events)
    capture.packets.sort(key=lambda packet: packet.at)
    capture.sessions, capture.ports, capture.left_out = len(connections), tuple(ports), left_out
    capture.veiled = sum(map(_is_veiled, connections))
    return capture


def _split(events: Sequence[Event]) -> tuple[list[list[Event]], tuple[int, ...]]:
    """The entries of each connection; a number may be used again once a new scenario was loaded."""
    connections: list[list[Event]] = []
    current: dict[int, list[Event]] = {}
    left_out: dict[int, None] = {}
    for event in events:
        number = event["session"]
        if event["kind"] == "connected":
            current[number] = []
            connections.append(current[number])
        if number in current:
            current[number].append(event)
        elif number is not None:
            left_out[number] = None
    return connections, tuple(left_out)


def _is_veiled(session: Iterable[Event]) -> bool:
    outcomes = {event.get("outcome") for event in session}
    return "established" in outcomes and CIPHERTEXT not in outcomes


def _packets(
    session: Sequence[Event], content: Content, server_port: int | None, seed: str, ports: dict[int, None]
) -> list[Packet]:
    first = session[0]
    try:
        client = Socket.read(first["peer"], first["peer-port"])
        server = Socket.parse(first["address"])
        steps = read_steps(session, content)
        if server_port is not None:
            steps[0].comments.append(f"the server's port was {server.port}")
            server = attrs.evolve(server, port=server_port)
        connection = TcpConnection(client, server, seed)
    except _WRONG as error:
        raise CaptureError(f"session {first['session']} is no connection: {_say(error)}") from None
    ports[server.port] = None
    for step in steps:
        step.play(connection)
    connection.end()
    return connection.packets


def _questions(events: Iterable[Event]) -> list[Packet]:
    asked = [event for event in events if is_question(event)]
    try:
        exchanges = [read_exchange(event, read_moment(event), number) for number, event in enumerate(asked, 1)]
    except _WRONG as error:
        raise CaptureError(f"a question to the name server cannot be read: {_say(error)}") from None
    return make_packets([exchange for exchange in exchanges if exchange is not None])


def _say(error: Exception) -> str:
    return f"an entry has no {error}" if isinstance(error, KeyError) else str(error)


def _key_log(events: Iterable[Event]) -> bytes:
    lines = [event["text"] for event in events if event["kind"] == "tls" and event.get("outcome") == SECRETS]
    return "".join(f"{line}\n" for line in lines).encode()


def _tell_the_rest(events: Iterable[Event]) -> list[str]:
    """What belongs to no session."""
    rest = [event for event in events if event["session"] is None and not is_question(event)]
    told = [f"{event['time']} {event['kind']}: {event['text']}" for event in rest]
    return told if len(told) <= _MOST_TOLD else [*told[:_MOST_TOLD], f"({len(told) - _MOST_TOLD:,} more)"]
