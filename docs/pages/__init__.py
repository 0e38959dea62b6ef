"""The pages that are made of the program: scenarios, names by rule, faults, the Python interface, and the index.

What stands on them is what ``fakesmtp show`` and ``fakesmtp vocabulary`` print, from the same registers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fakesmtp.faults import FAULTS
from fakesmtp.scenario import library, naming
from pages.families import family_pages
from pages.faults import fault_pages
from pages.interface import python_pages
from pages.markdown import Page, toctree
from pages.scenarios import scenario_pages

REFERENCE: Final = {
    "scenarios": "The library",
    "families": "Names by rule",
    "faults": "Faults",
    "python": "The Python interface",
}
"""What is made here, and how the margin calls it."""
_INDEX_HEAD: Final = """\
# fakesmtp

A test SMTP server that fails on purpose: you name a failure, your product meets it on a real socket, and you assert
what it tells its user. The [README](README.md) has the one command to know.

```sh
fakesmtp exec mailbox-full -- pytest tests/mail
```

A scenario is a healthy server and the few rules that make it fail; [the format](docs/scenarios.md) begins with a few
lines. `--persona postfix` says the same refusal in another server's words.

```yaml
summary: Only mail with an attachment is refused
outcome: refused
rules:
  - at: end-of-data
    when: {{attachment: {{any: true}}}}
    refuse: attachment-refused
```

## To begin

- with a suite: [in pytest](docs/pytest.md), [in Python](docs/python.md), [in any language](docs/other-languages.md)
- at a terminal: [the command line](docs/command-line.md)
- with a product that shows an error: [which scenario?](README.md#which-scenario)

## To look something up

- [The library](reference/scenarios/index.md): {scenarios} scenarios, each with what goes wrong, what it looks like on
  the wire, and what a correct client does
- [Names by rule](reference/families/index.md): {names} more, for every reply code of every command, every enhanced
  status code and every alert of TLS
- [Faults](reference/faults/index.md): the {faults} things a rule can do
- [Verdicts](docs/verdicts.md): what is said of a client
- [The Python interface](reference/python/index.md), and the [control interface](docs/control.md) for all others
- [What is left out](docs/left-out.md)
"""


def every(docs: Path) -> Iterator[Page]:
    """All of them. :param docs: where the written pages are."""
    scenarios = [library.load(str(path)) for path in library.files(library.built_in())]
    yield from fault_pages(scenarios, docs / "scenarios.md")
    yield from scenario_pages(scenarios)
    yield from family_pages()
    yield from python_pages()
    yield "index.md", index_page(docs, len(scenarios))


def homes() -> dict[str, str]:
    """By the name of each scenario, with a file or by rule, its page."""
    by_rule = {name: f"reference/families/{family.name}.md" for family in naming.families() for name in family.names}
    return by_rule | {path.stem: f"reference/scenarios/{path.stem}.md" for path in library.files(library.built_in())}


def index_page(docs: Path, scenarios: int) -> str:
    """The first page: what there is, and the margin of all pages."""
    written = list(dict.fromkeys(re.findall(r"\]\(([\w-]+)\.md", (docs / "README.md").read_text("utf-8"))))
    guides = ["Overview <README>", "All guides <docs/README>", *(f"docs/{name}" for name in written), "examples/README"]
    reference = [f"{title} <reference/{name}/index>" for name, title in REFERENCE.items()]
    head = _INDEX_HEAD.format(scenarios=scenarios, names=sum(1 for _ in naming.names()), faults=len(FAULTS))
    return "\n".join(
        [
            head,
            toctree(guides, caption="Guides", maxdepth="1"),
            toctree(reference, caption="Reference", maxdepth="1"),
            toctree(["CHANGELOG", "Benchmarks <benchmarks/README>"], caption="Project", maxdepth="1"),
        ]
    )
