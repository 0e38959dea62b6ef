"""The plugin's options: on pytest's command line and in its configuration file, with the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import pytest

from fakesmtp.testing.markers import parse_speed

JOURNALS: Final = ("off", "on", "retain-on-failure")
"""When a test's journal is written to a file."""
RANDOM: Final = "random"
SHARED_SEED: Final = "fakesmtp_seed"
"""Among what the workers of pytest-xdist are given."""


class Choices(NamedTuple):
    """What was chosen for the whole run of pytest."""

    seed: int | None
    """``None``: the scenario's own, else the plugin's."""
    speed: float | None
    journal: str
    journal_dir: Path
    """Where journals are written."""
    plugins: tuple[str, ...]
    """Modules with faults and matchers of the project's own, for the server to import."""


CHOICES: Final = pytest.StashKey[Choices]()


def add_options(parser: pytest.Parser) -> None:
    """Add ``--fakesmtp-…`` and ``fakesmtp_…``."""
    group = parser.getgroup("fakesmtp", "fakesmtp: a test SMTP server that fails as asked")
    for name, metavar, told in (
        ("seed", "N", "seed of all chances; `random` draws one and shows it (default: the scenario's own, or 1)"),
        ("speed", "10x", "scale every wait and window of the server"),
        ("journal", "WHEN", f"write each test's journal to a file: {', '.join(JOURNALS)} (default: off)"),
        ("journal-dir", "DIR", "where journals are written (default: .fakesmtp in the root directory)"),
    ):
        group.addoption(f"--fakesmtp-{name}", metavar=metavar, default=None, help=told)
        parser.addini(f"fakesmtp_{name.replace('-', '_')}", f"as --fakesmtp-{name}: {told}", default=None)
    parser.addini(
        "fakesmtp_plugins", "modules with faults and matchers of your own, which the server imports", "args", default=[]
    )


def read_choices(config: pytest.Config) -> Choices:
    """The options, and where there are none, what the configuration file says.

    :raises pytest.UsageError: if one cannot be understood.
    """
    folder = _given(config, "journal-dir") or ".fakesmtp"
    return Choices(
        seed=_read_seed(config),
        speed=_read_speed(config),
        journal=_read_journal(config),
        journal_dir=config.rootpath / folder,
        plugins=tuple(config.getini("fakesmtp_plugins")),
    )


def _given(config: pytest.Config, name: str) -> str | None:
    key = f"fakesmtp_{name.replace('-', '_')}"
    option, ini = config.getoption(key), config.getini(key)
    given: str | None = option if option is not None else ini
    return given


def _read_seed(config: pytest.Config) -> int | None:
    given = _given(config, "seed")
    if given == RANDOM:
        return _shared_seed(config) or _draw_seed()
    if given is not None and not (given.isascii() and given.isdigit()):
        raise pytest.UsageError(f"fakesmtp: the seed is a whole number from 0, or {RANDOM}; not {given!r}")
    return None if given is None else int(given)


def _shared_seed(config: pytest.Config) -> int | None:
    """What the main process has drawn, where this is a worker of pytest-xdist."""
    seed: int | None = getattr(config, "workerinput", {}).get(SHARED_SEED)
    return seed


def _draw_seed() -> int:
    import secrets

    return secrets.randbelow(2**31 - 1) + 1


def _read_speed(config: pytest.Config) -> float | None:
    given = _given(config, "speed")
    try:
        return parse_speed(given)
    except ValueError:
        raise pytest.UsageError(f"fakesmtp: the speed is a factor above 0 such as 10x; not {given!r}") from None


def _read_journal(config: pytest.Config) -> str:
    given = _given(config, "journal") or JOURNALS[0]
    if given not in JOURNALS:
        raise pytest.UsageError(f"fakesmtp: the journal is {', '.join(JOURNALS[:-1])} or {JOURNALS[-1]}; not {given!r}")
    return given


def tell_choices(choices: Choices) -> str | None:
    """What was chosen, for the head of the run; ``None`` if nothing was."""
    told = [] if choices.seed is None else [f"seed {choices.seed}"]
    told += [] if choices.speed is None else [f"speed {choices.speed:g}x"]
    told += [] if choices.journal == "off" else [f"journals ({choices.journal}) in {choices.journal_dir}"]
    return f"fakesmtp: {', '.join(told)}" if told else None
