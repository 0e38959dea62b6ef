"""``fakesmtp completion``: completion of verbs, options and scenario names in the shell."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Final

import click

from fakesmtp.cli.status import Status

VARIABLE: Final = "_FAKESMTP_COMPLETE"
"""The variable with which the shell asks for completions."""
INSTALL: Final = {
    "bash": (
        "mkdir -p ~/.local/share/bash-completion/completions",
        "fakesmtp completion bash > ~/.local/share/bash-completion/completions/fakesmtp",
        '(needs the package bash-completion; or in ~/.bashrc:  eval "$(fakesmtp completion bash)")',
    ),
    "zsh": (
        "mkdir -p ~/.zfunc",
        "fakesmtp completion zsh > ~/.zfunc/_fakesmtp",
        "(with  fpath+=~/.zfunc  before  autoload -Uz compinit; compinit  in ~/.zshrc)",
    ),
    "fish": (
        "mkdir -p ~/.config/fish/completions",
        "fakesmtp completion fish > ~/.config/fish/completions/fakesmtp.fish",
    ),
}
"""How to install it, by shell."""


@click.command("completion")
@click.argument("shell", type=click.Choice(list(INSTALL)), required=False)
def command(shell: str | None) -> int:
    """Print the completion script for SHELL (default: yours), with how to install it at its head."""
    click.echo(make_script(shell or _own_shell()))
    return Status.OK


def _own_shell() -> str:
    name = PurePath(os.environ.get("SHELL", "")).name
    if name not in INSTALL:
        raise click.UsageError(f"say for which shell: {', '.join(INSTALL)}")
    return name


def make_script(shell: str) -> str:
    """The script, with comments that say how to install it."""
    from click.shell_completion import get_completion_class

    from fakesmtp.cli import main

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    first, _, rest = kind(main, {}, "fakesmtp", VARIABLE).source().strip().partition("\n")
    told = "\n".join(f"#   {line}" for line in INSTALL[shell])
    head = f"# Completion of fakesmtp in {shell}, in new shells after:\n{told}"
    # zsh looks for #compdef in the first line of a file.
    return f"{first}\n{head}\n{rest}" if first.startswith("#compdef") else f"{head}\n{first}\n{rest}"
