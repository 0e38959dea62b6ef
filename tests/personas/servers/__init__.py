"""One module for each server that Debian has: how it is configured and started, and how it tells its version."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from tests.personas.servers import exim, opensmtpd, postfix, sendmail

SERVERS: Final[Mapping[str, ModuleType]] = {
    "postfix": postfix,
    "exim": exim,
    "sendmail": sendmail,
    "opensmtpd": opensmtpd,
}
