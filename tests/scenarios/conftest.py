from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.certificate import make_context, write_certificate
from tests.clients.raw_scripts import SCRIPTS
from tests.clients.raw_server import RawServer
from tests.clients.record import Server

from .served import ServedScenario


@pytest.fixture(scope="session")
def raw_tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """The authority and the server's context of all raw servers."""
    ca_file, server_file = write_certificate(tmp_path_factory.mktemp("raw-tls"))
    return ca_file, make_context(server_file)


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, raw_tls: tuple[Path, ssl.SSLContext], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server for each kind and scenario; the parameter's third word sets apart those that keep count."""
    kind, scenario, _ = request.param
    running: Server
    if kind == "raw":
        running = RawServer(SCRIPTS[scenario](), *raw_tls)
    else:
        running = ServedScenario(scenario, tmp_path_factory.mktemp(scenario))
    yield running
    running.close()
