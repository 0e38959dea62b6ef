"""``fakesmtp show``: one scenario explained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from fakesmtp.cli.completing import complete_persona, complete_scenario
from fakesmtp.cli.console import Color, color_option, json_option, make_console, print_json, style_reply
from fakesmtp.cli.plugins import plugin_option
from fakesmtp.cli.status import Failure, Status

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from fakesmtp.cli.explaining import Deed, Explanation, RuleInWords
    from fakesmtp.protocol.script import Script
    from fakesmtp.scenario.model import Scenario


@click.command("show")
@click.argument("name", required=False, shell_complete=complete_scenario)
@click.option(
    "--persona", shell_complete=complete_persona, help="In whose words the replies are shown; without NAME, its words."
)
@click.option("--source", is_flag=True, help="The scenario's file, highlighted, in place of the explanation.")
@click.option("--no-transcript", is_flag=True, help="Leave out what it looks like on the wire.")
@json_option
@plugin_option
@color_option
def command(
    name: str | None, persona: str | None, source: bool, no_transcript: bool, as_json: bool, color: Color
) -> int:
    """One scenario explained: what goes wrong and at which stage, in whose words, and what a correct client does.

    NAME is a scenario of the library, one below ./scenarios, or a file; or it follows a rule, as rcpt-452 does, and
    'reply:rcpt=452 4.2.2 Mailbox full'. Without it, --persona says of whose words everything is told.

    What it looks like is played in memory, in milliseconds, with a client that does all right.
    """
    from fakesmtp.cli.explaining import Explanation

    if name is None:
        return _show_persona(persona, as_json, color)
    explanation = Explanation(load(name, persona))
    if as_json:
        print_json(
            {
                **explanation.as_dict(transcript=not no_transcript),
                **({"source": explanation.scenario.source} if source else {}),
            }
        )
    elif source:
        print_source(make_console(color, unbroken=True), explanation)
    else:
        print_explanation(make_console(color), explanation, transcript=not no_transcript)
    return Status.OK


def _show_persona(name: str | None, as_json: bool, color: Color) -> int:
    from fakesmtp.cli.personas import PersonaInWords, known_persona
    from fakesmtp.cli.showing import print_persona

    if name is None:
        raise click.UsageError("Missing argument 'NAME' (of a scenario; or --persona with the name of a persona).")
    told = PersonaInWords(known_persona(name))
    if as_json:
        print_json(told.as_dict())
    else:
        print_persona(make_console(color), told)
    return Status.OK


def load(name: str, persona: str | None) -> Scenario:
    """The scenario, in the words of a persona if one is given.

    :raises click.UsageError: if there is no such persona. :raises Failure: if the scenario is unknown or invalid.
    """
    from fakesmtp.cli.personas import known_persona
    from fakesmtp.scenario import library
    from fakesmtp.scenario.problems import ScenarioErrors

    words = {"persona": known_persona(persona)} if persona else {}
    try:
        return library.load(name, words)
    except library.UnknownScenario as error:
        raise Failure(Status.INVALID, str(error)) from None
    except ScenarioErrors as error:
        raise Failure(Status.INVALID, "\n".join(problem.render() for problem in error.problems)) from None


def print_source(console: Console, explanation: Explanation) -> None:
    """The file as it is; highlighted where there is colour."""
    from rich.syntax import Syntax

    text = explanation.scenario.source
    if console.no_color:
        click.echo(text, nl=not text.endswith("\n"))
        return
    code = text.removesuffix("\n")
    console.print(Syntax(code, "yaml", theme="ansi_dark", background_color="default", word_wrap=True))


def print_explanation(console: Console, explanation: Explanation, *, transcript: bool = True) -> None:
    """The explanation, section by section."""
    from rich.padding import Padding
    from rich.text import Text

    scenario = explanation.scenario
    console.print(Text(scenario.name, "name"))
    if scenario.summary:
        console.print(Text(scenario.summary, "heading"))
    for paragraph in paragraphs(scenario.description):
        console.print()
        console.print(Padding(Text(paragraph), (0, 0, 0, 2)))
    for heading, parts in _sections(explanation, transcript):
        console.print()
        console.print(Text(heading, "heading"))
        for part in parts:
            if isinstance(part, str):  # a command or a path that is broken over two lines cannot be copied
                console.print(f"  {part}", soft_wrap=True)
            else:
                console.print(Padding(part, (0, 0, 0, 2)))


def paragraphs(text: str) -> list[str]:
    """Prose without the line breaks of its file."""
    return [" ".join(block.split()) for block in text.split("\n\n") if block.strip()]


def _sections(explanation: Explanation, transcript: bool) -> Iterator[tuple[str, Iterable[RenderableType]]]:
    from rich.text import Text

    scenario = explanation.scenario
    yield "What goes wrong", _wrong(explanation)
    yield "What a correct client must do", [grid((("-", duty) for duty in _duties(explanation)), gap=1)]
    if transcript:
        yield "What it looks like", [grid(_transcript(explanation), gap=1)]
    if explanation.expectations:
        yield "What it is checked for", explanation.expectations
    yield "The server", [grid(explanation.server.items())]
    if scenario.documents:
        yield "Where it is documented", list(_documents(explanation))
    if scenario.rfc:
        from fakesmtp.cli.explaining import rfc_section

        yield "Standards", [Text("; ".join(map(rfc_section, scenario.rfc)))]
    yield "How to run it", explanation.commands
    yield "Where to find it", list(_whereabouts(scenario))


def _duties(explanation: Explanation) -> Iterator[Text]:
    from rich.text import Text

    from fakesmtp.cli.explaining import rfc_section

    outcome = explanation.scenario.outcome
    yield Text.assemble((outcome, outcome), ": ", explanation.duty) if outcome else Text(explanation.duty)
    for duty in explanation.duties:
        sections = f" ({'; '.join(map(rfc_section, duty.rfc))})" if duty.rfc else ""
        yield Text.assemble(duty.text, (sections, "quiet"))


def _transcript(explanation: Explanation) -> Iterator[tuple[str, Text]]:
    from rich.text import Text

    from fakesmtp.cli.rehearsal.telling import tell

    for row in tell(explanation.rehearse()):
        said = style_reply(row.text) if row.speaker == "S" else Text(row.text)
        remark = (f"  # {row.remark}" if row.remark else "", "quiet")
        yield f"{row.speaker}:" if row.speaker else "--", Text.assemble(said, remark)


def _whereabouts(scenario: Scenario) -> Iterator[str]:
    from fakesmtp.cli.explaining import is_by_rule

    by_rule = "it has no file: its name is the rule. `fakesmtp list --family` shows the families of such names"
    yield by_rule if is_by_rule(scenario) else scenario.place.file
    if scenario.aliases:
        yield f"also called {', '.join(scenario.aliases)}"
    if scenario.tags:
        yield f"tagged {', '.join(scenario.tags)}"


def _wrong(explanation: Explanation) -> Iterator[RenderableType]:
    from rich.text import Text

    rules = explanation.rules
    if explanation.scenario.script is not None:
        yield from _script(explanation.scenario.script)
    elif not rules:
        yield Text(wrong_without_rules(explanation.scenario))
    told: set[str] = set()
    for rule in rules:
        yield from _rule(rule, told)


def wrong_without_rules(scenario: Scenario) -> str:
    """What goes wrong where no rule says it."""
    if scenario.address or any(listener.state != "open" for listener in scenario.listeners):
        return "Before the first byte: see the server, below."
    return "Nothing." if is_ordinary(scenario) else "No rule: it is the server itself, see below."


def is_ordinary(scenario: Scenario) -> bool:
    """Whether the server has the usual list, credentials, certificate, zone, bounds and clock."""
    from fakesmtp.scenario.model import Scenario as Made
    from fakesmtp.scenario.model import Tls

    usual = Made(scenario.name, tls=Tls(scenario.tls.mode))
    offered = ("capabilities", "capabilities_in_tls", "accounts", "auth", "tls", "persona")
    around = ("dns", "pop3", "limits", "clock", "sessions")
    return all(getattr(scenario, name) == getattr(usual, name) for name in (*offered, *around))


def _script(script: Script) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    from fakesmtp.cli.conversation import phrase_script

    for which, lines in phrase_script(script).items():
        yield Text.assemble("in ", (which, "heading"))
        for speaker, text in lines:
            said = style_reply(text) if speaker == "S" else Text(text)
            yield Padding(Text(f"{speaker}: " if speaker else "-- ", "quiet") + said, (0, 0, 0, 3))


def _rule(rule: RuleInWords, told: set[str]) -> Iterator[RenderableType]:
    """:param told: what was said of faults before; it is not said again."""
    from rich.padding import Padding
    from rich.text import Text

    yield Text.assemble("at ", (", ".join(rule.stages), "heading"), "  ", (rule.name, "quiet"))
    lines = [f"{'and' if number else 'when'} {condition}" for number, condition in enumerate(rule.when)]
    for line in [*lines, *([rule.counting] if rule.counting else [])]:
        yield Padding(Text(line), (0, 0, 0, 3))
    for deed in rule.deeds:
        for part in _deed(deed, told):
            yield Padding(part, (0, 0, 0, 3))


def _deed(deed: Deed, told: set[str]) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    yield Text(deed.text)
    if deed.meaning and deed.meaning not in told:
        told.add(deed.meaning)
        yield Padding(Text(deed.meaning, "quiet"), (0, 0, 0, 3))
    for stages, reply in _by_reply(deed).items():
        for line in reply.splitlines():
            where = Text(f"{stages}: ", "quiet") if len(set(deed.replies.values())) > 1 else Text()
            yield Padding(where + style_reply(line), (0, 0, 0, 3))
    if deed.words:
        yield Padding(Text(f"({deed.words})", "quiet" if deed.sure else "soft"), (0, 0, 0, 3))


def _by_reply(deed: Deed) -> dict[str, str]:
    """Stages that share a reply, and the reply."""
    shared: dict[str, list[str]] = {}
    for stage, reply in deed.replies.items():
        shared.setdefault(reply, []).append(stage)
    return {", ".join(stages): reply for reply, stages in shared.items()}


def _documents(explanation: Explanation) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    for documented in explanation.scenario.documents:
        yield Text.assemble(documented.document, ("  case ", "quiet"), documented.case)
        yield Padding(grid(documented.message.items()), (0, 0, 0, 3))


def grid(rows: Iterable[tuple[str, str | Text]], *, gap: int = 2) -> RenderableType:
    """Labels and texts in two columns."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, gap))
    table.add_column(style="quiet", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(label, Text(text) if isinstance(text, str) else text)
    return table
