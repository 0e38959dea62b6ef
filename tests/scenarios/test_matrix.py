"""Scenarios by rule of naming, each met by a real client: what it hears, and whether it tells the truth."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from typing import Any

import pytest

from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario import library
from fakesmtp.scenario.naming import enhanced, matrix
from fakesmtp.scenario.naming.matrix import Cell
from fakesmtp.testing.fake import FakeSMTP
from tests.clients import exim
from tests.clients.model import Target
from tests.clients.relaying import DEFERRED, RETURNED
from tests.clients.running import run

from .rows_matrix import ASKING, CHUNKED, ENHANCED, MESSAGE, SECOND, command_line, run_smtplib
from .table import LARGE


@pytest.fixture(scope="module")
def server() -> Iterator[FakeSMTP]:
    """One server, which plays one scenario after the other."""
    with FakeSMTP("healthy") as running:
        yield running


def said_at(server: FakeSMTP, stage: Stage) -> list[str]:
    """The replies at a stage, once the client has gone."""
    server.wait_for(over=1)
    return [each["text"] for each in server.events if each["kind"] == "reply" and each.get("stage") == stage]


def taken(server: FakeSMTP) -> int:
    """Messages that were accepted."""
    return len(server.messages)


@pytest.mark.parametrize("name", matrix.cells())
def test_smtplib_meets_every_code_at_every_stage(server: FakeSMTP, name: str) -> None:
    cell = matrix.cells()[name]
    server.scenario(name)
    error = run_smtplib(server.host, server.port, cell.stage)
    check_met(server, cell)
    check_truth(server, library.load(name).outcome, error, cell.code)


def check_met(server: FakeSMTP, cell: Cell) -> None:
    """The server has said at this stage what the name says."""
    expected = rf"{cell.code}\b" if cell.is_ordinary else rf"{re.escape(str(cell.reply))}$"
    said = said_at(server, cell.stage)
    assert [text for text in said if re.match(expected, text)], (cell.name, said)


def check_truth(server: FakeSMTP, outcome: str | None, error: smtplib.SMTPException | None, code: int) -> None:
    """The client has said what became of the mail, and with which code."""
    if outcome is None:
        return
    if outcome == "delivered":
        assert error is None or is_own_fault(error)
        return
    assert taken(server) == 0
    assert error is not None
    assert code in codes_of(error), error


def is_own_fault(error: smtplib.SMTPException) -> bool:
    """smtplib takes a 252 to RCPT, which is success, for a refusal."""
    return isinstance(error, smtplib.SMTPRecipientsRefused) and codes_of(error) == {252}


def codes_of(error: Any) -> set[int]:
    """The codes that an exception of smtplib's tells."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return {code for code, _ in error.recipients.values()}
    if isinstance(error, smtplib.SMTPServerDisconnected):  # all that it tells of 421 where it tries HELO after EHLO
        return {421}
    return {error.smtp_code}


@pytest.mark.parametrize("cell", SECOND, ids=lambda cell: cell.name)
def test_another_program_meets_a_code_of_each_class_at_every_stage(server: FakeSMTP, cell: Cell) -> None:
    server.scenario(cell.name)
    outcome = run(command_line(server.host, server.port, cell), MESSAGE)
    check_met(server, cell)
    declared = library.load(cell.name).outcome
    if declared is not None or cell.stage in ASKING:
        assert (outcome.status == 0) == (declared == "delivered"), outcome


@pytest.mark.parametrize("cell", CHUNKED, ids=lambda cell: cell.name)
def test_exim_meets_every_code_at_its_first_chunk(server: FakeSMTP, cell: Cell) -> None:
    server.scenario(cell.name)
    outcome = exim.deliver(Target(server.host, server.port), LARGE)
    check_met(server, cell)
    assert outcome.status == {2: 0, 4: DEFERRED, 5: RETURNED}[cell.code // 100], outcome
    assert cell.is_ordinary or str(cell.reply) in outcome.stdout
    assert taken(server) == (outcome.status == 0)


@pytest.mark.parametrize("status", ENHANCED, ids=lambda status: status.name)
def test_smtplib_meets_every_enhanced_status_code(server: FakeSMTP, status: enhanced.Status) -> None:
    server.scenario(status.name)
    error = run_smtplib(server.host, server.port, status.entry.stage)
    assert str(status.reply) in said_at(server, status.entry.stage)
    check_truth(server, library.load(status.name).outcome, error, status.code)


def test_a_rule_as_a_name_is_played(server: FakeSMTP) -> None:
    server.scenario("reply:mail=250 Fine;rcpt=452 4.2.2 See http://example.test/full.yaml; later")
    error = run_smtplib(server.host, server.port, Stage.RCPT)
    assert said_at(server, Stage.RCPT) == ["452 4.2.2 See http://example.test/full.yaml; later"]
    check_truth(server, "deferred", error, 452)
