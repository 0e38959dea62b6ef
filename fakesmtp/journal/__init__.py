"""What happened: one append-only, bounded stream of entries, and what is told from it.

A driver makes a :class:`Journal`, and for each connection a :class:`Tap`. Readers take :class:`Entry` objects, or one
of the projections: messages here, :mod:`~fakesmtp.journal.transcript`, :mod:`~fakesmtp.journal.summary`,
:mod:`~fakesmtp.journal.ndjson` and :mod:`~fakesmtp.journal.save` in their modules.
"""

from fakesmtp.journal.events import Entry
from fakesmtp.journal.journal import Journal
from fakesmtp.journal.messages import ContentDropped, StoredMessage
from fakesmtp.journal.spool import SpooledMailData
from fakesmtp.journal.tap import Tap

__all__ = ["ContentDropped", "Entry", "Journal", "SpooledMailData", "StoredMessage", "Tap"]
