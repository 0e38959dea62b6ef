"""A server inside the reactor that pytest-twisted runs."""

from __future__ import annotations

from typing import Any

import pytest

from fakesmtp.testing.choices import CHOICES
from fakesmtp.testing.markers import Play
from fakesmtp.testing.pool import options_of


def find_obstacle(item: pytest.Item) -> str | None:
    """Why no server can run in this test's reactor; ``None`` if one can."""
    plugins = item.config.pluginmanager
    if not (plugins.hasplugin("twisted") or plugins.hasplugin("pytest_twisted")):
        return "the plugin pytest-twisted is not there; install it, or take the fixture fakesmtp"
    if plugins.hasplugin("asyncio") and _asyncio_mode(item.config) == "auto":
        return (
            "pytest-asyncio's auto mode takes pytest-twisted's coroutines; set asyncio_mode = strict,"
            " or take the fixture fakesmtp"
        )
    for marker in ("asyncio", "anyio", "trio"):
        if item.get_closest_marker(marker):
            return f"@pytest.mark.{marker} runs this test outside the reactor; take the fixture fakesmtp there"
    return None


def _asyncio_mode(config: pytest.Config) -> str:
    given = config.getoption("asyncio_mode", None)
    return str(given if given is not None else config.getini("asyncio_mode"))


def listen(play: Play, config: pytest.Config) -> Any:
    """Start a server in the reactor.

    :raises FakeSMTPError: if it cannot start, or the scenario is unknown or invalid.
    """
    from twisted.internet import reactor

    from fakesmtp.testing.fake import FakeSMTP

    plugins = config.stash[CHOICES].plugins
    server = FakeSMTP(play.scenario, plugins=plugins, **options_of(config, play))
    return _await(server.listen(reactor))


def stop(server: Any) -> None:
    """End it, and see it ended."""
    _await(server.stop())


def _await(work: Any) -> Any:
    import pytest_twisted  # type: ignore[import-untyped,unused-ignore]
    from twisted.internet.defer import ensureDeferred

    return pytest_twisted.blockon(ensureDeferred(work))
