"""The scenarios of the Acronis article, and which of its two clients shows its message in each of them.

The client that keeps to the article's request scheme delivers where only the library's habits fail; there the imitation
of the library shows the message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fakesmtp.scenario import library
from fakesmtp.verdict import catalogue
from tests.scenarios.table import WITH_ATTACHMENT

from .meeting import Meeting

PRODUCT: Final = "acronis-vmprotect"

MEETINGS: Final = (
    # 1
    ("article", Meeting("auth-rejected", user="alice")),
    ("article", Meeting("auth-not-offered", user="alice")),
    ("article", Meeting("auth-login-not-offered", user="alice")),
    ("article", Meeting("empty-password-accepted", user="alice")),
    ("article", Meeting("empty-password-refused", user="alice", password="")),
    ("article", Meeting("empty-password-syntax-error", user="alice", password="")),
    ("article", Meeting("username-space-forgiven", user="bob")),
    ("article", Meeting("username-trailing-space", user="alice ")),
    # 2
    ("article", Meeting("data-refused")),
    ("article", Meeting("demand-reverse-dns")),
    ("article", Meeting("reverse-dns-added")),
    ("article", Meeting("unknown-user")),
    # 3
    ("article", Meeting("unknown-mail-server", sessions=0)),
    ("article", Meeting("server-name-nodata", sessions=0, ask=True)),
    ("article", Meeting("server-name-servfail", sessions=0, ask=True)),
    ("article", Meeting("server-name-unanswered", sessions=0, ask=True, patience=1)),
    # 4
    ("article", Meeting("empty-banner")),
    ("article", Meeting("accept-then-reset")),
    ("article", Meeting("silent-server", patience=1)),
    ("article", Meeting("wrong-service-tls", patience=1)),
    # 4 or 5: something else than SMTP answers
    ("article", Meeting("no-smtp-server")),
    ("article", Meeting("wrong-service-imap")),
    ("article", Meeting("wrong-service-pop3")),
    ("article", Meeting("wrong-service-ssh", patience=1)),
    # 5
    ("article", Meeting("reject-greeting")),
    ("article", Meeting("service-not-available")),
    ("article", Meeting("reject-helo")),
    ("article", Meeting("bad-helo-after-tls", tls="starttls")),
    ("article", Meeting("starttls-broken-ssl-works", tls="starttls")),
    ("libsmtp", Meeting("helo-only")),
    ("libsmtp", Meeting("split-replies")),
    # 6
    ("article", Meeting("reject-mail-from")),
    ("libsmtp", Meeting("strict-path-syntax")),
    # 7
    ("article", Meeting("reject-message")),
    ("article", Meeting("reject-attachments", mail=WITH_ATTACHMENT)),
    ("article", Meeting("unknown-user-after-data")),
    # 8
    ("article", Meeting("refuse-connect", sessions=0)),
    ("article", Meeting("blackhole", sessions=0, patience=1)),
    ("article", Meeting("starttls-refused", tls="starttls")),
    ("article", Meeting("starttls-failure", tls="starttls")),
)
"""By the article's messages."""


def documented() -> Iterator[str]:
    """The scenarios of the article that have a message, or a case with an entry in the catalogue."""
    known = catalogue.load(PRODUCT).failures
    for path in library.files(library.built_in()):
        of_article = [each for each in library.load(str(path)).documents if each.document == PRODUCT]
        if any(each.message or each.case in known for each in of_article):
            yield path.stem
