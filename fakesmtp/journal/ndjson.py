"""Entries as JSON, one on each line: the form that ``--journal``, the control interface and reports share."""

from __future__ import annotations

from base64 import b64encode
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fakesmtp.journal.events import KINDS, SCHEMA, Entry

if TYPE_CHECKING:
    from json import JSONEncoder

_MOST_BUFFERED: Final = 10_000
"""Entries that wait for the driver's flush; above it they are written at once."""
_ALWAYS: Final = ("time", "elapsed", "session", "kind", "text")


class NdjsonError(ValueError):
    """A file holds something that is no journal; the message names the file and the line."""


def as_dict(entry: Entry) -> dict[str, Any]:
    """The entry as it is written.

    Every entry has ``time`` (ISO 8601 with the zone), ``elapsed`` (seconds since the session began), ``session``
    (or null), ``sequence``, ``schema``, ``kind``, ``stage`` (or null), ``text`` and ``rules``; ``bytes`` is there
    where the text is not exact, ``epoch`` from the second one on (another scenario was loaded, and sessions are
    numbered anew). The rest depends on the kind, and is absent where it is not known.
    """
    written: dict[str, Any] = {
        "time": entry.time.isoformat(timespec="microseconds"),
        "elapsed": round(entry.elapsed, 6),
        "session": entry.session,
        **({"epoch": entry.epoch} if entry.epoch > 1 else {}),
        "sequence": entry.sequence,
        "schema": SCHEMA,
        "kind": entry.kind,
        "stage": entry.stage,
        "text": entry.text,
    }
    if (octets := entry.octets) is not None:
        written["bytes"] = b64encode(octets).decode("ascii")
    written["rules"] = [{"name": rule.name, "place": rule.place} for rule in entry.rules]
    written.update((name, value) for name, value in entry.facts.items() if value is not None)
    return written


def make_encoder() -> JSONEncoder:
    """The encoder of a line: compact, in UTF-8; a fact of an unknown type is written as text."""
    from json import JSONEncoder

    return JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)


class NdjsonFile:
    """A subscriber that writes each entry to a file. The driver calls :meth:`flush` once per reactor turn.

    Opening replaces what was there.

    :raises OSError: from the constructor and from ``flush``, with the path. What ``flush`` could not write it keeps
        and writes with the next call.
    """

    name = "writing the journal"

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._encode = make_encoder().encode
        self._entries: list[Entry] = []
        self._rest = b""
        self._file = self.path.open("wb", buffering=0)

    def __call__(self, entry: Entry) -> None:
        """Note one entry for the next flush."""
        self._entries.append(entry)
        if len(self._entries) >= _MOST_BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Write what has come since the last call; free if nothing has."""
        if self._entries or self._rest:
            self._rest += b"".join(map(self._line, self._entries))
            self._entries.clear()
            self._write()

    def close(self) -> None:
        """Write the rest and close the file; it may be called twice."""
        if not self._file.closed:
            try:
                self.flush()
            finally:
                self._file.close()

    def _line(self, entry: Entry) -> bytes:
        return self._encode(as_dict(entry)).encode("utf-8", "backslashreplace") + b"\n"

    def _write(self) -> None:
        try:
            while self._rest:
                self._rest = self._rest[self._file.write(self._rest) :]
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(self.path)) from None


def read_ndjson(path: str | PathLike[str]) -> list[dict[str, Any]]:
    """The entries of a file, as :func:`as_dict` made them.

    :raises OSError: if the file cannot be read.
    :raises NdjsonError: if a line is no entry of a journal; it names the file and the line.
    """
    lines = Path(path).read_bytes().split(b"\n")
    return [_read(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _read(line: bytes, place: str) -> dict[str, Any]:
    from json import loads

    try:
        found = loads(line)
    except (ValueError, RecursionError) as error:
        why = getattr(error, "msg", None) or str(error)
        raise NdjsonError(f"{place}: this line is no JSON ({why}); was the file cut off or edited?") from None
    if problem := _problem(found):
        raise NdjsonError(f"{place}: {problem}")
    assert isinstance(found, dict)
    return found


def _problem(found: object) -> str | None:
    if not isinstance(found, dict):
        return "this line is no entry of a journal: a JSON object was expected"
    if missing := [name for name in _ALWAYS if name not in found]:
        return f"this line is no entry of a journal: it has no {', '.join(missing)}"
    schema = found.get("schema")
    if schema != SCHEMA:
        return f"schema {schema!r} is not known here, only {SCHEMA}: written by another version of fakesmtp"
    return None if found["kind"] in KINDS else f"there is no kind of entry named {found['kind']!r}"
