"""The OpenAPI document: it is one, and it, the operations and the documentation name the same things."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.server.control import desk, openapi
from fakesmtp.server.control.fields import Boolean, Changes, Duration, ListOf, Number, Text, Unfit, Whole, Words

from .calling import Controlled, controlled

DOCUMENT = Path(__file__).parents[3] / "docs" / "control.md"


async def fetch(site: Controlled, **headers: str) -> dict[str, Any]:
    document: dict[str, Any] = (await site.ask("GET", "/v1/openapi.json", headers=headers)).json
    return document


def operations_of(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}


@ensureDeferred
async def test_it_is_a_document_whose_references_lead_somewhere() -> None:
    async with controlled() as site:
        document = await fetch(site)
    assert document["openapi"] == "3.1.0"

    def check(node: Any) -> None:
        if isinstance(node, list):
            for each in node:
                check(each)
        elif isinstance(node, dict):
            if isinstance(reference := node.get("$ref"), str):
                found: Any = document
                for key in reference.removeprefix("#/").split("/"):
                    found = found[key]
            for each in node.values():
                check(each)

    check(document)


@ensureDeferred
async def test_its_schemas_are_schemas() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    async with controlled() as site:
        document = await fetch(site)
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema({**schema, "components": document["components"]})
        assert name


@ensureDeferred
async def test_it_has_all_operations_and_the_documentation_has_them_too() -> None:
    async with controlled() as site:
        served = operations_of(await fetch(site))
        assert served == {(each.method, each.path) for each in site.control._desk.table.operations}
    rows = re.findall(r"^\| `([A-Z|]+) (/[^`?]*)`", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    documented = {(method, path) for methods, path in rows for method in methods.split("|")}
    assert documented == served


@ensureDeferred
async def test_parameters_and_keys_are_documented() -> None:
    async with controlled() as site:
        operations = site.control._desk.table.operations if site.control._site else ()
        await fetch(site)
        operations = site.control._desk.table.operations
    text = DOCUMENT.read_text("utf-8")
    for each in operations:
        names = [*each.query, *each.headers, *(each.body.fields if each.body is not None else ())]
        assert not [name for name in names if f"`{name}`" not in text and f'"{name}"' not in text], each.path


@ensureDeferred
async def test_every_operation_of_it_is_answered() -> None:
    async with controlled("rules: [{name: one, at: mail, silence: true}]") as site:
        for method, path in sorted(operations_of(await fetch(site))):
            if path != "/v1/events":
                reply = await site.ask(method, path.replace("{id}", "1").replace("{name}", "one"))
                assert reply.status in (200, 204, 400, 404, 415, 422), (method, path)


@ensureDeferred
async def test_with_a_token_it_says_that_one_is_needed() -> None:
    async with controlled(token="geheim") as site:
        document = await fetch(site, Authorization="Bearer geheim")
        assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
        assert document["paths"]["/v1/ready"]["get"]["security"] == [{"token": []}]
        assert "401" in document["paths"]["/v1/ready"]["get"]["responses"]
        assert document["paths"]["/"]["get"]["security"] == []
    async with controlled() as site:
        assert "securitySchemes" not in (await fetch(site))["components"]


@ensureDeferred
async def test_operations_have_names_of_their_own() -> None:
    async with controlled() as site:
        document = await fetch(site)
    names = [each["operationId"] for methods in document["paths"].values() for each in methods.values()]
    assert len(names) == len(set(names))


def test_all_modules_with_operations_are_in_the_table() -> None:
    folder = Path(openapi.__file__).parent
    having = {path.stem for path in folder.glob("*.py") if "\ndef operations(" in path.read_text("utf-8")}
    assert having == set(desk.RESOURCES)


# ---------------------------------------------------------------------- kinds of values


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (Text(most=3), ["", "abc", "äöü"], ["abcd", 1, None, [], True]),
        (Text(pattern="[a-z]+"), ["abc"], ["", "aB", "abc\n", "ä"]),
        (Whole(0, 9), [0, 9, 3.0], [-1, 10, 1.5, True, "1", None, 10**400]),
        (Number(0.5, 2), [0.5, 1, 2.0], [0.4, 2.1, True, "1", None, 10**400]),
        (Boolean(), [True, False], [0, 1, "true", None]),
        (Words(("a", "b")), ["a"], ["c", "", 1, None, []]),
        (
            Duration("s|m", parts=2),
            [0, 1.5, "5s", "1m30s", "0.5s"],
            ["5", "5h", "s", "-1s", "1m1m1m", True, -1, 10**12],
        ),
        (ListOf(Words(("a",)), most=2), [[], ["a"], ["a", "a"]], ["a", ["b"], ["a"] * 3, {}, None]),
        (Changes(most=1), [{}, {"a": 1}, {"a": True}, {"a": ""}], [[], {"a": None}, {"a": []}, {"a": 1, "b": 1}, "a"]),
    ],
)
def test_what_is_read_and_what_is_promised_are_one_thing(kind: Any, right: list[Any], wrong: list[Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(kind.schema)
    for value in right:
        kind.read(value)
        assert validator.is_valid(value), value
    for value in wrong:
        with pytest.raises(Unfit):
            kind.read(value)
        assert not validator.is_valid(value) or value == "abc\n", value  # $ matches there, in Python alone
