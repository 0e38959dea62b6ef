"""The order of commands, as a table to be read against RFC 5321 4.1.4.

``TRANSITIONS[(phase, stage)]`` is what a healthy server says, by the name of its words, and the phase that follows
when the reply means success. A pair that is missing is 503.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from fakesmtp.protocol.stages import Stage


class Phase(Enum):
    """Where a session stands."""

    CONNECTED = "connected, not greeted"
    REFUSED = "greeted with a refusal; only QUIT is served (RFC 5321 3.1)"
    GREETED = "greeted, no HELO yet, or TLS has just begun (RFC 3207 4.2)"
    READY = "introduced, between transactions"
    MAIL = "a reverse-path, no recipient yet"
    RCPT = "at least one recipient"
    CHUNKS = "BDAT has begun"
    DATA = "receiving mail data"
    CHUNK = "receiving the octets of a BDAT chunk"
    AUTH = "in an AUTH dialogue"
    HANDSHAKE = "TLS is being negotiated"
    BROKEN_HANDSHAKE = "TLS is being refused by a fault"
    HUNG = "nothing more is answered"
    ENDED = "closing or closed"

    __hash__ = object.__hash__  # Enum's own is a function in Python, and phases are looked up for each command


COMMANDING: Final = frozenset({Phase.GREETED, Phase.READY, Phase.MAIL, Phase.RCPT})
"""Phases in which the next line is a command that is served, and nothing else can come of it."""
DEAF: Final = frozenset({Phase.HUNG, Phase.ENDED})
"""Phases in which the client is not listened to any more."""
HANDSHAKES: Final = frozenset({Phase.HANDSHAKE, Phase.BROKEN_HANDSHAKE})
"""Phases in which nothing can be said in the clear."""


class Row(NamedTuple):
    """What a healthy server says, and where it goes on."""

    words: str
    then: Phase


S, P = Stage, Phase

TRANSITIONS: Final[dict[tuple[Phase, Stage], Row]] = {
    (P.CONNECTED, S.GREETING): Row("greeting", P.GREETED),
    # RFC 5321 4.1.4: HELO or EHLO first; a later one is as RSET. Whether HELO is demanded is the persona's.
    (P.GREETED, S.HELO): Row("helo", P.READY),
    (P.READY, S.HELO): Row("helo", P.READY),
    (P.MAIL, S.HELO): Row("helo", P.READY),
    (P.RCPT, S.HELO): Row("helo", P.READY),
    (P.CHUNKS, S.HELO): Row("helo", P.READY),
    (P.GREETED, S.EHLO): Row("ehlo", P.READY),
    (P.READY, S.EHLO): Row("ehlo", P.READY),
    (P.MAIL, S.EHLO): Row("ehlo", P.READY),
    (P.RCPT, S.EHLO): Row("ehlo", P.READY),
    (P.CHUNKS, S.EHLO): Row("ehlo", P.READY),
    # RFC 3207 4: STARTTLS, then the session begins anew.
    (P.GREETED, S.STARTTLS): Row("starttls", P.HANDSHAKE),
    (P.READY, S.STARTTLS): Row("starttls", P.HANDSHAKE),
    # RFC 4954 4: AUTH, not in a transaction, and once.
    (P.GREETED, S.AUTH): Row("auth", P.AUTH),
    (P.READY, S.AUTH): Row("auth", P.AUTH),
    (P.AUTH, S.AUTH_LINE): Row("auth", P.AUTH),
    (P.AUTH, S.AUTH_RESPONSE): Row("auth", P.READY),
    # The transaction: MAIL, RCPT …, DATA or BDAT …
    (P.GREETED, S.MAIL): Row("mail", P.MAIL),
    (P.READY, S.MAIL): Row("mail", P.MAIL),
    (P.MAIL, S.RCPT): Row("rcpt", P.RCPT),
    (P.RCPT, S.RCPT): Row("rcpt", P.RCPT),
    (P.RCPT, S.DATA): Row("data", P.DATA),
    (P.DATA, S.END_OF_DATA): Row("end-of-data", P.READY),
    (P.RCPT, S.BDAT): Row("bdat", P.CHUNKS),
    (P.CHUNKS, S.BDAT): Row("bdat", P.CHUNKS),
    (P.CHUNKS, S.END_OF_DATA): Row("end-of-data", P.READY),
    # RFC 5321 4.1.1.5: RSET clears the transaction and changes nothing else.
    (P.GREETED, S.RSET): Row("rset", P.GREETED),
    (P.READY, S.RSET): Row("rset", P.READY),
    (P.MAIL, S.RSET): Row("rset", P.READY),
    (P.RCPT, S.RSET): Row("rset", P.READY),
    (P.CHUNKS, S.RSET): Row("rset", P.READY),
    (P.REFUSED, S.QUIT): Row("quit", P.ENDED),
    (P.CONNECTED, S.QUIT): Row("quit", P.ENDED),
    # These are served at any time and change nothing.
    **{
        (phase, stage): Row(stage.value, P.ENDED if stage is S.QUIT else phase)
        for phase in (P.GREETED, P.READY, P.MAIL, P.RCPT, P.CHUNKS)
        for stage in (S.NOOP, S.VRFY, S.EXPN, S.HELP, S.ETRN, S.QUIT)
    },
}


def next_phase(phase: Phase, stage: Stage) -> Phase:
    """Where success at a stage leads, even out of order (a scenario may accept what the table refuses)."""
    row = TRANSITIONS.get((phase, stage))
    if row is not None:
        return row.then
    usual = next(((before, row.then) for (before, other), row in TRANSITIONS.items() if other is stage), None)
    if usual is None or usual[0] is usual[1]:  # such as NOOP: it changes nothing, wherever it is accepted
        return phase
    return usual[1]
