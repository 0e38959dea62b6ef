"""All drivers by the client's name."""

from __future__ import annotations

from typing import Final

from . import article_client, curl, libsmtp_client, msmtp, nodemailer, smtplib_client, snail, swaks
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
