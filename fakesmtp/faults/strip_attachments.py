"""``strip-attachments``: delivered, without what was attached."""

from fakesmtp.faults.registry import effect
from fakesmtp.protocol.entity import Header, rewrite, split
from fakesmtp.protocol.handling import mark
from fakesmtp.protocol.policy import Turn

_SHOWN = ("image", "audio", "video")


@effect("strip-attachments")
class StripAttachments:
    """Answers as on success and delivers the message without its attachments.

    What gateways do that take files for a danger: the sender is told nothing, the recipient reads of a report that is
    not there. Only a check at the other end finds it. The journal keeps the message as it came.
    """

    def apply(self, turn: Turn) -> None:
        """Mark the message."""
        mark(turn, "strip-attachments", self)

    def alter(self, data: bytes) -> bytes:
        """The message without them; one that is nothing but an attachment loses its body."""
        header, _ = split(data)
        return _as_text(header) if _is_attachment(header) else rewrite(data, _leave_out)


def _leave_out(header: Header, outermost: bool) -> bytes | None:
    return None if not outermost and _is_attachment(header) else header.octets


def _as_text(header: Header) -> bytes:
    names = ("Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Content-ID", "Content-Description")
    return header.edit(names, lambda field: b"")


def _is_attachment(header: Header) -> bool:
    """By the rules of the fact ``attachment``: a file name, a disposition, or a type that is not shown as text."""
    kind, _, subtype = (header.value("Content-Type") or "text/plain").partition("/")
    disposition = header.value("Content-Disposition")
    if kind == "multipart":
        return False
    named = header.parameter("Content-Disposition", "filename") or header.parameter("Content-Type", "name")
    if named or disposition not in ("", "inline"):
        return True
    if kind in _SHOWN:
        return disposition != "inline"
    return kind != "text" and subtype not in ("delivery-status", "feedback-report", "disposition-notification")
