"""What each server is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.personas.row import Row
from tests.personas.rows import exim, opensmtpd, postfix, sendmail

ROWS: Final[Mapping[str, tuple[Row, ...]]] = {
    "postfix": postfix.ROWS,
    "exim": exim.ROWS,
    "sendmail": sendmail.ROWS,
    "opensmtpd": opensmtpd.ROWS,
}
