"""Builds the documentation as HTML: ``python docs/build.py [FOLDER]``; by default below ``build/docs``.

The Markdown files are those that a code host shows. They are copied as they are into a tree of the same shape, so that
their links hold, and the pages that are made of the program's own registers are written beside them; nothing that is
made is kept in the repository.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parent
ROOT: Final = DOCS.parent
sys.path[:0] = [str(DOCS), str(ROOT)]

import pages  # noqa: E402

_CELLS: Final = re.compile(r"(?<!\\)\|")
_CODE: Final = re.compile(r"`([^`]+)`")
_LINK: Final = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")


def stage(source: Path) -> None:
    """Write everything that Sphinx reads into a folder; what was in it before is gone."""
    shutil.rmtree(source, ignore_errors=True)
    (source / "docs").mkdir(parents=True)
    for name in ("README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for name in ("examples", "benchmarks"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".*", "node_modules"))
    for path in DOCS.glob("*.md"):
        shutil.copy(path, source / "docs" / path.name)
    names = pages.homes()
    for path in source.rglob("*.md"):
        folder = "../" * (len(path.relative_to(source).parts) - 1)
        text = name_pages(path.read_text("utf-8"), {name: f"{folder}{home}" for name, home in names.items()})
        path.write_text(lead_to_pages(path, text), "utf-8")
    for name, text in pages.every(DOCS):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def name_pages(text: str, homes: Mapping[str, str]) -> str:
    """In columns of scenarios, each name leads to its page.

    :param homes: by name, where its page is from here.
    """
    lines, columns = [], set[int]()
    for line in text.splitlines():
        cells = _CELLS.split(line) if line.startswith("|") else []
        if not columns or not cells:
            columns = {number for number, cell in enumerate(cells) if cell.strip() in ("scenario", "scenarios")}
        for number in columns & set(range(len(cells))):
            cells[number] = _CODE.sub(
                lambda found: f"[{found[0]}]({homes[found[1]]})" if found[1] in homes else found[0], cells[number]
            )
        lines.append("|".join(cells) if cells else line)
    return "\n".join(lines) + "\n"


def lead_to_pages(path: Path, text: str) -> str:
    """A link to a folder leads to what is written of it; a code host shows the folder, and Sphinx has none."""

    def lead(found: re.Match[str]) -> str:
        target = path.parent / found[1]
        if "://" in found[1] or not target.is_dir():
            return found[0]
        readme = next(folder / "README.md" for folder in (target, *target.parents) if (folder / "README.md").is_file())
        return f"]({Path(*[found[1]]).joinpath(*_climb(target, readme))})"

    return _LINK.sub(lead, text)


def _climb(target: Path, readme: Path) -> list[str]:
    """The way from a folder to a file above it or in it."""
    steps = len(target.resolve().relative_to(readme.parent.resolve()).parts)
    return [".."] * steps + [readme.name]


def build(folder: Path) -> int:
    """Stage and build; warnings are errors. The status is Sphinx's."""
    from sphinx.cmd.build import main

    source, html = folder / "source", folder / "html"
    stage(source)
    options = ["-b", "html", "-W", "--keep-going", "-n", "-q", "-c", str(DOCS), "-d", str(folder / "doctrees")]
    return main([*options, str(source), str(html)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the documentation as HTML.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build" / "docs")
    sys.exit(build(parser.parse_args().folder))
