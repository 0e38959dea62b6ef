"""Shell completion of names: asked for at each press of the tab key, so nothing here may be slow or fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem
