from __future__ import annotations

import json
from pathlib import Path

from fakesmtp.cli.status import Status

from .running import run


def test_prints_a_schema_that_knows_the_keys_of_a_scenario() -> None:
    result = run("schema")
    schema = json.loads(result.stdout)
    assert (result.status, result.stderr) == (Status.OK, "")
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"summary", "rules", "expect", "listeners"} <= schema["properties"].keys()


def test_writes_the_same_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "fakesmtp.schema.json"
    result = run("schema", "--output", str(path))
    assert (result.status, result.stdout, result.stderr) == (Status.OK, "", f"{path} written\n")
    assert path.read_text("utf-8") == run("schema").stdout


def test_says_where_it_cannot_write(tmp_path: Path) -> None:
    result = run("schema", "-o", str(tmp_path / "gone" / "schema.json"))
    assert result.status == Status.NOT_STARTED
    assert result.stderr == f"fakesmtp: cannot write {tmp_path}/gone/schema.json: No such file or directory\n"
