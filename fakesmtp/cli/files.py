"""Files that a verb writes: whole or not at all, and where that cannot be, it is said before anything is started."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from fakesmtp.cli.status import Failure, Status


def check_place(path: Path) -> None:
    """See that a file can be written there later.

    :raises Failure: if it cannot.
    """
    if not os.access(path.parent, os.W_OK) or not path.parent.is_dir():
        why = "no permission" if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise Failure(Status.NOT_STARTED, f"cannot write {path}: {why}")


@contextmanager
def writing_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears when it is complete, or not at all.

    :raises Failure: if it cannot be written.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w+b") as file:
            yield file
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise Failure(Status.NOT_STARTED, f"cannot write {path}: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()


def write_whole(path: Path, text: str) -> None:
    """Write a text so that nobody ever sees half of it.

    :raises Failure: if it cannot be written.
    """
    with writing_whole(path) as file:
        file.write(text.encode("utf-8"))
