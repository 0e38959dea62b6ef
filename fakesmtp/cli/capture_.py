"""``fakesmtp capture``: a journal as packets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fakesmtp.cli.files import writing_whole
from fakesmtp.cli.recorded import (
    as_it_was_written,
    journal_argument,
    messages_option,
    open_messages,
    read_journal,
)
from fakesmtp.cli.status import Status

if TYPE_CHECKING:
    from fakesmtp.journal.capture import Capture
    from fakesmtp.journal.saved import SavedMessages

_STDOUT = Path("-")


@click.command("capture", epilog="Then: wireshark FILE, or tshark -r FILE. The rules that acted are packet comments.")
@journal_argument
@click.option(
    "--pcapng",
    "output",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="Write the capture there; - is stdout.",
)
@messages_option
@click.option(
    "--server-port",
    type=click.IntRange(1, 65535),
    metavar="N",
    help="Write N in place of the server's port: what is at 25, Wireshark takes for SMTP without being told.",
)
def command(journal: Path, output: Path, messages: Path | None, server_port: int | None) -> int:
    """A journal as packets, for Wireshark: one TCP connection for each session, between its addresses and ports.

    RUN.ndjson is what --journal has written. Octets, order, moments and endings (FIN, RST) are the journal's;
    handshakes and acknowledgements of TCP are supplied. Mail data is in the capture if the run kept its messages
    (--save) and --messages says where; otherwise octets of the same number stand in. TLS can be read if the run was
    told to --keep-raw.
    """
    capture = read_capture(journal, open_messages(messages), server_port)
    octets = capture.render()
    if output == _STDOUT:
        sys.stdout.buffer.write(octets)
    else:
        with writing_whole(output) as file:
            file.write(octets)
    for line in tell(capture, output):
        click.echo(line, err=True)
    return Status.OK


def read_capture(journal: Path, messages: SavedMessages | None, server_port: int | None = None) -> Capture:
    """The capture of a journal. :raises Failure: if the journal is none."""
    return make(read_journal(journal), journal, messages, server_port)


def make(
    entries: list[dict[str, Any]], journal: Path, messages: SavedMessages | None, server_port: int | None = None
) -> Capture:
    """The capture of entries that were read. :raises Failure: if somebody has edited them."""
    from fakesmtp.journal.capture import know_nothing, make_capture

    content = messages.content if messages is not None else know_nothing
    with as_it_was_written(journal):
        return make_capture(entries, content, server_port=server_port)


def tell(capture: Capture, output: Path) -> Iterator[str]:
    """What a person is told of it."""
    yield f"{output}: {_plural(capture.sessions, 'session')}, {_plural(len(capture.packets), 'packet')}"
    if ports := [port for port in capture.ports if port != 25]:
        told = " ".join(f"-d tcp.port=={port},smtp" for port in ports)
        yield f"to read it: tshark -r {output} {told}; in Wireshark: Analyze, Decode As, SMTP"
    if capture.veiled:
        what = _plural(capture.veiled, "session")
        yield f"{what} inside TLS cannot be read: keep the ciphertext and its secrets with --keep-raw"
    if capture.left_out:
        numbers = ", ".join(map(str, capture.left_out))
        yield f"left out, because their beginning is not in the journal: {numbers}"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
