"""What a client should not have sent: without TLS, behind a certificate that it had to refuse, or without a login."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from fakesmtp.verdict.exchanges import Exchange, Session
from fakesmtp.verdict.fates import read_transactions

TRUSTWORTHY: Final = frozenset({"valid"})
"""The kinds of certificate that a client which trusts the test authority may accept."""


def find_leaks(sessions: Sequence[Session], asked: Collection[str], outcome: str | None) -> tuple[str, ...]:
    """One sentence for each thing that was sent, and should not have been.

    TLS is demanded where the client was ``asked`` for ``tls``, and where the scenario's outcome is ``insecure``. With
    that outcome nothing may be sent, in TLS or without. A bad certificate counts where TLS is demanded, and where it
    began before the first word: who connects so wants TLS.
    """
    found = [_in_session(session, "tls" in asked, outcome == "insecure") for session in sessions]
    leaks = [leak for each in found for leak in each]
    if "auth" in asked:
        leaks += [leak for session in sessions for leak in _without_login(session)]
    return tuple(dict.fromkeys(leaks))


def _in_session(session: Session, asked: bool, insecure: bool) -> Iterator[str]:
    for exchange in session.exchanges:
        what = _confidential(exchange)
        why = _forbidden(session, exchange, asked, insecure) if what else None
        if why is not None:
            yield f"{what} {'went' if what == 'mail' else 'were sent'} {why} (session {session.number})"


def _forbidden(session: Session, exchange: Exchange, asked: bool, insecure: bool) -> str | None:
    """Why nothing may be sent here; ``None``: it may."""
    if not exchange.in_tls:
        return "in the clear, although TLS was demanded" if asked or insecure else None
    bad = exchange.certificate not in (None, *TRUSTWORTHY)
    if bad and (asked or insecure or session.starts_in_tls):
        return f"behind a certificate that had to be refused: {exchange.certificate}"
    return "out, although the scenario gives a reason not to go on" if insecure else None


def _confidential(exchange: Exchange) -> str | None:
    """What is sent here that others must not see. AUTH without more than a mechanism's name gives nothing away."""
    if exchange.stage in ("mail", "rcpt", "data", "bdat", "end-of-data") and exchange.command:
        return "mail"
    if exchange.stage != "auth" or not exchange.command:
        return None
    words = exchange.command.split()
    return "credentials" if words[0].upper() != "AUTH" or len(words) > 2 else None


def _without_login(session: Session) -> Iterator[str]:
    """Mail data that was sent where nobody has logged in; an envelope that the server refused is none."""
    if not session.logged_in and any(each.ends for each in read_transactions(session)):
        yield f"mail went out without the login that was asked for (session {session.number})"
