"""The pages of the names by rule: one for each family."""

from __future__ import annotations

from collections.abc import Iterator

from fakesmtp.cli.explaining import DUTIES
from fakesmtp.scenario import naming, reader
from fakesmtp.scenario.model import Scenario
from fakesmtp.scenario.naming import Family
from pages.markdown import ORPHAN, Page, code, escape, fence, played, table


def family_pages() -> Iterator[Page]:
    """One for each family, and their index."""
    families = naming.families()
    for family in families:
        yield f"reference/families/{family.name}.md", family_page(family)
    rows = [(f"[{code(each.rule)}]({each.name}.md)", str(len(each.names)), escape(each.summary)) for each in families]
    head = (
        "# Names by rule\n\nScenarios without a file: the name is the stage and the code, `enhanced` and an enhanced"
        " status code, or `tls-alert` and an alert, and says everything. [The matrix](../../docs/matrix.md) has all of"
        " them.\n\n"
    )
    yield "reference/families/index.md", head + table(("names", "how many", "what they are"), rows)


def load_named(name: str) -> Scenario:
    """The scenario of a name by rule, without a look at the files, any of which would come before it."""
    text = naming.compose(name)
    assert text is not None, name
    return reader.read_found(text, name).require()


def family_page(family: Family) -> str:
    """Its names, and one of them played."""
    loaded = [load_named(name) for name in family.names]
    rows = [(code(each.name), each.outcome or "—", escape(each.summary)) for each in loaded]
    shown = next((each for each in loaded if each.outcome in ("deferred", "refused")), loaded[-1])
    outcomes = dict.fromkeys(each.outcome for each in loaded)
    duties = "".join(f"- {f'**{each}**: ' if each else 'no outcome: '}{escape(DUTIES[each])}\n" for each in outcomes)
    return (
        f"{ORPHAN}# {code(family.rule)}\n\n[Names by rule](index.md)\n\n{escape(family.summary)}.\n\n"
        f"{table(('scenario', 'outcome', 'what goes wrong'), rows)}\n"
        f"## What a correct client does\n\n{duties}\n"
        f"`fakesmtp show {shown.name}` says it of each code, with the section.\n\n"
        f"## What it looks like\n\n`fakesmtp exec {shown.name} -- …`:\n\n{played(shown)}\n"
        f"{fence(shown.source, 'yaml')}"
    )
