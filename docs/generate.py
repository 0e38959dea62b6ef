"""Makes documented-failures.md of documented-cases.toml and the scenarios, and matrix.md of the scenarios by rule.

``--check`` tells whether they are up to date.

Run it as ``python docs/generate.py`` where fakesmtp can be imported.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from writing import write_or_compare

from fakesmtp.cli.console import listed
from fakesmtp.cli.explaining import Deed, Explanation, RuleInWords, rfc_section
from fakesmtp.cli.surroundings import phrase_clock, phrase_listener, phrase_record, phrase_tls
from fakesmtp.protocol.handshake import ALERTS
from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario import library
from fakesmtp.scenario.model import Scenario, Tls
from fakesmtp.scenario.naming import alerts, enhanced, matrix
from fakesmtp.scenario.naming.drafts import label_of

FOLDER: Final = Path(__file__).parent
CASES: Final = FOLDER / "documented-cases.toml"

HEAD: Final = """\
# Documented failures

Support articles of five products, and the scenarios that reproduce what they tell of, each article's failures in its
own order. `fakesmtp list --document NAME` shows the same on the command line, `fakesmtp show SCENARIO` explains one.

This page is made of the scenarios by `python docs/generate.py`: do not edit it.
"""
OFF_THE_WIRE: Final = {
    "client-ui": "not on the wire: what the product shows",
    "harness": "not on the wire: what whoever searches for the cause needs",
}
PLACES: Final = {
    "connect": "on connecting",
    "greeting": "greeting",
    "tls": "handshake",
    "auth-line": "AUTH dialogue",
    "auth-response": "AUTH, verdict",
    "content": "in the message",
    "end-of-data": "after the dot",
    "close": "at the end",
    "any": "every reply",
}
"""How stages are called that are no commands."""
ENDINGS: Final = {
    "close: fin": "closed (FIN)",
    "close: rst": "reset (RST)",
    "hang": "nothing more, for ever",
    "silence": "no answer",
    "accept": "accepted",
}
UNSEEN: Final = ("bounce", "corrupt", "discard", "loop", "redeliver", "strip-attachments")
"""What happens to a message behind a 250."""
COLUMNS: Final = ("documented symptom", "documented message", "scenario", "on the wire")


# ---------------------------------------------------------------------- what the client sees


def wire_of(scenario: Scenario) -> str:
    """What a client sees that differs from a healthy server."""
    told = [*_surroundings(scenario), *map(_rule, Explanation(scenario).rules)]
    return "; ".join(told) or _manner(scenario)


def _surroundings(scenario: Scenario) -> Iterator[str]:
    for listener in scenario.listeners:
        if text := phrase_listener(listener):
            yield text if len(scenario.listeners) == 1 else f"listener `{listener.name}`: {text}"
    if scenario.tls != Tls(mode=scenario.tls.mode) or scenario.tls.mode == "implicit":
        yield f"TLS: {phrase_tls(scenario.tls)}"
    if scenario.address is not None:
        yield f"told to connect to `{scenario.address}`"
    yield from (f"DNS `{record.name}`: {phrase_record(record)}" for record in scenario.dns.values())
    yield from _offers(scenario)
    if clock := phrase_clock(scenario.clock):
        yield f"clock {clock}"


def _offers(scenario: Scenario) -> Iterator[str]:
    if scenario.capabilities.exact is not None:
        yield f"EHLO offers {listed(scenario.capabilities.exact) if scenario.capabilities.exact else 'nothing'}"
    left_out = [keyword for keyword, value in scenario.capabilities.edits.items() if value is None]
    if left_out:
        yield f"EHLO without {listed(left_out, 'or')}"
    if scenario.auth.mechanisms != type(scenario.auth)().mechanisms:
        yield f"AUTH offers {listed(scenario.auth.mechanisms)}"
    if scenario.accounts is not None and "auth" in scenario.tags:
        passwords = {True: "its password", False: "an empty password"}
        shown = [f"{user} with {passwords[bool(word)]}" for user, word in scenario.accounts.items()]
        yield f"login: only {listed(shown, 'or')}"


def _manner(scenario: Scenario) -> str:
    words = Explanation(scenario).persona.ok.get("greeting")
    manner = f"greets and answers as {scenario.persona}"
    return manner if words is None else f"{manner}: {_code(words.text.replace('{host}', scenario.hostname))}"


def _rule(rule: RuleInWords) -> str:
    deeds = ", ".join(_deed(deed) for deed in rule.deeds)
    condition = f" where {listed([_code(each) for each in rule.when])}" if rule.when else ""
    counting = f" ({rule.counting})" if rule.counting else ""
    return f"{_places(rule.stages)}{condition}{counting}: {deeds}"


def _places(stages: Iterable[str]) -> str:
    return listed([PLACES.get(stage, stage.upper()) for stage in stages], "or")


def _deed(deed: Deed) -> str:
    if deed.replies:
        return " or ".join(_code(text) for text in dict.fromkeys(deed.replies.values()))
    if deed.fault == "send":
        return _code(deed.text.removeprefix("send: ").strip("'"))
    if deed.fault in UNSEEN:
        return f"accepted; then: {deed.meaning[:1].lower()}{deed.meaning[1:].rstrip('.')}"
    return ENDINGS.get(deed.text, deed.text)


def _code(text: str) -> str:
    return f"`{' / '.join(text.splitlines())}`"


# ---------------------------------------------------------------------- the tables


def message_of(scenario: Scenario, document: str, case: str) -> str:
    """What the document's product tells its user, in each language."""
    found = [each.message for each in scenario.documents if (each.document, each.case) == (document, case)]
    return "<br>".join(dict.fromkeys(text for message in found for text in message.values()))


def rows_of(document: str, case: dict[str, Any], scenarios: Iterable[Scenario]) -> Iterator[tuple[str, ...]]:
    """One row for each scenario of a case, or the one row of a case that has none."""
    symptom = case["symptom"]
    for scenario in scenarios:
        if any((each.document, each.case) == (document, case["case"]) for each in scenario.documents):
            yield symptom, message_of(scenario, document, case["case"]), _code(scenario.name), wire_of(scenario)
            symptom = ""
    if symptom:
        yield symptom, "", "—", _without_scenario(case)


def _without_scenario(case: dict[str, Any]) -> str:
    if "harness" in case:
        anchor = case["recipe"].lower().replace(" ", "-").replace(",", "")
        return f"{case['harness']}: see [{case['recipe']}](recipes.md#{anchor})"
    return OFF_THE_WIRE.get(case["stage"], "not reproduced")


def failures_page() -> str:
    """The page of documented failures."""
    scenarios = [library.load(str(path)) for path in library.files(library.built_in())]
    parts = [HEAD]
    for document, table in tomllib.loads(CASES.read_text(encoding="utf-8")).items():
        parts.append(f"\n## {table['title']}\n\n`fakesmtp list --document {document}`\n\n")
        parts += _table(COLUMNS, (row for case in table["cases"] for row in rows_of(document, case, scenarios)))
    return "".join(parts)


# ---------------------------------------------------------------------- the matrix

MATRIX_HEAD: Final = """\
# The matrix of replies

Every command and every reply code that RFC 5321 section 4.3.2 or the RFC of an extension lists for it, or that servers
give all the same, every enhanced status code of the IANA registry, and every alert of TLS: each is a scenario by its
name, without a file.

```sh
fakesmtp exec rcpt-452 -- pytest tests/mail
fakesmtp show enhanced-4.2.2
fakesmtp show tls-alert-unknown-ca
fakesmtp list --family rcpt
```

Any other reply is a name too: `fakesmtp exec 'reply:rcpt=459 4.2.2 Come back on Monday' -- …`; see
[names by rule](scenarios.md#names-by-rule).

This page is made by `python docs/generate.py`: do not edit it.
"""
MATRIX_NOTES: Final = """
The outcome is what a correct client reports. It is left open where no mail depends on the command, and where some
clients go on and others give up. With `421` the server closes the connection. `ehlo-500` and `ehlo-502` are an old
server, whose HELO is answered well; the other refusals of EHLO hold for HELO too.
"""


def matrix_page() -> str:
    """The page of scenarios by rule of naming."""
    parts = [MATRIX_HEAD, "\n## Commands and codes\n\n", *_table(("stage", "codes"), _overview()), MATRIX_NOTES]
    for family in matrix.families():
        label = label_of(Stage(family.name))
        parts += [f"\n### {family.name}\n\n{label} is answered so:\n\n"]
        parts += _table(("scenario", "reply", "outcome"), map(_cell_row, family.names))
    parts += ["\n## Enhanced status codes\n\n", *_table(STATUS_COLUMNS, _status_rows())]
    parts += [ALERTS_HEAD, *_table(("alert", "number", "what it says", "defined in"), _alert_rows())]
    return "".join(parts)


def _overview() -> Iterator[tuple[str, ...]]:
    for family in matrix.families():
        codes = [name.removeprefix(f"{family.name}-") for name in family.names]
        yield f"[`{family.name}`](#{family.name})", " ".join(f"`{code}`" for code in codes)


def _cell_row(name: str) -> tuple[str, ...]:
    cell = matrix.cells()[name]
    draft = matrix.draft(name)
    said = "the server's own words" if cell.is_ordinary else _code(str(cell.reply))
    return _code(name), said, (draft.outcome if draft is not None else None) or "—"


STATUS_COLUMNS: Final = ("status", "meaning", "registered by", "scenarios", "at", "basic codes")


def _status_rows() -> Iterator[tuple[str, ...]]:
    for detail, entry in enhanced.REGISTRY.items():
        found = [each for each in enhanced.statuses().values() if each.detail == detail]
        sections = "; ".join(rfc_section(each) for each in found[0].sections)
        names = " ".join(_code(each.name) for each in found)
        yield f"X.{detail}", entry.text, sections, names, _code(entry.stage), entry.codes.replace(" ", ", ")


ALERTS_HEAD: Final = """
## TLS alerts

An alert takes the place of the handshake, and the connection is closed. The outcome is `insecure`: a correct client
stops here. It comes behind STARTTLS, and at once with `--set tls.mode=implicit`.

"""


def _alert_rows() -> Iterator[tuple[str, ...]]:
    for alert, entry in alerts.REGISTRY.items():
        sections = "; ".join(rfc_section(each) for each in entry.rfc)
        yield _code(f"{alerts.NAME}-{alert}"), str(ALERTS[alert]), entry.says, sections


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (columns, ("---",) * len(columns), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n"


PAGES: Final = {"documented-failures.md": failures_page, "matrix.md": matrix_page}
"""Every page that is made, and what makes it."""


def main() -> int:
    """Write the pages, or compare them."""
    return write_or_compare({FOLDER / name: make for name, make in PAGES.items()}, Path(__file__).name, __doc__)


if __name__ == "__main__":
    sys.exit(main())
