"""The messages as files, for ``--save``."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Final

from fakesmtp.journal.events import Entry

_NUMBERED: Final = re.compile(r"(\d+)-.*\.eml$")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")


def safe_name(queue_id: str) -> str:
    """A queue id as part of a file's name."""
    return _UNSAFE.sub("_", queue_id)


class MessageFolder:
    """A subscriber that saves each accepted message as ``NNNN-<queue id>.eml``, whole or not at all.

    Numbers go on behind those that the folder already holds, so nothing is ever overwritten. Messages that were
    answered as success and then discarded, or whose content was too large to be kept, are not saved. One that rules
    have altered is saved as its recipient gets it.

    :raises OSError: from the constructor, if the folder cannot be made, and from :meth:`flush`, which the driver calls
        once per reactor turn, for what could not be written. Both name the path.
    """

    name = "saving messages"

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.saved: list[Path] = []
        """The files of this run."""
        self._errors: list[OSError] = []
        names = (entry.name for entry in self.path.iterdir())
        self._last = max((int(found[1]) for found in map(_NUMBERED.match, names) if found), default=0)

    def __call__(self, entry: Entry) -> None:
        """Save the message, if there is one."""
        message = entry.message
        if message is None or message.disposition == "discarded" or message.is_dropped:
            return
        try:
            self.saved.append(self._save(message.id, message.delivered))
        except OSError as error:
            self._errors.append(error)

    def flush(self) -> None:
        """Tell what went wrong since the last call; each failure is told once."""
        errors, self._errors = self._errors, []
        if errors:
            raise errors[0]

    def _save(self, queue_id: str, data: bytes) -> Path:
        target = self.path / f"{self._last + 1:04}-{safe_name(queue_id)}.eml"
        part = target.with_name(f".{target.name}.part")
        try:
            part.write_bytes(data)
            os.replace(part, target)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise type(error)(error.errno, error.strerror, str(target)) from None
        self._last += 1
        return target
