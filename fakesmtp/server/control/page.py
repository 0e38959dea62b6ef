"""``/``: a page for people, which shows what is played and what happens.

It holds no data of its own: everything comes over the interface, with the token where one is demanded, and is shown as
text only. It loads nothing from elsewhere, and nothing but its own script runs in it.
"""

from __future__ import annotations

import secrets
from functools import cache
from json import dumps
from pathlib import Path

from fakesmtp.journal.events import KINDS
from fakesmtp.server.control.answer import Answer
from fakesmtp.server.control.asking import Asked
from fakesmtp.server.control.desk import Desk
from fakesmtp.server.control.operations import Content, Operation


@cache
def _page() -> str:
    text = (Path(__file__).parent / "page.html").read_text("utf-8")
    return text.replace("{kinds}", dumps(KINDS))


def _policy(nonce: str) -> str:
    own = f"'nonce-{nonce}'"
    return (
        f"default-src 'none'; script-src {own}; style-src {own}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def operations(desk: Desk) -> list[Operation]:
    """What can be done here."""

    def show(asked: Asked) -> Answer:
        nonce = secrets.token_urlsafe(16)
        page = _page().replace("{nonce}", nonce).replace("{guarded}", "true" if desk.guarded else "false")
        headers = {
            "Content-Security-Policy": _policy(nonce),
            "Referrer-Policy": "no-referrer",
            "X-Frame-Options": "DENY",
        }
        return Answer(page.encode(), "text/html; charset=utf-8", headers=headers)

    html = Content({"type": "string"}, "text/html")
    return [Operation("GET", "/", "A page for people", show, html, is_public=True)]
