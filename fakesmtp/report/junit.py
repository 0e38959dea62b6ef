"""JUnit XML, as CI systems read it: a suite of cases, each of which passed, failed or was skipped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import attrs

if TYPE_CHECKING:
    from junitparser import TestCase

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write (section 2.2)."""


@attrs.frozen
class Case:
    """One thing that was judged."""

    name: str
    group: str
    """What it belongs to, such as a scenario: JUnit's class name."""
    status: Literal["passed", "failed", "skipped"] = "passed"
    message: str = ""
    """One line: why it failed or was skipped."""
    details: str = ""
    """As much as a person needs to see."""
    seconds: float = 0.0
    output: str = ""
    """What was written meanwhile."""


def render_junit(name: str, cases: Iterable[Case], *, properties: Mapping[str, str]) -> str:
    """The report as XML text.

    :param name: of the suite.
    :param properties: what belongs to all cases, such as the seed.
    """
    from junitparser import JUnitXml, TestSuite

    suite = TestSuite(name)
    for key, value in properties.items():
        suite.add_property(key, _clean(value))
    for case in cases:
        suite.add_testcase(_make_case(case))
    report = JUnitXml()
    report.add_testsuite(suite)
    cast(Any, report).update_statistics()
    text: bytes = cast(Any, report).tostring()
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text.decode("utf-8").rstrip()}\n'


def _make_case(case: Case) -> TestCase:
    from junitparser import Failure, Skipped, TestCase

    made = TestCase(case.name, case.group, case.seconds)
    if case.status != "passed":
        kind = Failure if case.status == "failed" else Skipped
        result = kind(_clean(case.message), "fakesmtp")
        result.text = _clean(case.details)
        made.result = [result]
    if case.output:
        made.system_out = _clean(case.output)
    return made


def _clean(text: str) -> str:
    """The text with what XML cannot hold written as escapes."""
    return _NOT_XML.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)
