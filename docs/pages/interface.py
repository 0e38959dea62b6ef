"""The pages of the Python interface, from its docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Final

import fakesmtp
from pages.markdown import Page, code, fence, table, toctree

MODULES: Final = {
    "fakesmtp": "What can be imported from the package itself",
    "fakesmtp.testing": "Servers for test suites",
    "fakesmtp.testing.fixtures": "The fixtures of the pytest plugin",
    "fakesmtp.scenario.building": "Scenarios built in Python",
    "fakesmtp.faults.registry": "Faults of your own: the decorators",
    "fakesmtp.scenario.operators": "Matchers of your own: the decorator",
}
"""The Python interface, module by module."""
MEMBERS: Final = ".. automodule:: {}\n   :members:\n   :show-inheritance:\n"


def python_pages() -> Iterator[Page]:
    """One page for each public module."""
    for module, about in MODULES.items():
        directives = package_directives() if module == "fakesmtp" else MEMBERS.format(module)
        yield f"reference/python/{module}.md", f"# {code(module)}\n\n{about}.\n\n{fence(directives, '{eval-rst}')}"
    rows = [(f"[{code(module)}]({module}.md)", about) for module, about in MODULES.items()]
    head = (
        "# The Python interface\n\n[In Python](../../docs/python.md), [In pytest](../../docs/pytest.md) and"
        " [Extending](../../docs/extending.md) explain it with examples.\n\n"
    )
    yield "reference/python/index.md", head + table(("module", "what is in it"), rows) + "\n" + toctree(MODULES)


def package_directives() -> str:
    """What the package itself gives, but for what has its place on another of these pages."""
    told = [".. automodule:: fakesmtp\n"]
    for name in fakesmtp.__all__:
        found = getattr(fakesmtp, name)
        home = str(getattr(found, "__module__", ""))
        if not (inspect.isclass(found) or inspect.isroutine(found)) or _is_shown_elsewhere(home):
            continue
        directive = "autoclass" if inspect.isclass(found) else "autofunction"
        told.append(f".. {directive}:: fakesmtp.{name}\n" + ("   :members:\n" if directive == "autoclass" else ""))
    return "\n".join(told)


def _is_shown_elsewhere(home: str) -> bool:
    return home.startswith("fakesmtp.testing.") or home in MODULES
