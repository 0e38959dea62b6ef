"""Pages that are made and committed: written, or compared with what stands there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path


def write_or_compare(pages: Mapping[Path, Callable[[], str]], script: str, doc: str | None) -> int:
    """Write each page; with ``--check`` on the command line only tell which are out of date, with status 1.

    :param pages: the files, and what makes each.
    :param script: the name of the program that is run. :param doc: what its help says.
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if a page is out of date")
    checks, stale = parser.parse_args().check, []
    for path, make in pages.items():
        made = make()
        if not checks:
            path.write_text(made, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != made:
            stale.append(path.name)
    for name in stale:
        sys.stderr.write(f"{name} is out of date: run `python docs/{script}`\n")
    return 1 if stale else 0
