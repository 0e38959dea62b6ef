"""The page for people: one file, nothing from elsewhere, no script but its own, no markup from what clients send."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.journal.events import KINDS
from fakesmtp.server.control import page

from .calling import controlled

FILE = Path(page.__file__).parent / "page.html"


@ensureDeferred
async def test_only_its_own_script_runs() -> None:
    async with controlled() as site:
        first, second = [await site.ask("GET", "/") for _ in range(2)]
        assert first.headers["Content-Type"] == "text/html; charset=utf-8"
        nonces = []
        for reply in (first, second):
            policy = dict(rule.split(" ", 1) for rule in reply.headers["Content-Security-Policy"].split("; "))
            (nonce,) = set(re.findall(r"'nonce-([\w-]+)'", reply.headers["Content-Security-Policy"]))
            assert policy == {
                "default-src": "'none'",
                "script-src": f"'nonce-{nonce}'",
                "style-src": f"'nonce-{nonce}'",
                "connect-src": "'self'",
                "base-uri": "'none'",
                "form-action": "'none'",
                "frame-ancestors": "'none'",
            }
            assert set(re.findall(r'nonce="([^"]*)"', reply.body.decode())) == {nonce}
            nonces.append(nonce)
        assert nonces[0] != nonces[1]
        assert first.headers["Referrer-Policy"] == "no-referrer"


def test_it_loads_nothing_from_elsewhere() -> None:
    text = FILE.read_text("utf-8")
    assert not re.findall(r"https?://|src=|@import|url\(", text)


def test_what_clients_send_is_shown_as_text() -> None:
    text = FILE.read_text("utf-8")
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|style=| on\w+=", text)


@ensureDeferred
async def test_every_kind_of_entry_is_listened_for() -> None:
    async with controlled() as site:
        text = (await site.ask("GET", "/")).body.decode()
    listed = re.search(r"const kinds = (.*?);", text)
    assert listed is not None
    assert json.loads(listed[1]) == list(KINDS)
    assert not re.findall(r"\{(nonce|guarded|kinds)\}", text)


@ensureDeferred
async def test_its_script_is_a_script(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    async with controlled() as site:
        text = (await site.ask("GET", "/")).body.decode()
    script = re.search(r"<script[^>]*>(.*)</script>", text, re.DOTALL)
    assert script is not None
    (tmp_path / "page.js").write_text(script[1], "utf-8")
    checked = subprocess.run([node, "--check", tmp_path / "page.js"], capture_output=True, text=True, check=False)
    assert not checked.stderr
