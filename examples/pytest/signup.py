"""The product: a web shop's sign-up. It mails a link, and tells whoever signs up what became of it."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage

LATER = 4
"""The class of replies that mean: not now."""


def as_text(words: bytes | str) -> str:
    """What a server has said, as smtplib gives it."""
    return words if isinstance(words, str) else words.decode("utf-8", "replace")


@dataclass(frozen=True)
class MailServer:
    """Where mail goes. ``ca``: the certificate to trust; where it is set, nothing is sent without TLS."""

    host: str
    port: int
    ca: str | None = None


@dataclass
class SignUp:
    """The page behind the form. What could not be sent for now waits in ``queue``."""

    server: MailServer
    queue: list[str] = field(default_factory=list)

    def register(self, address: str) -> str:
        """Send the link; what the page says."""
        try:
            self._send(address)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = error.recipients[address]
            return self._refused(address, code, as_text(text))
        except smtplib.SMTPResponseException as error:
            text = (
                error.smtp_error if isinstance(error.smtp_error, str) else error.smtp_error.decode("utf-8", "replace")
            )
            return self._refused(address, error.smtp_code, text)
        except (smtplib.SMTPNotSupportedError, ssl.SSLError):
            return "Nothing was sent: our mail server could not be reached safely. Please tell us at the shop."
        except (OSError, smtplib.SMTPException):
            self.queue.append(address)
            return f"We cannot reach our mail server. {address} will get the link as soon as we can."
        return f"We have sent a link to {address}."

    def try_again(self) -> None:
        """Send what waits; a job does this every few minutes."""
        waiting, self.queue = self.queue, []
        for address in waiting:
            self.register(address)

    def _refused(self, address: str, code: int, text: str) -> str:
        if code // 100 == LATER:
            self.queue.append(address)
            return f"{address} takes no mail just now (recipient put off: {code} {text}). We shall try again."
        return f"The link could not be sent to the recipient {address}: {code} {text}. Is the address right?"

    def _send(self, address: str) -> None:
        message = EmailMessage()
        message["From"] = "Shop <shop@example.test>"
        message["To"] = address
        message["Subject"] = "Confirm your account"
        message.set_content(f"Hello,\n\nhttps://shop.example.test/confirm?who={address}\n")
        with smtplib.SMTP(self.server.host, self.server.port, "shop.example.test", timeout=10) as client:
            if self.server.ca is not None:
                client.starttls(context=ssl.create_default_context(cafile=self.server.ca))
            client.send_message(message)
