from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from fakesmtp.cli.console import PIPE_WIDTH, UNBROKEN, listed, make_console, print_json, style_reply

from .running import run, spawn


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def neutral(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "COLUMNS", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def printed(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *arguments: Any) -> str:
    monkeypatch.setattr(sys, "stdout", stream)
    make_console(*arguments).print("words", style="bad")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("terminal", "color", "no_color", "colored"),
    [
        (True, "auto", False, True),
        (True, "auto", True, False),
        (True, "never", False, False),
        (True, "always", True, True),
        (False, "auto", False, False),
        (False, "always", False, True),
        (False, "never", False, False),
    ],
)
def test_colour(monkeypatch: pytest.MonkeyPatch, terminal: bool, color: str, no_color: bool, colored: bool) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    text = printed(monkeypatch, Terminal() if terminal else io.StringIO(), color)
    assert text == ("\x1b[31mwords\x1b[0m\n" if colored else "words\n")


def test_an_empty_no_color_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[31m" in printed(monkeypatch, Terminal(), "auto")


def test_the_environment_may_choose_the_colour() -> None:
    assert "\x1b[" in run("vocabulary", "stages", environment={"FAKESMTP_COLOR": "always"}).stdout
    assert "\x1b[" not in run("vocabulary", "stages").stdout


def test_the_width_of_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (make_console().width, make_console(unbroken=True).width) == (PIPE_WIDTH, UNBROKEN)
    monkeypatch.setenv("COLUMNS", "72")
    assert (make_console().width, make_console(unbroken=True).width) == (72, 72)
    monkeypatch.setenv("COLUMNS", "wide")
    assert make_console().width == PIPE_WIDTH


def test_what_an_encoding_cannot_say_is_escaped() -> None:
    result = spawn("vocabulary", "personas", environment={"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"})
    assert (result.status, result.stderr) == (0, "")
    assert "Wiz98 (\\u30a6\\u30a3\\u30ba98) mail server" in result.stdout


def test_json_keeps_its_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"ja": "認証"})
    assert capsys.readouterr().out == '{\n  "ja": "認証"\n}\n'


@pytest.mark.parametrize(
    ("reply", "style"),
    [("250 OK", "good"), ("354 Go", "good"), ("421 Later", "soft"), ("550 No", "bad"), ("5x", ""), ("", "")],
)
def test_replies_have_the_colour_of_their_class(reply: str, style: str) -> None:
    assert (str(style_reply(reply)), style_reply(reply).style) == (reply, style)


@pytest.mark.parametrize(
    ("words", "sentence"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_in_a_sentence(words: list[str], sentence: str) -> None:
    assert listed(words) == sentence


@pytest.mark.parametrize("verb", ["list", "show", "check", "vocabulary", "schema", "ca", "wait", "completion", "demo"])
def test_every_verb_has_help(verb: str) -> None:
    result = run(verb, "--help")
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: fakesmtp {verb}")


def test_help_needs_nothing_heavy() -> None:
    code = (
        "import sys; from fakesmtp.cli import run\n"
        "for verb in ('list', 'show', 'check', 'vocabulary', 'schema', 'ca', 'wait', 'completion', 'demo'):\n"
        "    run([verb, '--help'])\n"
        "heavy = ('rich', 'twisted', 'cryptography', 'OpenSSL', 'ruamel')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    assert spawn_code(code) == "[]\n"


def spawn_code(code: str) -> str:
    import subprocess

    from .running import PATIENCE, make_environment

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=make_environment({}),
        check=True,
    )
    return done.stderr
