"""Shell completion of names: asked for at each press of the tab key, so nothing here may be slow or fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_scenario(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of scenarios, and then files."""
    from click.shell_completion import CompletionItem

    from fakesmtp.scenario import library, naming

    # Reading the scenarios for their summaries would take longer than a person waits for the tab key.
    names = {path.stem for folder in library.folders() for path in library.files(folder)}
    if "-" in incomplete:  # rcpt- is completed to all of its codes; they would hide the others before that
        names.update(naming.names())
    found = [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def complete_persona(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of personas."""
    from click.shell_completion import CompletionItem

    from fakesmtp.scenario.persona import persona_names

    return [CompletionItem(name) for name in persona_names() if name.startswith(incomplete)]
