"""curl as the client under test: the command line with which it meets a scenario, for everybody to copy."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import Final

from fakesmtp.cli.rehearsal.part import make_part
from fakesmtp.cli.sample_client import ACCOUNT, Errand
from fakesmtp.scenario.model import Listener, Scenario

_ANYBODY: Final = ("alice", "secret")
"""Where any credentials do."""


def client_command(scenario: Scenario) -> str:
    """What stands behind ``exec --client NAME --``: one message, sent as the scenario's failure asks for it.

    curl makes the message itself (``-F``), checks certificates and the server's name, and needs no configuration;
    LMTP, which it does not speak, is left to swaks.
    """
    listener = next((each for each in scenario.listeners if each.state == "open"), scenario.listeners[0])
    errand = make_part(scenario, listener).errand
    return " ".join(_words(errand, listener))


def _words(errand: Errand, listener: Listener) -> Iterator[str]:
    if listener.lmtp:
        yield "swaks --protocol LMTP --server {address} --to bob@example.test"
        return
    yield "curl -sS smtps://{address}" if errand.tls == "implicit" else "curl -sS smtp://{address}"
    if errand.tls != "none":
        yield "--cacert {ca}" if errand.tls == "implicit" else "--ssl-reqd --cacert {ca}"
    if errand.account is not None:
        yield f"-u {quote(':'.join(_ANYBODY if errand.account == ACCOUNT else errand.account))}"
    yield f"--mail-from {quote(errand.reverse_path)} --mail-rcpt {quote(errand.forward_paths[0])} -F =Done."
