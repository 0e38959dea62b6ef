"""A wildcard is put to the test only by a client that connects to the server's name."""

from __future__ import annotations

import pytest

from tests.clients.model import Outcome, installed

from .executing import execute

NAME = "mx.site.example.test"
"""The server's, which no name server has; curl is told its address."""


def curl(certificate: str) -> Outcome:
    options = ("--disable", "-sS", "--max-time", "20", "--ssl-reqd", "--cacert", "{ca}", "--upload-file", "-")
    envelope = ("--mail-from", "alice@example.test", "--mail-rcpt", "bob@example.test")
    place = ("--resolve", f"{NAME}:{{port}}:127.0.0.1", f"smtp://{NAME}:{{port}}")
    command = (installed("curl"), *options, *envelope, *place)
    return execute("-q", "--set", f"tls.certificate={certificate}", "certificate-wildcard-too-deep", "--", *command)


def openssl(certificate: str) -> Outcome:
    look = ("-verify_return_error", "-verify_hostname", NAME, "-CAfile", "{ca}", "-connect", "{address}")
    command = (installed("openssl"), "s_client", "-starttls", "smtp", *look)
    return execute("-q", "--set", f"tls.certificate={certificate}", "certificate-wildcard-too-deep", "--", *command)


@pytest.mark.parametrize(
    ("certificate", "status", "words"),
    [("wildcard-too-deep", 60, "no alternative certificate subject name matches target host name"), ("valid", 0, "")],
)
def test_curl_takes_a_wildcard_for_one_label(certificate: str, status: int, words: str) -> None:
    outcome = curl(certificate)
    assert outcome.status == status, outcome
    assert words in outcome.stderr


@pytest.mark.parametrize(
    ("certificate", "words"),
    [("wildcard-too-deep", "verify error:num=62:hostname mismatch"), ("valid", "Verification: OK")],
)
def test_openssl_takes_a_wildcard_for_one_label(certificate: str, words: str) -> None:
    assert words in openssl(certificate).said
