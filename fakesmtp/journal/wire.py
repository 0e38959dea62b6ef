"""What an entry says of the wire: which side sent which octets, and what a reader must know about them.

An entry has the octets themselves, or text that says them exactly. Where it has neither (mail data, hidden credentials,
the end of a very long reply), octets of the right number stand in, and a remark says so.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from fakesmtp.journal.segments import Speaker

Event = Mapping[str, Any]
"""An entry as :func:`~fakesmtp.journal.ndjson.as_dict` makes it."""

_SPEAKERS: Final[Mapping[str, Speaker]] = {
    "command": "client",
    "data": "client",
    "reply": "server",
    "cut": "server",
}
_TOO_LONG: Final = "(a line that is too long)"
_FILLER: Final = b"x" * 70 + b"\r\n"
_DOT: Final = b".\r\n"
_RECORD: Final = 16_384
_OVERHEAD: Final = 17
"""The inner content type, and the tag of AES-GCM (RFC 9846 5.2)."""
_MOST_SHOWN: Final = 1000
"""Characters in a comment of what was said inside TLS."""


@attrs.frozen
class Utterance:
    """Octets of one side, and when they left: all at once, or in pieces of which the last left at ``at``."""

    speaker: Speaker
    at: int
    """Microseconds since 1970."""
    octets: bytes
    remarks: tuple[str, ...] = ()
    pieces: int = 1
    lasted: int = 0
    """Microseconds from the first piece to the last."""

    def parts(self) -> Iterator[tuple[int, bytes]]:
        """The pieces, even in size and time: the journal knows how many they were and how long they took."""
        pieces = max(1, min(self.pieces, len(self.octets)))
        for number in range(pieces):
            start, end = (len(self.octets) * each // pieces for each in (number, number + 1))
            late = self.lasted * (pieces - 1 - number) // (pieces - 1) if pieces > 1 else 0
            yield self.at - late, self.octets[start:end]


def read_octets(event: Event) -> bytes:
    """The octets of a command, of a reply, or of what else has octets; a command with the CRLF that ended it."""
    line_end = b"\r\n" if event["kind"] == "command" else b""
    if "bytes" in event:
        return b64decode(event["bytes"], validate=True) + line_end
    lines: list[str] = event["text"].split("\n")
    return b"".join(line.encode("utf-8", "backslashreplace") + b"\r\n" for line in lines)


def read_utterance(event: Event, at: int, content: bytes | None = None) -> Utterance | None:
    """What a side said, if the entry says that one did.

    :param content: the mail data of a ``data`` entry as it was on the wire, where it is known.
    """
    speaker = _SPEAKERS.get(event["kind"])
    if speaker is None:
        return None
    if event["kind"] == "data":
        return Utterance(speaker, at, *_mail_data(event, content))
    octets, doubts = complete(event, read_octets(event))
    lasted = round(float(event.get("lasted", 0)) * 1e6)
    return Utterance(speaker, at, octets, (*_in_pieces(event), *doubts), int(event.get("pieces", 1)), lasted)


def read_fate(event: Event) -> list[str]:
    """What was done to it: the rules that acted, and whether it was cut."""
    stage = f" at {event['stage']}" if event.get("stage") else ""
    places = [(rule["name"], f" ({rule['place']})" if rule["place"] else "") for rule in event["rules"]]
    return [*(f"rule {name}{place}{stage}" for name, place in places), *_cut(event)]


def _cut(event: Event) -> list[str]:
    if event["kind"] != "cut":
        return []
    if "decided" not in event:
        return [f"cut at {int(event['octets']):,} octets"]
    decided = event["decided"].replace("\n", " / ")
    return [f"cut at {int(event['octets']):,} of {int(event['decided-octets']):,} octets: {decided}"]


def _in_pieces(event: Event) -> list[str]:
    if "pieces" not in event:
        return []
    told = f"left in {int(event['pieces']):,} pieces in {float(event['lasted']):.3f} s"
    return [f"{told}; here the pieces are even in size and time"]


def complete(event: Event, octets: bytes) -> tuple[bytes, list[str]]:
    """The octets with others in place of those that the journal has not kept, and what is to be said of them."""
    if event.get("hidden"):
        return octets, ["hidden in the journal: *** stands for credentials, the length is not that of the wire"]
    if event["text"] == _TOO_LONG:
        return octets, ["a line above the server's limit: its octets were not kept"]
    missing = int(event.get("octets", len(octets))) - len(octets)
    if missing <= 0:
        return octets, []
    return octets + fill(missing), [f"the journal keeps {len(octets):,} octets of this; the last {missing:,} stand in"]


# ---------------------------------------------------------------------- mail data


def _mail_data(event: Event, content: bytes | None) -> tuple[bytes, tuple[str, ...]]:
    octets = int(event["octets"])
    end = b"" if event["stage"] == "bdat" else _DOT
    if content is not None and len(content) == octets:
        return content + end, ()
    return fill(octets) + end, (f"mail data, {octets:,} octets: not at hand, other octets stand in",)


def fill(octets: int) -> bytes:
    """So many octets that stand in for others: an empty line, as if header fields had ended, then lines of x."""
    text = b"\r\n" + _FILLER * (octets // len(_FILLER) + 1)
    return text[: octets - 2] + b"\r\n" if octets > 2 else b"x" * octets


def stuff(data: bytes, octets: int) -> bytes:
    """Mail data as DATA sends it (RFC 5321 4.5.2), for a client that ends its lines with CRLF, or else with LF.

    :param octets: how many they were on the wire, by which the two are told apart.
    """
    for line_end in (b"\r\n", b"\n"):
        stuffed = (line_end + data).replace(line_end + b".", line_end + b"..")[len(line_end) :]
        if len(stuffed) == octets:
            break
    return stuffed


# ---------------------------------------------------------------------- inside TLS


def veil(utterance: Utterance) -> Utterance:
    """The same, said inside TLS where the ciphertext was not kept: records of the length that TLS 1.3 makes of it, full
    of zeros. Plain text in their place would tell that it was sent in the clear.
    """
    said = utterance.octets[: 4 * _MOST_SHOWN].decode("utf-8", "backslashreplace").rstrip().replace("\r\n", " / ")
    who = "C" if utterance.speaker == "client" else "S"
    remark = f"inside TLS, ciphertext not kept (zeros stand in): {who}: {said[:_MOST_SHOWN]}"
    return attrs.evolve(utterance, octets=_records(utterance.octets), remarks=(*utterance.remarks, remark))


def _records(octets: bytes) -> bytes:
    lengths = [len(octets[start : start + _RECORD]) + _OVERHEAD for start in range(0, len(octets), _RECORD)]
    return b"".join(b"\x17\x03\x03" + length.to_bytes(2, "big") + bytes(length) for length in lengths)
