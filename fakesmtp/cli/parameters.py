"""What values of options look like."""

from __future__ import annotations

from typing import Any

import click


class Speed(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``10x`` or ``10``: virtual seconds in a real one."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The factor."""
        if isinstance(value, float):
            return value
        try:
            factor = float(str(value).lower().removesuffix("x"))
        except ValueError:
            factor = 0.0
        if not 0 < factor < 1e9:
            self.fail(f"{value!r} is no speed: give a factor above 0, as in 10x or 0.5", param, ctx)
        return factor


class Address(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``8025``, or with an address before it, ``0.0.0.0:8025`` or ``[::1]:8025``."""

    name = "[HOST:]PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """The address and the port."""
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        if not (port.isascii() and port.isdigit() and int(port) < 65536):
            self.fail(f"{value!r} is no port. Write --control=0 for any free one, then the scenario", param, ctx)
        return host.strip("[]") or "127.0.0.1", int(port)


class Change(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``KEY=VALUE``. In the environment each has a line of its own, as values have blanks."""

    name = "KEY=VALUE"
    envvar_list_splitter = "\n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        text = str(value)
        if not text.partition("=")[0].strip() or "=" not in text:
            self.fail(f"{text!r} is not KEY=VALUE, as in rules.first-try.chance=1", param, ctx)
        return text
