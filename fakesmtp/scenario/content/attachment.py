"""An attachment, as a rule sees it."""

import attrs


@attrs.frozen
class Attachment:
    """One attachment of a message.

    ``name`` is the decoded file name as the message gives it, None where it gives none; ``type`` is the media type
    in lower case (``application/pdf``); ``size`` is in octets, after the transfer encoding is undone.
    """

    name: str | None
    type: str
    size: int

    @property
    def extension(self) -> str | None:
        """What follows the name's last dot, in lower case; None without a name or a dot.

        As mail filters do, ``.exe`` has the extension ``exe``, and dots and spaces at the end of the name (which
        Windows drops) do not hide one.
        """
        leaf = (self.name or "").replace("\\", "/").rpartition("/")[2].rstrip(". ")
        return leaf.rpartition(".")[2].lower() if "." in leaf else None
