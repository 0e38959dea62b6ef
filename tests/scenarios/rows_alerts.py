"""Rows for ``tls-alert-NAME``: every alert of TLS, with the words of OpenSSL for it where they are not its name."""

from __future__ import annotations

import smtplib
import ssl
from typing import Final

from tests.clients.model import HELO_NAME, Outcome, installed
from tests.clients.running import run

PATIENCE: Final = 10
"""Seconds that a client waits for the server."""
WORDS: Final = {
    "close-notify": "TLS/SSL connection has been closed (EOF)",
    "user-canceled": "user cancelled",
    "general-error": " error (",  # too new for some
}


def words_for(alert: str) -> str:
    """What OpenSSL's error says of an alert."""
    return WORDS.get(alert, alert.replace("-", " "))


def run_openssl(host: str, port: int, *options: str) -> Outcome:
    """``openssl s_client``, which tells the alert's number."""
    return run([installed("openssl"), "s_client", *options, "-connect", f"{host}:{port}"])


def run_smtplib(host: str, port: int, *, implicit: bool = False) -> OSError | None:
    """smtplib with TLS behind STARTTLS, or at once; the error with which it gives up."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        if implicit:
            smtplib.SMTP_SSL(host, port, HELO_NAME, timeout=PATIENCE, context=context).close()
            return None
        with smtplib.SMTP(host, port, HELO_NAME, timeout=PATIENCE) as client:
            client.starttls(context=context)
    except OSError as error:
        return error
    return None
