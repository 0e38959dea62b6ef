from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.clients import postfix
from tests.clients.certificate import make_context, write_certificate
from tests.clients.raw_scripts import SCRIPTS
from tests.clients.raw_server import RawServer
from tests.clients.record import Server

from .collection import EVERY_CASE
from .served import ServedScenario


@pytest.fixture(scope="session", autouse=True)
def postfix_ends() -> Iterator[None]:
    """Postfix ends with the tests, where one of them has started it."""
    yield
    postfix.stop()


@pytest.fixture(scope="session")
def raw_tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """The authority and the server's context of all raw servers."""
    ca_file, server_file = write_certificate(tmp_path_factory.mktemp("raw-tls"))
    return ca_file, make_context(server_file)


def has_ipv6() -> bool:
    """Whether ::1 is an address of this machine."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedScenario]:
    """One process that serves all scenarios of which no client needs a server of its own."""
    first, *others = sorted({case.scenario for case in EVERY_CASE if not case.alone})
    with closing(ServedScenario(first, tmp_path_factory.mktemp("together"), *others)) as running:
        yield running


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, raw_tls: tuple[Path, ssl.SSLContext], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server for each kind and scenario; the last word is the client that needs one of its own."""
    kind, scenario, options, client = request.param
    if "::1" in options and not has_ipv6():
        pytest.skip("this machine has no IPv6 on loopback")
    running: Server
    if kind == "raw":
        running = RawServer(SCRIPTS[scenario](), *raw_tls)
    elif client:
        running = ServedScenario(scenario, tmp_path_factory.mktemp(scenario), *options)
    else:
        running = request.getfixturevalue("together")[scenario]
    yield running
    running.close()
