"""The product: a book-keeping program mails invoices as PDF files, and tells the book-keeper what became of each."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from email.message import EmailMessage


@dataclass(frozen=True)
class Invoice:
    """One invoice, and who gets it."""

    number: str
    customers: tuple[str, ...]
    pdf: bytes


def send_invoice(invoice: Invoice, host: str, port: int) -> list[str]:
    """Mail an invoice; what the book-keeper reads, one line for each thing to know."""
    try:
        with smtplib.SMTP(host, port, "books.example.test", timeout=10) as client:
            refused = client.send_message(_compose(invoice))
    except smtplib.SMTPRecipientsRefused as error:
        return _tell(error.recipients)
    except smtplib.SMTPResponseException as error:
        text = error.smtp_error if isinstance(error.smtp_error, str) else error.smtp_error.decode("utf-8", "replace")
        return [f"Invoice {invoice.number} was not sent. The mail server refuses the message: {error.smtp_code} {text}"]
    except (OSError, smtplib.SMTPException) as error:
        return [f"Invoice {invoice.number} was not sent. The mail server at {host}:{port} cannot be used: {error}"]
    sent = [each for each in invoice.customers if each not in refused]
    return [f"Invoice {invoice.number} was sent to {', '.join(sent)}.", *_tell(refused)]


def _tell(refused: dict[str, tuple[int, bytes]]) -> list[str]:
    return [
        f"Recipient {address} was refused: {code} {text.decode('utf-8', 'replace')}"
        for address, (code, text) in refused.items()
    ]


def _compose(invoice: Invoice) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "books@example.test"
    message["To"] = ", ".join(invoice.customers)
    message["Subject"] = f"Invoice {invoice.number}"
    message.set_content("Please find our invoice attached.\n")
    message.add_attachment(invoice.pdf, maintype="application", subtype="pdf", filename=f"invoice-{invoice.number}.pdf")
    return message
