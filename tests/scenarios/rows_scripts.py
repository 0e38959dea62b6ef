"""Rows of the scenarios that are scripts."""

from __future__ import annotations

from typing import Final

from . import expectations as shown
from .expectations import DELIVERED, Shows, only
from .table import ACCEPTED, NOT_ACCEPTED, Case, Said

TRYING: Final = ("curl", "msmtp", "smtplib")

ROWS: Final = (
    Case(
        "plaintext-within-tls",
        {
            "curl": Shows(56, r"wrong version number"),
            "msmtp": Shows(74, r"An unexpected TLS packet was received"),
            "smtplib": Shows(1, r"WRONG_VERSION_NUMBER"),
            "swaks": Shows(6, r"Remote host closed connection unexpectedly"),
        },
        (Said("starttls", "220 2.0.0 Go ahead", 1), NOT_ACCEPTED),
        ("auth", "mail"),
        tls="starttls",
    ),
    Case(
        "further-each-time",
        dict.fromkeys(TRYING, DELIVERED),
        (Said("rcpt", "250", 1), ACCEPTED),
        earlier=(
            only(shown.greeting_refused("421"), *TRYING),
            only(shown.sender_refused("451"), *TRYING),
            only(shown.message_refused("451"), *TRYING),
        ),
    ),
)
