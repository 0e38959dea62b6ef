"""Rows for scenarios by rule of naming, and for the one in which addresses choose the fault.

Every stage with every code is driven by smtplib, in one process against one server that plays scenario after scenario;
and for each stage the first code of each class by a program of its own.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from typing import Final

from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario.naming import enhanced, matrix
from fakesmtp.scenario.naming.matrix import Cell
from tests.clients.model import HELO_NAME, Mail, installed

from . import expectations as shown
from .expectations import only
from .further import QUICK, delivered, refused
from .table import ACCEPTED, NOT_ACCEPTED, Case, Said

MESSAGE: Final = b"Subject: Test notification\r\n\r\nThe backup has finished.\r\n"
PATIENCE: Final = 10
"""Seconds that a client waits for the server."""

# ---------------------------------------------------------------------- smtplib

Talk = Callable[[smtplib.SMTP], None]
"""What is done with a client that has been greeted."""


def _deliver(client: smtplib.SMTP) -> None:
    client.sendmail("sender@example.test", ["recipient@example.test"], MESSAGE)
    client.quit()


def _secure(client: smtplib.SMTP) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client.starttls(context=context)
    _deliver(client)


def _log_in(client: smtplib.SMTP) -> None:
    client.login("alice", "secret")
    _deliver(client)


def _log_in_line_by_line(client: smtplib.SMTP) -> None:
    client.ehlo()
    client.user, client.password = "alice", "secret"
    client.auth("LOGIN", client.auth_login, initial_response_ok=False)
    _deliver(client)


def _send_chunk(client: smtplib.SMTP) -> None:
    client.ehlo()
    client.mail("sender@example.test")
    client.rcpt("recipient@example.test")
    client.send(f"BDAT {len(MESSAGE)}\r\n".encode() + MESSAGE)
    _check(client.getreply())


def _check(reply: tuple[int, bytes]) -> None:
    if not 200 <= reply[0] < 400:
        raise smtplib.SMTPResponseException(*reply)


def _say(line: str) -> Talk:
    """One command after EHLO, in the middle of a transaction."""

    def talk(client: smtplib.SMTP) -> None:
        client.ehlo()
        client.mail("sender@example.test")
        _check(client.docmd(line))

    return talk


def _leave(client: smtplib.SMTP) -> None:
    client.sendmail("sender@example.test", ["recipient@example.test"], MESSAGE)
    client.docmd("QUIT")


TALKS: Final[dict[Stage, Talk]] = {
    Stage.STARTTLS: _secure,
    Stage.AUTH: _log_in,
    Stage.AUTH_LINE: _log_in_line_by_line,
    Stage.AUTH_RESPONSE: _log_in,
    Stage.BDAT: _send_chunk,
    Stage.QUIT: _leave,
    Stage.RSET: _say("RSET"),
    Stage.NOOP: _say("NOOP"),
    Stage.VRFY: _say("VRFY recipient"),
    Stage.EXPN: _say("EXPN staff"),
    Stage.HELP: _say("HELP"),
    Stage.ETRN: _say("ETRN example.test"),
    Stage.UNKNOWN: _say("XFROB"),
}
"""How smtplib comes to a stage; to the others it comes by delivering."""


def run_smtplib(host: str, port: int, stage: Stage) -> smtplib.SMTPException | None:
    """Come to the stage with smtplib; the exception with which it told of a failure."""
    try:
        with smtplib.SMTP(host, port, HELO_NAME, timeout=PATIENCE) as client:
            TALKS.get(stage, _deliver)(client)
    except smtplib.SMTPException as error:
        return error
    return None


# ---------------------------------------------------------------------- programs

ASKING: Final = {
    Stage.RSET: "RSET",
    Stage.NOOP: "NOOP",
    Stage.VRFY: "VRFY recipient",
    Stage.EXPN: "EXPN staff",
    Stage.HELP: "HELP",
    Stage.ETRN: "ETRN example.test",
    Stage.UNKNOWN: "XFROB",
}
"""Commands that curl is told to send in place of a mail."""


def command_line(host: str, port: int, cell: Cell) -> list[str]:
    """A program that comes to the stage: curl, or swaks where curl has a fault of its own.

    curl does not understand a 235 to AUTH, after which it wanted to be asked for the credentials.
    """
    if cell.name == "auth-235":
        told = ["--server", host, "--port", str(port), "--helo", HELO_NAME, "--from", "sender@example.test"]
        login = ["--auth", "PLAIN", "--auth-user", "alice", "--auth-password", "secret"]
        return [installed("swaks"), *told, "--to", "recipient@example.test", *login, "--suppress-data"]
    command = [installed("curl"), "--disable", "--silent", "--show-error", "--max-time", str(PATIENCE)]
    url = f"smtp://{host}:{port}/{HELO_NAME}"
    if cell.stage in ASKING:
        return [*command, "--request", ASKING[cell.stage], url]
    command += ["--mail-from", "sender@example.test", "--mail-rcpt", "recipient@example.test", "--upload-file", "-"]
    if cell.stage is Stage.STARTTLS:
        command += ["--ssl-reqd", "--insecure"]
    if cell.stage in (Stage.AUTH, Stage.AUTH_LINE, Stage.AUTH_RESPONSE):
        command += ["--user", "alice:secret", "--login-options", "AUTH=LOGIN"]
    return [*command, url]


def _first_of_each_class() -> dict[tuple[Stage, int], Cell]:
    return {(cell.stage, cell.code // 100): cell for cell in reversed(matrix.cells().values())}


SECOND: Final = (
    *(cell for cell in _first_of_each_class().values() if cell.stage is not Stage.BDAT),
    matrix.cells()["rcpt-252"],
)
"""For each stage the first code of each class, and one for which smtplib has a fault; only Exim speaks BDAT."""
CHUNKED: Final = tuple(cell for cell in matrix.cells().values() if cell.stage is Stage.BDAT)
ENHANCED: Final = tuple(enhanced.statuses().values())

# ---------------------------------------------------------------------- by-address


def to(address: str) -> Mail:
    """A mail to this recipient."""
    return Mail(forward_paths=(address,))


def of(address: str) -> Mail:
    """A mail from this sender."""
    return Mail(reverse_path=address)


def chosen(stage: str, reply: str, variant: str, mail: Mail) -> Case:
    """The address chooses a refusal."""
    return refused("by-address", stage, reply, variant, mail=mail)


ROWS: Final = (
    delivered("by-address"),
    chosen("rcpt", r"550 5\.1\.1 Mailbox unavailable", "rcpt", to("rcpt550_5.1.1@example.test")),
    chosen("rcpt", r"452 Insufficient", "rcpt-plain", to("rcpt452@example.test")),
    chosen("mail", r"451 4\.3\.0 Local error", "mail", of("mail451_4.3.0@example.test")),
    chosen("end-of-data", r"554 Transaction failed", "data", of("data554@example.test")),
    chosen("end-of-data", r"552 5\.3\.4 Exceeded", "data-to", to("data552_5.3.4@example.test")),
    chosen("rcpt", r"550 no such user here", "bounce-code", to("bounce+550+no+such+user+here@example.test")),
    chosen(
        "rcpt", r"552 5\.2\.2 <mailbox-full@example\.test>: mailbox full", "refusal", to("mailbox-full@example.test")
    ),
    delivered("by-address", "success", mail=to("success@simulator.example.test")),
    delivered("by-address", "bounce", mail=to("bounce@simulator.example.test")),
    delivered("by-address", "out-of-office", mail=to("ooto+label@simulator.example.test")),
    delivered("by-address", "complaint", mail=to("complaint@simulator.example.test")),
    delivered("by-address", "delay", mail=to("dlay0@example.test")),
    Case(
        "by-address",
        only(shown.login_refused(r"535 5\.7\.8"), *QUICK),
        (Said("auth-response", "535", None), NOT_ACCEPTED),
        user="badauth@example.test",
        variant="user",
    ),
    Case("by-address", only(shown.delivered(), *QUICK), (ACCEPTED,), user="goodauth@example.test", variant="good-user"),
)
