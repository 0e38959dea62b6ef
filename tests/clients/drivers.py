"""All drivers by the client's name."""

from __future__ import annotations

from typing import Final

from . import (
    article_client,
    chunking_client,
    curl,
    hasty_client,
    libsmtp_client,
    literal_client,
    msmtp,
    nodemailer,
    pipelining_client,
    smtplib_client,
    snail,
    swaks,
)
from .model import Driver

DRIVERS: Final[dict[str, Driver]] = {
    "curl": curl.deliver,
    "swaks": swaks.deliver,
    "msmtp": msmtp.deliver,
    "smtplib": smtplib_client.deliver,
    "s-nail": snail.deliver,
    "nodemailer": nodemailer.deliver,
    "libsmtp": libsmtp_client.deliver,
    "article": article_client.deliver,
}

SPECIAL: Final[dict[str, Driver]] = {
    "chunking": chunking_client.deliver,
    "hasty": hasty_client.deliver,
    "literal": literal_client.deliver,
    "pipelining": pipelining_client.deliver,
}
"""Imitations with one habit each: BDAT, impatience, no care for dots, and all commands at once."""
