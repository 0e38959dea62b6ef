"""All drivers by the client's name."""

from __future__ import annotations

from typing import Final

from . import (
    article_client,
    chunking_client,
    curl,
    exim,
    hasty_client,
    libsmtp_client,
    literal_client,
    msmtp,
    nodemailer,
    pipelining_client,
    postfix,
    sendmail,
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

RELAYS: Final[dict[str, Driver]] = {
    "exim": exim.deliver,
    "exim-data": exim.deliver_by_data,
    "exim-early": exim.deliver_early,
    "postfix": postfix.deliver,
    "sendmail": sendmail.deliver,
}
"""Mail servers that pass a message on: they use BDAT, speak before the greeting, and send all commands at once."""

SPECIAL: Final[dict[str, Driver]] = {
    "chunking": chunking_client.deliver,
    "hasty": hasty_client.deliver,
    "literal": literal_client.deliver,
    "pipelining": pipelining_client.deliver,
}
"""Imitations with one habit each: BDAT, impatience, no care for dots, and all commands at once."""
