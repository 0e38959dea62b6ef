"""Captures as tshark reads them. It is the Debian package tshark; without it these tests are skipped, but not in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest

PATIENCE: Final = 100.0
"""Seconds that tshark may take."""
_CHECKED: Final = ("tcp.check_checksum:TRUE", "ip.check_checksum:TRUE", "udp.check_checksum:TRUE")
_FIELDS: Final = (
    "frame.time_epoch",
    "frame.time_relative",
    "frame.comment",
    "_ws.col.Protocol",
    "_ws.col.Info",
    "ipv6.src",
    "tcp.stream",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.len",
    "tcp.ack",
    "tcp.flags.syn",
    "tcp.flags.fin",
    "tcp.flags.reset",
    "tcp.analysis.bytes_in_flight",
    "tcp.payload",
    "smtp.req",
    "smtp.response",
    "smtp.response.code",
    "tls.record.content_type",
    "dns.id",
    "dns.flags.truncated",
)
_FLAWS: Final = ("tcp.analysis.flags", "_ws.malformed")
_SUMS: Final = ("ip.checksum.status", "tcp.checksum.status", "udp.checksum.status")
_GOOD: Final = "1"
_BETWEEN: Final = "\x1f"
"""Between two values of a field: nothing that is said has it."""


class Seen:
    """One packet, as tshark shows it: fields as text, empty where the packet has none."""

    def __init__(self, line: str) -> None:
        cells = line.split("\t")
        self._values = dict(zip((*_FIELDS, *_FLAWS, *_SUMS), (cell.split(_BETWEEN) for cell in cells), strict=True))

    def __getitem__(self, field: str) -> str:
        """A field; of several values the first."""
        return self._values[field][0]

    def all(self, field: str) -> list[str]:
        """All values of a field."""
        return [value for value in self._values[field] if value]

    @property
    def comments(self) -> list[str]:
        return self.all("frame.comment")

    @property
    def info(self) -> str:
        """What the list of packets shows."""
        return " ".join(self["_ws.col.Info"].split())

    @property
    def payload(self) -> bytes:
        return bytes.fromhex(self["tcp.payload"])

    @property
    def is_sound(self) -> bool:
        """Whole, with right checksums, and in its place."""
        return not any(self[field] for field in _FLAWS) and all(self[field] in ("", _GOOD) for field in _SUMS)

    def __repr__(self) -> str:
        return f"<{self.info} {self._values}>"


Choice = Callable[[Seen], object]


class Dissection:
    """The packets of a capture file. :param ports: where tshark is to expect SMTP."""

    def __init__(self, octets: bytes, ports: Sequence[int] = (2525,)) -> None:
        if shutil.which("tshark") is None:
            absent("tshark")
        self.ports = [str(port) for port in ports]
        decode = [word for port in ports for word in ("-d", f"tcp.port=={port},smtp")]
        fields = [word for field in (*_FIELDS, *_FLAWS, *_SUMS) for word in ("-e", field)]
        told = _run(octets, *decode, "-T", "fields", "-E", f"aggregator={_BETWEEN}", *fields)
        self.packets = [Seen(line) for line in told.split("\n") if line]

    def only(self, choice: Choice) -> list[Seen]:
        """The packets of which this is true."""
        return [packet for packet in self.packets if choice(packet)]

    def one(self, choice: Choice) -> Seen:
        """The packet of which this is true."""
        (packet,) = self.only(choice)
        return packet

    @property
    def unsound(self) -> list[Seen]:
        """Malformed, with a wrong checksum, or not in its place: sent twice, out of order, acknowledging nothing."""
        return [packet for packet in self.packets if not packet.is_sound]

    @property
    def conversation(self) -> list[str]:
        """What Wireshark shows of the packets that it takes for mail."""
        return [packet.info for packet in self.packets if packet["_ws.col.Protocol"] in ("SMTP", "SMTP/IMF")]

    @property
    def comments(self) -> list[str]:
        """All comments."""
        return [comment for packet in self.packets for comment in packet.comments]

    def is_servers(self, packet: Seen) -> bool:
        """Whether the packet comes from one of the ports of SMTP."""
        return packet["tcp.srcport"] in self.ports

    def sent(self, by: str) -> bytes:
        """All octets of one side, of a capture with one connection: ``client`` or ``server``."""
        return b"".join(each.payload for each in self.packets if self.is_servers(each) == (by == "server"))

    def flagged(self, flag: str) -> list[str]:
        """Whose segments have a flag: ``client`` or ``server``, in order."""
        found = self.only(lambda packet: packet[f"tcp.flags.{flag}"] in ("1", "True"))
        return ["server" if self.is_servers(packet) else "client" for packet in found]


def absent(package: str) -> None:
    """Something is not here that a package of the system has."""
    if os.environ.get("CI"):
        pytest.fail(f"install the Debian package {package}")
    pytest.skip(f"the Debian package {package} is not installed")


def _run(octets: bytes, *options: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "capture.pcapng"
        path.write_bytes(octets)
        checked = [word for preference in _CHECKED for word in ("-o", preference)]
        environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8", "HOME": folder}
        command = ["tshark", "-n", "-r", str(path), *checked, *options]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
