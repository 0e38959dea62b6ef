"""What verbs share that work on a run that is over: its journal, its saved messages, and files written whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from fakesmtp.journal.saved import SavedMessages

Function = TypeVar("Function", bound=Callable[..., Any])

journal_argument = click.argument("journal", metavar="RUN.ndjson", type=click.Path(path_type=Path))
messages_option = click.option(
    "--messages",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the run kept its messages (--save).",
)
zone_option = click.option(
    "--zone",
    default="local",
    show_default=True,
    metavar="ZONE",
    help="Zone of the times: local (of the machine that ran the server), UTC, or a name such as Asia/Tokyo.",
)


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The entries of a journal. :raises Failure: if there is none, or it cannot be read, or it is empty."""
    from fakesmtp.journal.ndjson import NdjsonError, read_ndjson

    try:
        entries = read_ndjson(path)
    except FileNotFoundError:
        raise Failure(Status.USAGE, f"there is no journal {path}; a run writes one with --journal {path}") from None
    except OSError as error:
        raise Failure(Status.USAGE, f"cannot read {path}: {error.strerror}") from None
    except NdjsonError as error:
        raise Failure(Status.USAGE, str(error)) from None
    if not entries:
        raise Failure(Status.USAGE, f"{path} is empty: nothing had happened when the run ended, or it is not over")
    return entries


@contextmanager
def as_it_was_written(path: Path) -> Iterator[None]:
    """Entries are told here, and saved messages read.

    :raises Failure: if somebody has edited an entry into something impossible, or a message cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise Failure(Status.USAGE, f"cannot read {error.filename}: {error.strerror}") from None
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        what = f"an entry has no {error}" if isinstance(error, KeyError) else str(error)
        raise Failure(Status.USAGE, f"{path} is not as fakesmtp wrote it: {what}") from None


def open_messages(folder: Path | None) -> SavedMessages | None:
    """The messages in a folder. :raises Failure: if there is no such folder."""
    from fakesmtp.journal.saved import SavedMessages

    if folder is None:
        return None
    try:
        return SavedMessages(folder)
    except OSError as error:
        raise Failure(Status.USAGE, f"cannot read messages in {folder}: {error.strerror}") from None


def print_text(text: str) -> None:
    """To stdout; what its encoding cannot say is escaped."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    click.echo(text, nl=False)
