"""Scenarios of the library by name, read once for as long as their files stay as they are.

A test suite asks for the same few scenarios over and over. What was read is given again while nothing has changed: not
the files that it was read from, nor the folders in which names are looked for.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from fakesmtp.scenario import library, naming, reader

MOST: Final = 256
"""Readings that are kept."""
_SETTLED: Final = 1_000_000_000
"""Nanoseconds that a file must be old: a younger one may be written again within the same tick of the file system."""

Stamp = tuple[int, int] | None


class NotByName(LookupError):
    """Something other than a name was given. The message says what to do."""


def find_by_name(name: str, file: str, asking: str) -> library.Found:
    """The scenario that another one extends.

    A text that came over the network (``asking``) may extend by name only: no path of its choice is ever opened. What
    the library's own files extend is found as always.

    :raises LookupError: if there is none.
    """
    if file != asking:
        return library.find_beside(name, file)
    check_name(name)
    return library.find_named(name)


def check_name(name: str) -> None:
    """:raises NotByName: if it is a path. What is a rule may have anything in its text: it is never opened."""
    if naming.is_written(name):
        return
    if "/" in name or "\\" in name or "\0" in name or Path(name).suffix in (".yaml", ".yml", ".json"):
        raise NotByName(f"{name[:100]!r} is a path; here scenarios are known by their names, or sent as text")


@attrs.frozen
class _Kept:
    reading: reader.Reading
    stamps: Mapping[Path, Stamp]


class Shelf:
    """Reads scenarios by name."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, tuple[tuple[str, str], ...]], _Kept] = OrderedDict()

    def read(self, name: str, overrides: Mapping[str, str]) -> reader.Reading:
        """The scenario of that name. :raises LookupError: if there is none, or it is a path."""
        check_name(name)
        key = (name, tuple(sorted(overrides.items())))
        kept = self._kept.get(key)
        if kept is not None and all(_stamp(path) == stamp for path, stamp in kept.stamps.items()):
            self._kept.move_to_end(key)
            return kept.reading
        reading, paths = _read(name, overrides)
        self._keep(key, _Kept(reading, {path: _stamp(path) for path in paths}))
        return reading

    def _keep(self, key: tuple[str, tuple[tuple[str, str], ...]], kept: _Kept) -> None:
        self._kept.pop(key, None)
        newest = max((stamp[0] for stamp in kept.stamps.values() if stamp is not None), default=0)
        if time.time_ns() - newest > _SETTLED:
            self._kept[key] = kept
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)


def _read(name: str, overrides: Mapping[str, str]) -> tuple[reader.Reading, list[Path]]:
    """What was read, and every place that had a say in it."""
    first = library.find_named(name)
    paths: list[Path] = []

    def note(found: library.Found) -> library.Found:
        if isinstance(found, Path):
            paths.append(found)
        return found

    def find(extended: str, file: str) -> library.Found:
        return note(library.find_beside(extended, file))

    reading = reader.read_found(note(first), name, find=find, overrides=overrides)
    folders = [Path(place) for folder in library.folders() for place, _, _ in os.walk(folder)]
    return reading, [*paths, library.OWN, *folders, *(path.parent for path in paths)]


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
