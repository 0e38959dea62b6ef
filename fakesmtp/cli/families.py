"""Scenarios without files, listed: the families of their names, and the names of one family."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Final

import attrs

from fakesmtp.cli.console import Color, make_console, print_json
from fakesmtp.cli.status import Failure, Status
from fakesmtp.scenario import naming
from fakesmtp.scenario.naming import Family
from fakesmtp.scenario.problems import advice

if TYPE_CHECKING:
    from rich.console import Console

HEADING: Final = "by rule, without a file each: `fakesmtp list --family NAME` says what each name means"
WRITTEN: Final = ("ACTION:STAGE=VALUE", "A rule as a name: 'reply:rcpt=452 4.2.2 Mailbox full', 'delay:data=5s'")


@attrs.frozen
class Named:
    """What a list shows of one scenario without a file."""

    name: str
    outcome: str | None
    summary: str
    tags: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; the keys are those of a scenario that has a file."""
        told = {"name": self.name, "stage": self.tags[0], "built-in": True, "summary": self.summary}
        told |= {"outcome": self.outcome, "tags": list(self.tags), "aliases": [], "documents": []}
        return {**told, "path": None, "problems": []}


def show(family: str, glob: str | None, as_json: bool, color: Color) -> int:
    """List one family, or all families for want of a name.

    :raises Failure: if there is no such family, or no name in it that fits the glob.
    """
    if not family and glob is None:
        _show_families(as_json, color)
        return Status.OK
    rows = [describe(name) for name in choose(family, glob)]
    if not rows:
        where = f"of the family {family} " if family else ""
        hint = f"`fakesmtp list --family{f' {family}' if family else ''}` lists them"
        raise Failure(Status.INVALID, f"no name by rule {where}fits {glob}; {hint}")
    if as_json:
        print_json([row.as_dict() for row in rows])
    else:
        print_names(make_console(color, unbroken=True), rows)
    return Status.OK


def choose(family: str, glob: str | None) -> list[str]:
    """The names of a family, or of all, that a glob fits; one without wildcards is a piece of a name.

    :raises Failure: if there is no such family.
    """
    every = {each.name: each for each in naming.families()}
    if family and family not in every:
        raise Failure(Status.INVALID, f"there is no family {family!r}; {advice(family, tuple(every))}")
    wanted = "*" if glob is None else glob if any(each in glob for each in "*?[") else f"*{glob}*"
    return [name for name in (every[family].names if family else naming.names()) if fnmatch(name, wanted.lower())]


def _show_families(as_json: bool, color: Color) -> None:
    if as_json:
        print_json([{"family": each.name, "summary": each.summary, "names": each.names} for each in naming.families()])
    else:
        print_families(make_console(color, unbroken=True))


def describe(name: str) -> Named:
    """One scenario. :raises LookupError: if there is none of this name."""
    draft = naming.draft(name)
    if draft is None:
        raise LookupError(name)
    return Named(name, draft.outcome, draft.summary, draft.tags)


def print_families(console: Console) -> None:
    """Each family in one line."""
    from rich.text import Text

    if console.is_terminal:
        console.print()
        console.print(Text(HEADING, "heading"))
    rows = [(each.rule, "", _codes(each)) for each in naming.families()]
    _print(console, [*rows, (WRITTEN[0], "", WRITTEN[1])])


def _codes(family: Family) -> str:
    """The codes, where they are few enough for a line."""
    codes = [name.removeprefix(f"{family.name}-") for name in family.names]
    return " ".join(codes) if len(codes) < 30 else family.summary


def print_names(console: Console, rows: Sequence[Named]) -> None:
    """The names of a family."""
    _print(console, [(row.name, row.outcome or "-", row.summary) for row in rows])


def _print(console: Console, rows: Iterable[tuple[str, str, str]]) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for wraps in (False, False, True):
        table.add_column(no_wrap=not wraps, overflow="fold")
    for name, middle, summary in rows:
        style = middle if middle in ("delivered", "refused", "deferred", "insecure") else "quiet"
        table.add_row(Text(name, "name"), Text(middle, style), Text(summary))
    console.print(Padding(table, (0, 0, 0, 2)) if console.is_terminal else table)
