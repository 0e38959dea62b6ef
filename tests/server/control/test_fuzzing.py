"""What the OpenAPI document promises is kept, whatever is sent: schemathesis makes up requests, right and wrong ones.

It gets the served document with four changes, so that right requests are known to succeed and none takes long: the
scenario format is cut down to a few plain keys (it is fuzzed where it is read), names and numbers that must exist are
those that do, a wait is short, and the endless stream of events is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.server.control.waiting import Waiter

from ..serving import greeted, in_thread
from .calling import HELLO, Controlled, controlled, deliver

pytest.importorskip("schemathesis")

PATIENCE: Final = 100.0
TOKEN: Final = "geheim"
SCENARIO: Final = """\
rules:
  - {name: first, at: rcpt, chance: 0.5, when: {state: later}, refuse: mailbox-full}
  - {name: second, at: data, do: [{goto: later}, {delay: 0s}]}
"""
_FACTS: Final = ["peer", "listener"]
_OF_SCENARIO: Final = ("outcome", "real-time")
"""Keys that mean to the reader just what they mean in JSON Schema; numbers do not, as there 1.0 is a whole one."""
_CHANGES: Final = {"per": {"anyOf": [{"enum": _FACTS}, {"type": "array", "items": {"enum": _FACTS}}]}}


def simplify(document: dict[str, Any], message: str) -> dict[str, Any]:
    """The document with the changes that are told above."""
    schemas, paths = document["components"]["schemas"], document["paths"]
    known = schemas["ScenarioFile"]["properties"]
    schemas["ScenarioFile"]["properties"] = {key: known[key] for key in _OF_SCENARIO}
    schemas["RuleChange"] = {**schemas["RuleChange"], "properties": _CHANGES, "dependentSchemas": {}}
    del paths["/v1/events"]
    _body(paths["/v1/state"]["put"])["properties"]["state"] = {"enum": ["start", "later"]}
    load = paths["/v1/scenario"]["put"]
    narrowed = {"name": {"enum": ["mailbox-full", "greylisting"]}, "set": {"type": "object", "maxProperties": 0}}
    narrowed["persona"] = {"enum": ["postfix", "generic"]}
    named = {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in narrowed.items() if name != "name"}
    _body(load)["anyOf"][0]["properties"].update(narrowed | named)
    load["requestBody"]["content"] = {"application/json": load["requestBody"]["content"]["application/json"]}
    for parameter in load["parameters"]:
        if parameter["name"] in ("persona", "set"):
            where = parameter if "schema" in parameter else parameter["content"]["application/json"]
            where["schema"] = narrowed[parameter["name"]]
    exist = {"/v1/rules/{name}": ["first", "second"], "/v1/sessions/{id}": [1, 2]}
    exist |= {"/v1/messages/{id}": [message], "/v1/messages/{id}/raw": [message]}
    for path, values in exist.items():
        for operation in paths[path].values():
            operation["parameters"][0]["schema"] = {"enum": values}
    return document


def _body(operation: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


def try_out(site: Controlled, folder: Path, document: dict[str, Any], only: str, *options: str) -> str:
    """What schemathesis has found; nothing if it has found nothing."""
    (folder / "openapi.json").write_text(json.dumps(document), "utf-8")
    (folder / "schemathesis.toml").write_text("", "utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", site.control.url]
    command += ["--phases", "coverage,fuzzing", "--mode", "all", "--max-examples", "15", "--generation-deterministic"]
    command += ["--request-timeout", "20", "--no-color", *options]
    command += ["--include-path-regex", only] if only else []
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCHEMATHESIS")}
    found = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return "" if found.returncode == 0 and " passed" in found.stdout else found.stdout + found.stderr


async def prepare(site: Controlled, **headers: str) -> dict[str, Any]:
    """Something in every list; the document."""
    for _ in range(2):
        talker = await in_thread(greeted, site.server.runs[0], HELLO)
        await in_thread(deliver, talker)
    document = (await site.ask("GET", "/v1/openapi.json", headers=headers)).json
    return simplify(document, site.server.journal.messages[-1].id)


@pytest.mark.timeout(2 * PATIENCE)
@ensureDeferred
async def test_what_is_told_is_told_as_promised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = Waiter.wait
    monkeypatch.setattr(Waiter, "wait", lambda waiter, seconds: wait(waiter, min(seconds, 0.001)))
    async with controlled(SCENARIO) as site:
        document = await prepare(site)
        changing = "^/v1/(scenario|reset)$"
        told = await in_thread(try_out, site, tmp_path, document, "", "--exclude-path-regex", changing)
        assert not told, told


@pytest.mark.timeout(2 * PATIENCE)
@ensureDeferred
async def test_what_is_loaded_is_loaded_as_promised(tmp_path: Path) -> None:
    async with controlled(SCENARIO) as site:
        document = await prepare(site)
        told = await in_thread(try_out, site, tmp_path, document, "^/v1/(scenario|reset|ready)$")
        assert not told, told


@pytest.mark.timeout(2 * PATIENCE)
@ensureDeferred
async def test_the_token_is_demanded_as_promised(tmp_path: Path) -> None:
    async with controlled(SCENARIO, token=TOKEN) as site:
        shown = {"Authorization": f"Bearer {TOKEN}"}
        document = await prepare(site, **shown)
        options = ("-H", f"Authorization: {shown['Authorization']}")
        told = await in_thread(try_out, site, tmp_path, document, "^/(v1/(state|ready|sessions))?$", *options)
        assert not told, told
