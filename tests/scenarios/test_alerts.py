"""Every alert of TLS by its name, met by openssl and by smtplib: the one tells its number, the other its name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakesmtp.protocol.handshake import ALERTS
from fakesmtp.scenario.naming import alerts
from fakesmtp.testing.fake import FakeSMTP

from .rows_alerts import run_openssl, run_smtplib, words_for


@pytest.fixture(scope="module")
def server() -> Iterator[FakeSMTP]:
    """One server, which plays one scenario after the other."""
    with FakeSMTP("healthy") as running:
        yield running


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_two_clients_meet_every_alert(server: FakeSMTP, mode: str) -> None:
    options = ["-starttls", "smtp"] if mode == "starttls" else []
    for name, (alert, number) in zip(alerts.names(), ALERTS.items(), strict=True):
        server.scenario(name, set={"tls.mode": mode})
        told = run_openssl(server.host, server.port, *options)
        assert "no peer certificate available" in told.stdout, (name, told)
        assert told.stderr.rstrip().endswith(f"SSL alert number {number}") == (number > 0), (name, told)
        error = run_smtplib(server.host, server.port, implicit=mode == "implicit")
        assert words_for(alert) in str(error), name
        server.wait_for(over=2)
        assert not server.messages
