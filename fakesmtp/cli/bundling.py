"""What goes into a bundle: names and octets, and the README that says what each is."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import attrs

from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from typing import IO

    from fakesmtp.journal.capture import Capture
    from fakesmtp.journal.saved import SavedMessages
    from fakesmtp.scenario.library import Found

Event = dict[str, Any]

_PARTS: Final = {
    "scenario/": "what the server was told to do, as the files are now",
    "journal.ndjson": "everything that happened, one JSON object on each line, with date, time and zone",
    "transcript.txt": "the same, session by session, as a person reads it",
    "timeline.txt": "the same in the order of time, to be laid beside the logs of the product",
    "messages/": "the messages that were received",
    "capture.pcapng": "the same as packets, for Wireshark; rules that acted are packet comments",
    "versions.txt": "of the programs on the machine that made this bundle",
}
_SUPPORT: Final = """\
What support asks for, and where it is
  received messages            {messages}
  mail server, name, address   above, and versions.txt; its own log is journal.ndjson
  connection check (telnet)    the greeting, as it was sent, is the first S: of each session in transcript.txt
  packet data                  capture.pcapng
  timeline                     timeline.txt
Only you can add: what was observed, how often and on how many machines, the product's version, its settings
(screenshots), its logs, and the system's information and event logs.
"""
_NO_MESSAGES: Final = "not here: run with --save DIR, and bundle with --messages DIR"
_LONGEST: Final = 80
"""Characters of a file name that is made up."""
_DISTRIBUTIONS: Final = ("twisted", "pyopenssl", "cryptography", "attrs", "ruamel.yaml", "click")


@attrs.define
class Bundle:
    """The parts of a bundle, each with its name."""

    began: datetime
    """The moment that all parts are dated with: the same run makes the same bundle."""
    parts: dict[str, bytes | Path] = attrs.field(factory=dict)
    """Octets, or the file that has them."""

    def write(self, file: IO[bytes]) -> None:
        """The zip. :raises Failure: if a part cannot be read. :raises OSError: if the zip cannot be written."""
        began = self.began
        date = (min(max(began.year, 1980), 2107), began.month, began.day, began.hour, began.minute, began.second)
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            for name, part in self.parts.items():
                entry = ZipInfo(name, date)
                entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, _read(part) if isinstance(part, Path) else part)

    def has(self, name: str) -> bool:
        """Whether there is a part of this name, or in a folder of this name."""
        return any(part.startswith(name) for part in self.parts)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(Status.USAGE, f"cannot read {path}: {error.strerror}") from None


# ---------------------------------------------------------------------- scenarios and messages


def scenario_files(name: str) -> list[Found]:
    """The file of a scenario, or the text that its name means, and those that it extends.

    :raises LookupError: if there is none of this name.
    """
    from fakesmtp.scenario import library

    files = [library.find(name)]
    while base := _extended(files[-1]):
        if base in files:
            break
        files.append(base)
    return files


def _extended(found: Found) -> Found | None:
    from fakesmtp.scenario import library, source
    from fakesmtp.scenario.problems import Findings, Wrong

    try:
        text = source.read_source(found) if isinstance(found, Path) else found
        root = source.compose(text, Findings())
        node = root.get("extends") if isinstance(root, source.Mapping) else None
        name = node.text if isinstance(node, source.Scalar) else None
        return library.find_beside(name, text.file) if name else None
    except (LookupError, Wrong):
        return None


def name_files(folder: str, files: Iterable[Found]) -> dict[str, bytes | Path]:
    """Each file under its own name in a folder; of two with one name the second gets a number."""
    named: dict[str, bytes | Path] = {}
    for found in dict.fromkeys(files):
        path = found if isinstance(found, Path) else Path(_file_name(found.file))
        name, number = f"{folder}/{path.name}", 2
        while name in named:
            name, number = f"{folder}/{path.stem}-{number}{path.suffix}", number + 1
        named[name] = found if isinstance(found, Path) else found.text.encode("utf-8")
    return named


def _file_name(file: str) -> str:
    """A name for a scenario that has no file: what its name says, as far as file names can."""
    return "{}.yaml".format("-".join(re.findall(r"[\w.]+", file))[:_LONGEST])


def find_messages(entries: Iterable[Event], messages: SavedMessages) -> tuple[list[Path], list[str]]:
    """The files of the run's messages, and the ids of those that have none though they were kept."""
    found: dict[Path, None] = {}
    missing: dict[str, None] = {}
    for entry in entries:
        if entry["kind"] == "message":
            path = messages.find(entry)
            if path is not None:
                found[path] = None
            elif entry.get("disposition") not in ("discarded", "oversize"):
                missing[entry["id"]] = None
    return list(found), list(missing)


# ---------------------------------------------------------------------- texts


def render_versions() -> str:
    """The programs that took part, and the system."""
    from importlib.metadata import PackageNotFoundError, version

    from fakesmtp import __version__
    from fakesmtp.tls.ciphers import openssl_name

    def find(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "unknown"

    rows = {"fakesmtp": __version__, "python": f"{platform.python_implementation()} {platform.python_version()}"}
    rows |= {name: find(name) for name in _DISTRIBUTIONS}
    rows |= {"openssl": openssl_name(), "platform": platform.platform(), "machine": platform.machine()}
    return "".join(f"{name:<14}{value}\n" for name, value in rows.items())


def render_readme(bundle: Bundle, entries: Sequence[Event], capture: Capture, zone: tzinfo | None) -> str:
    """What the bundle is, what each part is, and what can be read in it that is nobody's business."""
    parts = [f"  {name:<16}{told}\n" for name, told in _PARTS.items() if bundle.has(name)]
    return "\n".join(
        [
            "A run of fakesmtp, a test SMTP server that fails on purpose.\n\n" + "".join(_facts(entries, zone)),
            "In this bundle\n" + "".join(parts),
            _SUPPORT.format(messages="messages/" if bundle.has("messages/") else _NO_MESSAGES),
            "Credentials\n" + "".join(f"  {line}\n" for line in _exposure(entries, bundle)),
            "Reading the capture\n" + "".join(f"  {line}\n" for line in _reading(capture)),
        ]
    )


def _facts(entries: Sequence[Event], zone: tzinfo | None) -> Iterator[str]:
    from fakesmtp.journal.summary import Summary

    moments = [datetime.fromisoformat(entry["time"]) for entry in entries]
    first, last = (moment.astimezone(zone or moment.tzinfo) for moment in (min(moments), max(moments)))
    yield f"  from        {first:%Y-%m-%d %H:%M:%S %z}\n"
    yield f"  to          {last:%Y-%m-%d %H:%M:%S %z}\n"
    arrivals = [entry for entry in entries if entry["kind"] == "connected"]
    for label, key in (("server", "address"), ("client", "peer"), ("scenario", "scenario")):
        if values := dict.fromkeys(entry[key] for entry in arrivals if key in entry):
            yield f"  {label:<12}{', '.join(values)}\n"
    yield f"  what        {Summary.of(entries)}\n"


def _exposure(entries: Sequence[Event], bundle: Bundle) -> Iterator[str]:
    hidden = sum(bool(entry.get("hidden")) for entry in entries)
    if any(map(_shows_secret, entries)):
        yield "THE JOURNAL SHOWS PASSWORDS OR TOKENS: the run was told to --show-secrets."
    else:
        yield f"Passwords and tokens are hidden, and *** stands for them ({hidden:,} times). User names are shown."
    if any(entry.get("outcome") == "secrets" for entry in entries):
        yield "THE JOURNAL AND THE CAPTURE HOLD TLS SECRETS (--keep-raw): all that was said in TLS can be read."
    if bundle.has("messages/"):
        yield "Whatever stands in the messages can be read."


def _shows_secret(entry: Event) -> bool:
    """Whether an entry is a line of an AUTH dialogue with the credentials in it."""
    if entry["kind"] != "command" or entry.get("hidden"):
        return False
    words = entry["text"].split()
    if entry["stage"] == "auth":
        return len(words) > 2 and words[2] not in ("=", "***")
    return entry["stage"] == "auth-line" and words not in (["*"], ["***"], []) and "bytes" not in entry


def _reading(capture: Capture) -> Iterator[str]:
    ports = " ".join(f"-d tcp.port=={port},smtp" for port in capture.ports)
    yield f"tshark -r capture.pcapng {ports}".rstrip()
    yield "In Wireshark: Analyze, Decode As, the server's port, SMTP."
    if capture.veiled:
        what = f"{capture.veiled} of {capture.sessions} sessions spoke TLS, whose octets were not kept"
        yield f"{what}: packet comments tell what was said."
