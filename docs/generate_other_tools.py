"""Makes coming-from-other-tools.md of other-tools.toml; ``--check`` tells whether it is up to date.

Run it as ``python docs/generate_other_tools.py``; it needs nothing but Python.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from writing import write_or_compare

FOLDER: Final = Path(__file__).parent
DATA: Final = FOLDER / "other-tools.toml"
PAGE: Final = FOLDER / "coming-from-other-tools.md"

HEAD: Final = """\
# Coming from other tools

Every fault that one of the test servers and proxies we know can inject, and how it is written here; then bugs that
clients had, with the scenarios that would have shown them. Tools are named where their documentation or source has the
fault under a name of its own; it says nothing about those that are not named.

Lines under *here* that begin with `-` stand under `rules:`; the others are [keys](scenarios.md#keys) of the scenario.
*On the wire* shows what follows for a client, which has said before what leads to that place: `…` stands for more of
the same reply or for whatever follows, what stands in brackets is no SMTP. A *scenario* is run by its name:
`fakesmtp exec NAME -- COMMAND`; several of them are variants. A single rule needs no file either:
`fakesmtp exec 'close:rcpt=rst' -- COMMAND`.

This page is made of `other-tools.toml` by `python docs/generate_other_tools.py`, and every line of it is played by the
tests: do not edit it.
"""
BUGS: Final = """
## Bugs of clients

What was reported of real clients, and the scenarios that show whether yours has the same fault.

| bug | reported | scenario |
|---|---|---|
"""
_ISSUE: Final = re.compile(r"([\w.-]+/[\w.-]+)(?:#(\d+))?")


def code(text: str) -> str:
    """Text in code, in a cell of a table."""
    marks = "``" if "`" in text else "`"
    padding = " " if "`" in text else ""
    return f"{marks}{padding}{text}{padding}{marks}".replace("|", "\\|")


def fault_rows(faults: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A row for each fault."""
    for fault in faults:
        tools = f"<br>*{', '.join(fault['tools'])}*" if fault["tools"] else ""
        title = f"{fault['title'][:1].upper()}{fault['title'][1:]}{tools}"
        cells = (fault["id"], title, _here(fault), _wire(fault), _names(fault.get("scenario", ())))
        yield f"| {' | '.join(cells)} |\n"


def _here(fault: dict[str, Any]) -> str:
    lines = [code(line) for line in fault.get("here", "").strip("\n").splitlines()]
    if "or" in fault:
        lines.append(f"or {fault['or']}".replace("|", "\\|") if lines else fault["or"])
    if "doubtful" in fault:
        lines.append(f"(`check` warns: {fault['doubtful']}, which is the point)")
    return "<br>".join(lines)


def _wire(fault: dict[str, Any]) -> str:
    lines = fault.get("wire", "").strip("\n").splitlines()
    return "<br>".join(line if line == "…" or line.startswith("(") else code(line) for line in lines)


def _names(names: Iterable[str]) -> str:
    return ", ".join(map(code, names))


def bug_rows(bugs: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A row for each bug."""
    for bug in bugs:
        watch = f" {bug['watch']}" if "watch" in bug else ""
        title = f"{bug['title'][:1].upper()}{bug['title'][1:]}"
        yield f"| {title} | {', '.join(map(_link, bug['seen']))} | {_names(bug['scenario'])}{watch} |\n"


def _link(seen: str) -> str:
    found = _ISSUE.fullmatch(seen)
    assert found is not None, seen
    path = f"{found[1]}/issues/{found[2]}" if found[2] else found[1]
    return f"[{seen}](https://github.com/{path})"


def page() -> str:
    """The whole page."""
    data = tomllib.loads(DATA.read_text(encoding="utf-8"))
    parts = [HEAD]
    for letter, title in data["groups"].items():
        parts.append(f"\n## {title}\n\n| | fault | here | on the wire | scenario |\n|---|---|---|---|---|\n")
        parts += fault_rows(fault for fault in data["fault"] if fault["id"][0] == letter)
    return "".join([*parts, BUGS, *bug_rows(data["bug"])])


def main() -> int:
    """Write the page, or compare it."""
    return write_or_compare({PAGE: page}, Path(__file__).name, __doc__)


if __name__ == "__main__":
    sys.exit(main())
