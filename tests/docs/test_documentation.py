"""The documentation is true: examples are read, commands run, tables name everything there is, links lead somewhere.

What stands in an HTML comment in the line before a block or a table says what it is:

- ``<!-- fragment -->``: YAML that is not a whole scenario;
- ``<!-- file: NAME -->``: the block is also a file, in the folder in which the document's commands run;
- ``<!-- append: PATH -->``: the block is put at the end of a file of the repository, in a copy of it;
- ``wrong`` or ``doubtful`` behind it: a scenario that has errors, or warnings;
- ``<!-- tested -->``: the commands behind ``$`` are run, and their output is compared; ``<!-- tested: curl -->`` where
  curl is installed. A line ``…`` stands for any lines; ports, times, seeds and folders are not compared;
- ``<!-- not tested: why -->``: a console block that is not run;
- ``<!-- table: NAME -->``: the first column names exactly what the program knows (:data:`TABLES`).
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import click
import pytest
from click.testing import CliRunner

import fakesmtp
from fakesmtp.cli import VERBS, main
from fakesmtp.cli.demo_ import SELECTION
from fakesmtp.cli.documents import CASES
from fakesmtp.cli.options import common_options
from fakesmtp.cli.status import Status
from fakesmtp.faults import FAULTS
from fakesmtp.faults.registry import Kind
from fakesmtp.journal.events import KINDS as ENTRIES
from fakesmtp.protocol.stages import STAGES, Stage
from fakesmtp.protocol.transitions import Phase
from fakesmtp.scenario import library, mailboxes, reader, rules, scripts, surroundings
from fakesmtp.scenario.build import settings_for
from fakesmtp.scenario.conditions import LANGUAGES
from fakesmtp.scenario.expectations import EXPECTATIONS
from fakesmtp.scenario.facts import FACTS
from fakesmtp.scenario.persona import DEFAULT, load_persona, persona_names, refusal_names
from fakesmtp.scenario.policy import ScenarioPolicy
from fakesmtp.scenario.schema import make_schema
from fakesmtp.tls.certificates import KINDS as CERTIFICATES

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PACKAGE: Final = Path(fakesmtp.__file__).parent
DOCUMENTS: Final = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
PATIENCE: Final = 100.0
"""Seconds that the commands of one block may take."""

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


# ---------------------------------------------------------------------- reading Markdown


@attrs.frozen
class Block:
    """A fenced block, and the comment before it."""

    document: Path
    line: int
    language: str
    mark: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.document.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that it also is."""
        found = re.match(r"(?:file|append): ([^,]+)", self.mark)
        return found[1] if found else None

    @property
    def appends(self) -> bool:
        return self.mark.startswith("append:")


@attrs.frozen
class Table:
    """A marked table: its rows as cells."""

    document: Path
    line: int
    name: str
    rows: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> list[str]:
        """What stands in code in the first column."""
        return [name for row in self.rows for name in re.findall(r"`([^`]+)`", row[0])]


_COMMENT: Final = re.compile(r"<!-- (.*?) -->\s*$")
_CELLS: Final = re.compile(r"(?<!\\)\|")


@functools.cache
def lines_of(document: Path) -> list[str]:
    return document.read_text("utf-8").splitlines()


def _comment(lines: list[str], index: int) -> str:
    found = _COMMENT.match(lines[index - 1].strip()) if index else None
    return found[1] if found else ""


def blocks(document: Path, language: str | None = None) -> Iterator[Block]:
    """The fenced blocks of a document."""
    lines, start = lines_of(document), None
    for index, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = index
            continue
        text = "".join(f"{each}\n" for each in lines[start + 1 : index])
        block = Block(document, start + 2, lines[start][3:].strip(), _comment(lines, start), text)
        start = None
        if language in (None, block.language):
            yield block


def prose(document: Path) -> Iterator[tuple[int, str]]:
    """The lines outside fenced blocks, with their numbers."""
    inside = False
    for number, line in enumerate(lines_of(document), 1):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield number, line


def tables(document: Path) -> Iterator[Table]:
    """The marked tables of a document."""
    lines = lines_of(document)
    for index, line in enumerate(lines):
        mark = _comment(lines, index)
        if mark.startswith("table: ") and line.startswith("|"):
            body = lines[index + 2 :][: _height(lines[index + 2 :])]
            yield Table(document, index + 1, mark[7:], tuple(tuple(_split(row)) for row in body))


def _height(lines: list[str]) -> int:
    return next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))


def _split(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELLS.split(row.strip().strip("|"))]


def table(name: str) -> Table:
    """The table of that name; each is there once."""
    found = [each for document in DOCUMENTS for each in tables(document) if each.name == name]
    assert len(found) == 1, f"there are {len(found)} tables named {name!r}"
    return found[0]


# ---------------------------------------------------------------------- YAML


def _yaml_blocks() -> list[Block]:
    return [block for document in DOCUMENTS for block in blocks(document, "yaml") if block.mark != "fragment"]


@pytest.mark.parametrize("block", _yaml_blocks(), ids=lambda block: block.place)
def test_every_example_is_a_scenario(block: Block, tmp_path: Path) -> None:
    path = tmp_path / Path(block.file or "example.yaml").name
    path.write_text(block.text, "utf-8")
    reading = reader.read_file(path, find=library.find_beside)
    told = "\n".join(problem.render() for problem in reading.problems)
    if block.mark.endswith(", wrong"):
        assert reading.errors
        return
    assert bool(reading.warnings) == block.mark.endswith(", doubtful"), told
    scenario = reading.require()
    assert ScenarioPolicy(scenario, clock=lambda: 0.0, seed=1).stages == {s for r in scenario.rules for s in r.stages}
    assert all(settings_for(scenario, listener) for listener in scenario.listeners)


# ---------------------------------------------------------------------- tables


def _options(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option)]


@functools.cache
def _shared() -> tuple[click.Option, ...]:
    """The options that every verb which starts a server has."""
    return tuple(_options(click.command()(common_options(port=0)(lambda **given: None))))


def _verb(name: str) -> click.Command:
    assert isinstance(main, click.Group)
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


def _kinds(kind: Kind) -> list[str]:
    return [name for name, entry in FAULTS.items() if entry.kind is kind]


def _operators() -> set[str]:
    return {name for language in LANGUAGES.values() for name in language.operators}


TABLES: Final[dict[str, Callable[[], Collection[str]]]] = {
    "keys": lambda: reader.KEYS,
    "rule keys": lambda: rules.KEYS,
    "stages": lambda: STAGES,
    "facts": lambda: FACTS,
    "matchers": lambda: {*_operators(), "within", "none", "any", "true", "false"},
    "answering": lambda: _kinds(Kind.ANSWERING),
    "shaping": lambda: _kinds(Kind.SHAPING),
    "effects": lambda: _kinds(Kind.EFFECT),
    "refusals": lambda: load_persona(DEFAULT).refusals,
    "refusals of personas": lambda: set(refusal_names()) - load_persona(DEFAULT).refusals.keys(),
    "personas": persona_names,
    "tls": lambda: surroundings.TLS_READERS,
    "certificates": lambda: CERTIFICATES,
    "listeners": lambda: surroundings.LISTENER_READERS,
    "pop3": lambda: mailboxes.POP3_READERS,
    "pop3 refusals": lambda: mailboxes.REFUSALS,
    "limits": lambda: {*surroundings.LIMIT_READERS, "sessions"},
    "expectations": lambda: EXPECTATIONS,
    "steps": lambda: {*scripts.STEPS, *scripts.WORDS},
    "verbs": lambda: VERBS,
    "statuses": lambda: {str(int(status)) for status in Status} | {"128+n"},
    "options": lambda: {name for option in _shared() for name in option.opts},
    "kinds": lambda: ENTRIES,
    "rooms": lambda: {f"fakesmtp/{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")} | {"scenarios/"},
}
"""By table: what its first column must name, no more and no less."""


@pytest.mark.parametrize("name", TABLES)
def test_a_table_names_everything_there_is(name: str) -> None:
    found = table(name)
    place = f"{found.document.name}:{found.line}"
    missing = set(TABLES[name]()) - set(found.names)
    stale = set(found.names) - set(TABLES[name]())
    assert not missing, f"{place}: the table of {name} lacks {sorted(missing)}"
    assert not stale, f"{place}: the table of {name} has what there is not: {sorted(stale)}"
    assert len(found.names) == len(set(found.names)), f"{place}: a name stands twice in the table of {name}"


def test_every_marked_table_is_known() -> None:
    ours = {each.name for document in DOCUMENTS for each in tables(document)}
    assert ours - TABLES.keys() - {f"options of {verb}" for verb in VERBS} == set()


def _code(cell: str) -> str:
    found = re.fullmatch(r"`(.+)`", cell)
    assert found, f"an example in code was expected, not {cell!r}"
    return found[1]


def _examples(name: str) -> list[tuple[str, str]]:
    """The first and the last column of a table."""
    return [(row[0].strip("`"), _code(row[-1])) for row in table(name).rows]


def _errors(text: str) -> str:
    return "\n".join(problem.render() for problem in reader.read(text, "example.yaml").errors)


@pytest.mark.parametrize(("fact", "example"), [*_examples("facts"), *_examples("matchers")])
def test_every_example_of_a_fact_is_understood(fact: str, example: str) -> None:
    assert fact not in FACTS or example.startswith(f"{{{fact}: ")
    asked = example.strip("{").partition(":")[0]
    known = FACTS[asked].stages
    at = next(stage for stage in ("rcpt", "end-of-data", "bdat", "content", "auth") if known is None or stage in known)
    assert not _errors(f"rules:\n  - {{at: {at}, when: {example}, reply: 550 5.7.1 No}}")


@pytest.mark.parametrize(
    ("action", "example"), [each for name in ("answering", "shaping", "effects") for each in _examples(name)]
)
def test_every_example_of_an_action_is_understood(action: str, example: str) -> None:
    assert example.strip("{").partition(":")[0].strip("}") == action
    possible = rules.POSSIBLE.get(action, ({Stage.RCPT}, ""))[0]
    at = Stage.RCPT if Stage.RCPT in possible else next(iter(possible))
    assert not _errors(f"tls: starttls\nrules:\n  - {{at: {at}, name: example, do: [{example}]}}")


@pytest.mark.parametrize(("name", "example"), _examples("expectations"))
def test_every_example_of_an_expectation_is_understood(name: str, example: str) -> None:
    assert example.startswith(f"{{{name}: ")
    assert not _errors(f"expect: {example}")


def test_the_settings_of_faults_are_named() -> None:
    cells = {row[0].strip("`"): row[1] for name in ("answering", "shaping", "effects") for row in table(name).rows}
    settings = [(name, each.name.replace("_", "-")) for name, entry in FAULTS.items() for each in entry.settings]
    assert not [f"{fault}: {setting}" for fault, setting in settings if f"`{setting}`" not in cells[fault]]


def test_the_words_of_expectations_are_named() -> None:
    words = {row[0].strip("`"): set(re.findall(r"`([^`]+)`", row[1])) for row in table("expectations").rows}
    assert words == {name: set(each) for name, each in EXPECTATIONS.items()}


def test_refusals_are_shown_in_the_default_personas_words() -> None:
    words = load_persona(DEFAULT).refusals
    expected = [(f"`{name}`", f"`{each.stage}`", f"`{each.template.text}`") for name, each in words.items()]
    assert list(table("refusals").rows) == expected


def test_refused_logins_are_shown_in_their_words() -> None:
    assert {name.strip("`"): words.strip("`") for name, words in table("pop3 refusals").rows} == mailboxes.REFUSALS


def test_every_key_that_the_schema_knows_is_named() -> None:
    document = DOCS / "scenarios.md"
    codes = [code for _, line in prose(document) for code in re.findall(r"`[^`]+`", line)]
    said = set(re.findall(r"[\w-]+", " ".join([*codes, *(block.text for block in blocks(document, "yaml"))])))
    assert not [name for name in sorted(_properties(make_schema())) if name not in said and name.upper() not in said]


def _properties(schema: Any) -> set[str]:
    """The names of all properties, wherever they stand in the schema."""
    if isinstance(schema, list):
        return set().union(*map(_properties, schema))
    if not isinstance(schema, dict):
        return set()
    named = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    return named.union(*map(_properties, schema.values()))


def test_refusals_of_personas_are_shown_with_their_owners() -> None:
    for name, persona, stage, code in table("refusals of personas").rows:
        owner = load_persona(persona.strip("`"))
        each = owner.refusals[name.strip("`")]
        assert (stage.strip("`"), code) == (each.stage, str(each.template.code)), name


def test_stages_say_what_success_is() -> None:
    for name, _, success in table("stages").rows:
        facts = STAGES[Stage(name.strip("`"))]
        expected = ", ".join(f"{digit}xx" for digit in facts.success) if facts.reply_owed else ""
        assert success == expected, name


def test_closed_lists_beside_tables_are_complete() -> None:
    text = (DOCS / "scenarios.md").read_text("utf-8")
    for words in (surroundings.RECORD_TYPES, surroundings.FAILURES, surroundings.TLS_VERSIONS, surroundings.FAMILIES):
        assert not [word for word in words if not re.search(rf"[`\[ ]{re.escape(word)}[`\], ]", text)]


def test_the_phases_of_a_session_are_explained() -> None:
    text = (DOCS / "architecture.md").read_text("utf-8")
    assert not [phase.name for phase in Phase if f"`{phase.name}`" not in text]


# ---------------------------------------------------------------------- the command line


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_is_explained(verb: str) -> None:
    options = {option.name: option for option in _options(_verb(verb))}
    shared = {option.name for option in _shared()}
    serves = shared <= options.keys()
    own = {name for key, option in options.items() if not (serves and key in shared) for name in option.opts}
    named = [each for document in DOCUMENTS for each in tables(document) if each.name == f"options of {verb}"]
    assert own == {name for each in named for name in each.names}


def test_every_option_and_variable_that_is_named_exists() -> None:
    known = {name for verb in VERBS for option in _options(_verb(verb)) for name in option.opts}
    known |= {name for option in _options(main) for name in option.opts} | {"--help", "--"}
    known |= _options_in_pytest()
    variables = _variables()
    for document in DOCUMENTS:
        for number, line in prose(document):
            said = {word for code in re.findall(r"`([^`]+)`", line) for word in code.split() if word.startswith("--")}
            said = {word.partition("=")[0] for word in said}
            assert said <= known, f"{document.name}:{number}: {sorted(said - known)}"
            named = set(re.findall(r"\b(?:FAKESMTP|SMTP)_[A-Z_]+\b", line))
            assert named <= variables, f"{document.name}:{number}: {sorted(named - variables)}"


def _options_in_pytest() -> set[str]:
    from fakesmtp.testing.choices import add_options

    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    return {name for group in parser._groups for option in group.options for name in option.names()}


def _variables() -> set[str]:
    from fakesmtp.cli.placeholders import variables

    ready: dict[str, Any] = {"host": "", "port": 0, "address": "", "ca": "", "scenario": "", "control": "x"}
    ready |= {"dns": {"host": "", "port": 0}, "pop3": {"host": "", "port": 0, "user": "", "password": ""}}
    given = {str(each.envvar) for verb in VERBS for each in _verb(verb).params if each.envvar}
    return given | set(variables({**ready, "listeners": {"smtp": {"tls": "none"}}}))


def test_every_variable_is_explained() -> None:
    text = (DOCS / "command-line.md").read_text("utf-8")
    assert not [name for name in sorted(_variables()) if f"`{name}`" not in text and not _is_derived(name)]


def _is_derived(name: str) -> bool:
    """An option's variable is named by a rule: FAKESMTP_ and its name."""
    long = {max(option.opts, key=len)[2:].upper().replace("-", "_") for option in _shared()}
    return name.removeprefix("FAKESMTP_") in long


# ---------------------------------------------------------------------- commands


@attrs.frozen
class Said:
    """A command, and what it is said to print."""

    command: str
    output: str


def _commands(block: Block) -> list[Said]:
    found: list[Said] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Said(line[2:], ""))
        elif line.startswith("> ") and found and not found[-1].output:
            found[-1] = attrs.evolve(found[-1], command=f"{found[-1].command}\n{line[2:]}")
        else:
            assert found, f"{block.place}: output before the first command"
            found[-1] = attrs.evolve(found[-1], output=f"{found[-1].output}{line}\n")
    return found


_END: Final = "\x1e"
_NOT_COMPARED: Final = [
    (re.compile(pattern, re.MULTILINE), told)
    for pattern, told in (
        (r"(127\.0\.0\.1|0\.0\.0\.0|\[::1\]):\d+", r"\1:PORT"),
        (r"\b(smtp|submission|lmtp|port) \d{4,5}\b", r"\1 PORT"),
        (r'("(?:port|peer-port|pid|seed)": ?)\d+', r"\1N"),
        (r"\bseed \d+", "seed N"),
        (r"\(pid \d+\)", "(pid N)"),
        (r'("(?:elapsed|lasted)": ?)[\d.e-]+', r"\1S"),
        (r"^((?:\[\d+\])? *)\d+\.\d{3}(?=  [CS-])", r"\1S"),
        (r"in \d+\.\d+ ?s\b", "in S s"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)? ?[+-]\d\d:?\d\d", "TIME"),
        (r"tcp\.port==\d+", "tcp.port==PORT"),
        (r"until \d{4}-\d\d-\d\d", "until DATE"),
        (r"TLSv1\.\d \w+", "TLS CIPHER"),
        (r'"(version|cipher)": ?"[^"]+"', r'"\1":"TLS"'),
        (r"[^\s\"]*/fakesmtp-\w+/", "/tmp/fakesmtp-RUN/"),
        (r"[^\s\"]*/scenarios/(?=\w+/)", "…/scenarios/"),
        (r"version \d\S*", "version V"),
        (r"\((\S+\.yaml):\d+\)", r"(\1:LINE)"),
        (r"[ \t\r]+$", ""),
        (r"(?<=\S) {2,}", "  "),
    )
]


def _comparable(text: str) -> str:
    for pattern, told in _NOT_COMPARED:
        text = pattern.sub(told, text)
    return f"{text.rstrip()}\n" if text.strip() else ""


def _matches(expected: str, found: str) -> bool:
    lines = ["(?:.*\n)*?" if line.strip() == "…" else re.escape(f"{line}\n") for line in expected.splitlines()]
    return re.fullmatch("".join(lines), found) is not None


class Workplace:
    """The folder in which a document's commands run: its files, and ``fakesmtp`` and ``python3`` on the path."""

    def __init__(self, document: Path, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        files = [block for block in blocks(document) if block.file is not None]
        if any((block.file or "").startswith(("fakesmtp/", "tests/")) for block in files):
            self._copy_repository()
        for block in files:
            path = self.folder / (block.file or "")
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text("utf-8") if block.appends else ""
            path.write_text(f"{before}{block.text}", "utf-8")
        self.environment = self._environment(folder)

    def _copy_repository(self) -> None:
        passed_over = shutil.ignore_patterns("__pycache__", ".hypothesis")
        for name in ("fakesmtp", "scenarios", "tests"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=passed_over)
        shutil.copy(ROOT / "pyproject.toml", self.folder)

    def _environment(self, folder: Path) -> dict[str, str]:
        programs = folder / "bin"
        programs.mkdir()
        for name, module in (("fakesmtp", "-m fakesmtp"), ("python3", ""), ("pytest", "-m pytest")):
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
            (programs / name).chmod(0o755)
        ours = {name for name in os.environ if name.startswith(("FAKESMTP", "PYTEST", "COV"))}
        kept = {name: value for name, value in os.environ.items() if name not in {*ours, "COLUMNS", "NO_COLOR"}}
        source = self.folder if (self.folder / "fakesmtp").is_dir() else ROOT
        fixed = {"PYTHONPATH": str(source), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}
        return {**kept, **fixed, "PATH": f"{programs}{os.pathsep}{kept.get('PATH', os.defpath)}"}

    def run(self, commands: list[Said]) -> list[str]:
        """The output of each command, all run by one shell."""
        script = f"mark() {{ local status=$?; printf '{_END}\\n'; return $status; }}\n"
        script += "".join(f"{each.command}\nmark\n" for each in commands)
        with subprocess.Popen(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as shell:
            try:
                output = shell.communicate(timeout=PATIENCE)[0].decode("utf-8", "replace")
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, 9)
                raise
        *outputs, rest = output.split(f"{_END}\n")
        assert len(outputs) == len(commands), f"the shell has ended early: {output}"
        assert not rest
        return outputs


def _programs(block: Block) -> list[str]:
    """What must be installed for the block to run."""
    return re.findall(r"[\w-]+", block.mark.removeprefix("tested").removeprefix(":"))


def _tested(document: Path) -> list[Block]:
    return [block for block in blocks(document, "console") if block.mark.startswith("tested")]


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if _tested(each)], ids=lambda path: str(path.relative_to(ROOT))
)
def test_commands_print_what_they_are_said_to(document: Path, tmp_path: Path) -> None:
    place = Workplace(document, tmp_path)
    wrong = []
    for block in _tested(document):
        if not all(map(shutil.which, _programs(block))):
            continue
        commands = _commands(block)
        for said, found in zip(commands, place.run(commands), strict=True):
            if not _matches(_comparable(said.output), _comparable(found)):
                wrong.append(f"{block.place}\n$ {said.command}\n{found}--- but it is said to print\n{said.output}")
    assert not wrong, "\n".join(wrong)


@each_document
def test_every_command_in_a_console_block_is_tested_or_says_why_not(document: Path) -> None:
    shown = [
        block for block in blocks(document, "console") if re.search(r"^\$ .*\bfakesmtp\b", block.text, re.MULTILINE)
    ]
    assert not [block.place for block in shown if not re.match(r"tested|not tested: \S", block.mark)]


@each_document
def test_shell_blocks_are_shell(document: Path) -> None:
    for block in blocks(document, "sh"):
        checked = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
        assert not checked.stderr, f"{block.place}: {checked.stderr}"


@each_document
def test_python_blocks_are_files_that_commands_use(document: Path) -> None:
    """Nothing on a page is only read: each block is a file, and a command or another file names it."""
    used = "".join(block.text for block in blocks(document) if block.language in ("console", "python"))
    for block in blocks(document, "python"):
        compile(block.text, block.place, "exec")
        assert block.file, f"{block.place}: what is not run goes stale"
        name = Path(block.file).stem
        is_part = block.file.startswith("fakesmtp/")  # of a room whose modules are found by themselves
        assert is_part or re.search(rf"\b{name}\b", used.replace(block.text, "")), f"{block.place}: unused"


# ---------------------------------------------------------------------- numbers

_WORDS: Final = {"four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13}
_WORDS.update({"fourteen": 14, "nineteen": 19, "twenty": 20, "twenty-one": 21, "twenty-two": 22})
NUMBERS: Final[dict[str, Callable[[], int]]] = {
    r"Gmail and (\w+) others": lambda: len(persona_names()) - len({DEFAULT, "postfix", "exchange", "gmail"}),
    r"plays (\w+) failures": lambda: len(SELECTION),
    r"of (\w+) products": lambda: len(CASES),
    r"there are ([\w-]+) others that are bad or unusual": lambda: len(CERTIFICATES) - 1,
}
"""What the front page counts, and what it is the number of."""


@pytest.mark.parametrize("pattern", NUMBERS)
def test_the_front_page_counts_right(pattern: str) -> None:
    found = re.search(pattern, " ".join(lines_of(DOCUMENTS[0])))
    assert found, f"README.md no longer says: {pattern}"
    assert _WORDS[found[1]] == NUMBERS[pattern]()


def test_the_front_page_finds_what_it_says_can_be_found() -> None:
    commands = {code for _, line in prose(DOCUMENTS[0]) for code in re.findall(r"`(fakesmtp list [^`]+)`", line)}
    assert len(commands) >= 4
    for command in commands:
        result = CliRunner().invoke(main, shlex.split(command)[1:])
        assert result.exit_code == Status.OK, (command, result.output)


def test_the_front_page_does_not_boast_of_scenarios_and_is_not_too_modest() -> None:
    found = re.search(r"More than (\d+) failures by name", " ".join(lines_of(DOCUMENTS[0])))
    assert found
    failures = [each for path in library.files(library.built_in()) if (each := library.listed(path)).name != "healthy"]
    assert int(found[1]) < len(failures) <= int(found[1]) + 100


# ---------------------------------------------------------------------- links


def _links(document: Path) -> Iterator[tuple[int, str]]:
    for number, line in prose(document):
        bare = re.sub(r"`[^`]*`", "code", line)
        yield from ((number, link) for link in re.findall(r"\]\(([^)\s]+)\)", bare))


def _anchors(document: Path) -> set[str]:
    """The anchors of headings, as code forges make them."""
    headings = [line.lstrip("#").strip() for _, line in prose(document) if re.match(r"#+ ", line)]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    dead = []
    for number, link in _links(document):
        path, _, anchor = link.partition("#")
        if re.match(r"\w+:", path):
            continue
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            dead.append(f"{document.name}:{number}: {link}")
    assert not dead


def test_the_index_lists_every_document() -> None:
    listed = {link for _, link in _links(DOCS / "README.md")}
    assert {path.name for path in DOCS.glob("*.md")} - {"README.md"} <= listed
