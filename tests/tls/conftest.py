from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fakesmtp.tls import Authority, ServerContexts

HOSTNAME = "mx.example.test"


@pytest.fixture
def authority() -> Authority:
    return Authority.create()


@pytest.fixture
def contexts(authority: Authority) -> ServerContexts:
    return ServerContexts(authority, HOSTNAME)


@pytest.fixture
def ca_file(authority: Authority, tmp_path: Path) -> Path:
    return authority.write(tmp_path)


@pytest.fixture(scope="session")
def openssl() -> str:
    """The openssl command; a run in CI must have it."""
    found = shutil.which("openssl")
    if found is None:
        reason = "the openssl command is missing: apt-get install openssl (or your system's package of that name)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
