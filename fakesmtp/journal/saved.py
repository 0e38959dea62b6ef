"""The messages of a run as ``--save`` has written them, found again by their entries in the journal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, Final

from fakesmtp.journal.save import safe_name

Event = Mapping[str, Any]

_NAME: Final = re.compile(r"\d+-(.*)\.eml")


class SavedMessages:
    """A folder of ``NNNN-<queue id>.eml``. It may hold the messages of other runs too, with the same queue ids.

    :raises OSError: if the folder cannot be read; from :meth:`content` too.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        self._files: dict[str, list[Path]] = {}
        for path in self.folder.iterdir():
            if found := _NAME.fullmatch(path.name):
                self._files.setdefault(found[1], []).append(path)

    def __len__(self) -> int:
        return sum(map(len, self._files.values()))

    def find(self, event: Event) -> Path | None:
        """The file of the message of this entry: of several with its queue id and size, the one whose time is nearest.

        Where rules have altered the message, its size as it was saved is not in the journal, and not looked at.
        """
        at = datetime.fromisoformat(event["time"]).timestamp()
        found = [(path, path.stat()) for path in self._files.get(safe_name(event["id"]), ())]
        fitting = [(path, stat) for path, stat in found if _is_altered(event) or stat.st_size == event.get("size")]
        return min(fitting, key=lambda each: (abs(each[1].st_mtime - at), each[0]))[0] if fitting else None

    def content(self, event: Event) -> bytes | None:
        """The mail data as the client sent it (dot-stuffing undone); None where no file has it."""
        path = None if _is_altered(event) else self.find(event)
        return None if path is None else path.read_bytes()


def _is_altered(event: Event) -> bool:
    """Whether rules may have changed the message before it was saved."""
    return "handling" in event
