"""The pytest plugin: a test SMTP server that fails as asked, for each test.

This module is imported by every run of pytest in an environment that has fakesmtp, so nothing heavy is: no Twisted, no
reader of scenarios, nothing that starts.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from fakesmtp.testing import choices, reporting
from fakesmtp.testing.fixtures import (
    _fakesmtp_pool,
    provide_factory,
    provide_fakesmtp,
    provide_reactor,
    provide_running,
    provide_scenario,
    provide_server,
)

__all__ = [
    "_fakesmtp_pool",
    "provide_factory",
    "provide_fakesmtp",
    "provide_reactor",
    "provide_running",
    "provide_scenario",
    "provide_server",
]

_MARKERS = (
    "fakesmtp(scenario='healthy', *, seed=…, speed=…, persona=…, set={…}, verify=True): what the fixture fakesmtp"
    " serves this test; the closest of function, class and module holds, for each keyword",
    "fakesmtp_each(*, tag=…, document=…, names=[…], exclude=[…]): run this test once with each of these scenarios",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    choices.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options and announce the markers."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    config.stash[choices.CHOICES] = choices.read_choices(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of pytest-xdist the seed, which may have been drawn."""
    node.workerinput[choices.SHARED_SEED] = node.config.stash[choices.CHOICES].seed


def pytest_report_header(config: pytest.Config) -> str | None:
    """What was chosen, if anything was."""
    return choices.tell_choices(config.stash[choices.CHOICES])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test per scenario for ``fakesmtp_each``."""
    if any(metafunc.definition.iter_markers("fakesmtp_each")):
        from fakesmtp.testing.each import generate_tests

        generate_tests(metafunc)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say in the report of a failure what the servers saw."""
    report = yield
    reporting.complete_report(item, report)
    return report


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> list[str] | None:
    """Say what has come where nothing was expected."""
    given = next((each for each in (left, right) if type(each).__module__ == "fakesmtp.testing.received"), None)
    other = right if given is left else left
    if op != "==" or given is None or other != [] or not isinstance(given, list):
        return None
    return [f"nothing came, but {len(given)} did:", *map(repr, given)]
