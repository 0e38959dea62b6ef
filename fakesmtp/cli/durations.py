"""Durations on the command line."""

from __future__ import annotations

from typing import Any

import click

from fakesmtp.protocol.units import parse_duration


class Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``30s``, ``5m``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        try:
            return value if isinstance(value, float) else parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
