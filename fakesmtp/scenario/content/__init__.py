"""What a received message says: its header fields, its text, its attachments.

Built for mail data that may be hostile or tens of megabytes long: nothing is read before it is asked for, no
octets whatever make it raise, and the work is bounded (``HEADER_LIMIT`` and ``FIELD_LIMIT`` in ``fields``,
``PARAMETER_LIMIT`` in ``parameters``, ``PART_LIMIT`` and ``DEPTH_LIMIT`` in ``parts``, ``ATTACHMENT_LIMIT`` in
``attachments``). The standard library's ``email`` package is not used to read a message: it recurses on nested
parts, raises odd exceptions on hostile ones and reads the whole body to give one header field.
"""

from fakesmtp.scenario.content.attachment import Attachment
from fakesmtp.scenario.content.content import Content

__all__ = ["Attachment", "Content"]
