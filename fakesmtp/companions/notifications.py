"""What a server sends of its own accord, written out: DSNs (RFC 3464), complaints (RFC 5965), absence notes (RFC 3834).

All of them leave with the null reverse-path, say `Auto-Submitted` (RFC 3834 section 5) and name the message that they
are about; none answers a message that must not be answered, see :func:`find_silence`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final, Literal

import attrs

from fakesmtp import __version__
from fakesmtp.journal.messages import ContentDropped, StoredMessage
from fakesmtp.protocol.entity import split
from fakesmtp.protocol.envelope import Message
from fakesmtp.protocol.handling import Notification

Fields = Sequence[tuple[str, str]]

RETRIED_FOR: Final = timedelta(days=5)
"""How long a delayed message is said to be tried (RFC 5321 4.5.4.1)."""
RETURNED_WHOLE: Final = 65_536
"""Octets up to which the message is returned whole where the client has not said RET (RFC 3461 4.3)."""
_XTEXT: Final = re.compile(r"\+([0-9A-F]{2})")
_LISTS: Final = re.compile(r"owner-.*|.*-(request|relay|owner)|mailer-daemon", re.IGNORECASE)
"""Local parts that no absence note is sent to (RFC 3834 section 2)."""


@attrs.frozen
class Notice:
    """One message from the server itself, from the null reverse-path."""

    kind: str
    forward_path: str
    message_id: str
    data: bytes = attrs.field(repr=False)
    facts: Mapping[str, object] = attrs.field(factory=dict)
    """What the journal says of it."""


@attrs.frozen
class Occasion:
    """What a notification is about, and when it is written."""

    message: StoredMessage
    notification: Notification
    paths: tuple[str, ...]
    """The recipients that it is about."""
    hostname: str
    arrival: datetime
    moment: datetime
    number: int
    """Of the run's notifications, from 1."""

    @property
    def envelope(self) -> Message:
        """The original, with the parameters of its recipients."""
        return self.message.message

    @property
    def message_id(self) -> str:
        """Of the notification; the same in every run of the same conversation."""
        return f"<{self.message.id}.{self.number}.{self.notification.kind}@{self.hostname}>"


# ---------------------------------------------------------------------- whether


def find_silence(message: StoredMessage, notification: Notification) -> str | None:
    """Why nothing is sent back, or ``None``: to an empty reverse-path nothing ever is (RFC 5321 4.5.5, 6.1)."""
    if not message.reverse_path:
        return "the reverse-path is <>"
    return _automatic(message) if notification.kind == "out-of-office" else None


def wanted_by(message: Message, notification: Notification, paths: Iterable[str]) -> tuple[str, ...]:
    """The recipients for which the client wants this DSN (RFC 3461 4.1); without NOTIFY it wants it."""
    if notification.kind != "dsn":
        return tuple(paths)
    word = "FAILURE" if notification.action == "failed" else "DELAY"
    asked = {each.path: (each.parameters.get("NOTIFY") or word).upper().split(",") for each in message.recipients}
    return tuple(path for path in paths if word in asked.get(path, [word]))


def _automatic(message: StoredMessage) -> str | None:
    fields = {name.lower(): value.strip().lower() for name, value in reversed(message.headers)}
    if fields.get("auto-submitted", "no").partition(";")[0].strip() != "no":
        return f"the message says Auto-Submitted: {fields['auto-submitted']}"
    if fields.get("precedence") in ("bulk", "list", "junk"):
        return f"the message says Precedence: {fields['precedence']}"
    if "list-id" in fields or _LISTS.fullmatch(message.reverse_path.rpartition("@")[0]):
        return "the message comes from a list"
    return None


# ---------------------------------------------------------------------- the three forms


def compose(occasion: Occasion) -> Notice:
    """The notification, written out."""
    return _FORMS[occasion.notification.kind](occasion)


def _write_dsn(occasion: Occasion) -> Notice:
    failed = occasion.notification.action == "failed"
    fields = [
        ("From", f"Mail Delivery System <MAILER-DAEMON@{occasion.hostname}>"),
        ("Subject", f"Delivery Status Notification ({'Failure' if failed else 'Delay'})"),
        ("Auto-Submitted", "auto-replied"),
    ]
    status = [("message/delivery-status", _delivery_status(occasion)), _returned(occasion, whole=failed)]
    facts = {
        "action": occasion.notification.action,
        "status": occasion.notification.status_for(occasion.paths[0]),
        "recipients": list(occasion.paths),
    }
    return _report(occasion, "delivery-status", fields, _dsn_text(occasion), status, facts)


def _dsn_text(occasion: Occasion) -> str:
    failed = occasion.notification.action == "failed"
    lines = "".join(f"  <{path}>: {_one_line(occasion.notification.reply_for(path))}\n" for path in occasion.paths)
    if failed:
        first, last = "could not be delivered to:", "It will not be tried again."
    else:
        first, last = "has not been delivered yet to:", "It will be tried again. You need not send it again."
    return f"Your message of {format_datetime(occasion.arrival)}\n{first}\n\n{lines}\n{last}\n"


def _delivery_status(occasion: Occasion) -> bytes:
    """The fields of the message, then those of each recipient (RFC 3464 2.1)."""
    envelope = occasion.envelope
    envelope_id = envelope.parameters.get("ENVID")
    message = [("Reporting-MTA", f"dns; {occasion.hostname}"), ("Arrival-Date", format_datetime(occasion.arrival))]
    if envelope_id:
        message.insert(0, ("Original-Envelope-Id", _decode_xtext(envelope_id)))
    groups = [message, *(_recipient_status(occasion, path) for path in occasion.paths)]
    return b"\r\n".join(_render(group) for group in groups)


def _recipient_status(occasion: Occasion, path: str) -> Fields:
    notification = occasion.notification
    fields = [
        ("Final-Recipient", f"{'rfc822' if path.isascii() else 'utf-8'}; {path}"),
        ("Action", notification.action),
        ("Status", notification.status_for(path)),
        ("Diagnostic-Code", f"smtp; {_one_line(notification.reply_for(path))}"),
        ("Last-Attempt-Date", format_datetime(occasion.moment)),
    ]
    original = next((each.parameters.get("ORCPT") for each in occasion.envelope.recipients if each.path == path), None)
    if original:
        kind, _, address = original.partition(";")
        fields.insert(0, ("Original-Recipient", f"{kind}; {_decode_xtext(address)}"))
    if notification.action == "delayed":
        fields.append(("Will-Retry-Until", format_datetime(occasion.arrival + RETRIED_FOR)))
    return fields


def _write_complaint(occasion: Occasion) -> Notice:
    message = occasion.message
    fields = [
        ("From", f"Complaints <abuse@{occasion.hostname}>"),
        ("Subject", f"FW: {message.subject or 'complaint'}"),
        ("Auto-Submitted", "auto-generated"),
    ]
    feedback = [
        ("Feedback-Type", "abuse"),
        ("User-Agent", f"fakesmtp/{__version__}"),
        ("Version", "1"),
        ("Original-Mail-From", f"<{message.reverse_path}>"),
        *(("Original-Rcpt-To", f"<{path}>") for path in occasion.paths),
        ("Arrival-Date", format_datetime(occasion.arrival)),
        ("Source-IP", message.peer),
        ("Reporting-MTA", f"dns; {occasion.hostname}"),
    ]
    text = f"This is a report of an unwanted message from {message.peer}, received by {occasion.hostname}.\n"
    parts = [("message/feedback-report", _render(feedback)), _returned(occasion, whole=True)]
    return _report(occasion, "feedback-report", fields, text, parts, {"recipients": list(occasion.paths)})


def _write_absence(occasion: Occasion) -> Notice:
    path = occasion.paths[0]
    text = f"I am out of the office and do not read my mail.\n\nYour message to {path} will wait until I am back.\n"
    fields = [
        ("From", f"<{path}>"),
        ("Subject", f"Auto: {occasion.message.subject or 'your message'}"),
        ("Auto-Submitted", "auto-replied"),
    ]
    content = [("MIME-Version", "1.0"), ("Content-Type", f"text/plain; charset={_charset(text)}")]
    data = _render([*_head(occasion, fields), *content, *_eight_bit(text.encode())]) + b"\r\n" + _lines(text)
    return Notice("out-of-office", occasion.message.reverse_path, occasion.message_id, data, {"recipients": [path]})


_FORMS: Final = {"dsn": _write_dsn, "complaint": _write_complaint, "out-of-office": _write_absence}


# ---------------------------------------------------------------------- MIME


def _report(
    occasion: Occasion,
    kind: Literal["delivery-status", "feedback-report"],
    fields: Fields,
    text: str,
    parts: Sequence[tuple[str, bytes]],
    facts: Mapping[str, object],
) -> Notice:
    """A multipart/report (RFC 6522): words for people, words for machines, the message or its header."""
    bodies = [(f"text/plain; charset={_charset(text)}", _lines(text)), *parts]
    boundary = _boundary(occasion, [body for _, body in bodies])
    content = [
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/report; report-type={kind};\r\n boundary="{boundary}"'),
        *_eight_bit(b"".join(body for _, body in bodies)),
    ]
    data = _render([*_head(occasion, fields), *content]) + b"\r\n"
    for content_type, body in bodies:
        head = _render([("Content-Type", content_type), *_eight_bit(body)])
        data += f"--{boundary}\r\n".encode() + head + b"\r\n" + body + b"\r\n"
    data += f"--{boundary}--\r\n".encode()
    return Notice(occasion.notification.kind, occasion.message.reverse_path, occasion.message_id, data, facts)


def _head(occasion: Occasion, fields: Fields) -> Fields:
    original = occasion.message.message_id
    about = [("In-Reply-To", original), ("References", original)] if original else []
    return [
        ("Date", format_datetime(occasion.moment)),
        *fields,
        ("To", f"<{occasion.message.reverse_path}>"),
        ("Message-ID", occasion.message_id),
        *about,
    ]


def _returned(occasion: Occasion, whole: bool) -> tuple[str, bytes]:
    """The message as it was on its way, or its header: as the client asked by RET, else by its size."""
    try:
        data = occasion.message.delivered
    except ContentDropped as why:
        return "text/plain; charset=us-ascii", _lines(f"({why})\n")
    asked = (occasion.envelope.parameters.get("RET") or "").upper()
    if whole and asked != "HDRS" and (asked == "FULL" or len(data) <= RETURNED_WHOLE):
        return "message/rfc822", _crlf(data)
    return "text/rfc822-headers", _crlf(split(data)[0].octets.rstrip(b"\r\n") + b"\r\n")


def _boundary(occasion: Occasion, bodies: Iterable[bytes]) -> str:
    """Text that no part holds."""
    boundary, whole = f"{occasion.message.id}.{occasion.number}/fakesmtp", b"\n".join(bodies)
    while boundary.encode() in whole:
        boundary = f"={boundary}"
    return boundary


def _eight_bit(body: bytes) -> Fields:
    return [] if body.isascii() else [("Content-Transfer-Encoding", "8bit")]


def _charset(text: str) -> str:
    return "us-ascii" if text.isascii() else "utf-8"


def _lines(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("utf-8", "replace")


def _crlf(data: bytes) -> bytes:
    data = re.sub(rb"\r?\n", b"\r\n", data)
    return data if data.endswith(b"\r\n") or not data else data + b"\r\n"


def _render(fields: Fields) -> bytes:
    return b"".join(f"{name}: {_value(name, value)}\r\n".encode("utf-8", "replace") for name, value in fields)


def _value(name: str, value: str) -> str:
    """A field's value: no line of a client's breaks it apart, and a subject keeps to ASCII (RFC 2047)."""
    if name == "Content-Type":
        return value
    value = re.sub(r"[\x00-\x08\x0a-\x1f\x7f]+", " ", value)
    if name == "Subject" and not (value.isascii() and len(value) < 900):
        from email.header import Header

        return Header(value[:500], "utf-8", header_name=name).encode(linesep="\r\n")
    return value


def _one_line(reply: object) -> str:
    return " ".join(str(reply).splitlines())


def _decode_xtext(text: str) -> str:
    """RFC 3461 section 4."""
    return _XTEXT.sub(lambda match: chr(int(match[1], 16)), text)
