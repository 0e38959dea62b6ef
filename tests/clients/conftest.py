from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from . import postfix
from .certificate import make_context, write_certificate
from .raw_server import RawServer, Script

ServeRaw = Callable[[Script], RawServer]


@pytest.fixture(scope="session", autouse=True)
def postfix_ends() -> Iterator[None]:
    """Postfix ends with the tests, where one of them has started it."""
    yield
    postfix.stop()


@pytest.fixture(scope="session")
def raw_tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """An authority, and a server's context whose certificate it signed."""
    ca_file, server_file = write_certificate(tmp_path_factory.mktemp("raw-tls"))
    return ca_file, make_context(server_file)


@pytest.fixture
def serve_raw(raw_tls: tuple[Path, ssl.SSLContext]) -> Iterator[ServeRaw]:
    """Start raw servers that end with the test."""
    with ExitStack() as running:
        yield lambda script: running.enter_context(closing(RawServer(script, *raw_tls)))
