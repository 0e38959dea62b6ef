from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from fakesmtp.cli.status import Status
from fakesmtp.tls import Authority

from .running import run


def test_makes_an_authority_that_runs_can_load(tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    result = run("ca", "--write", str(folder))
    expiry = Authority.load(folder).certificate.not_valid_after_utc
    assert result.status == Status.OK
    assert result.stdout == (
        f"{folder}/ca.pem  the certificate, for clients to trust (until {expiry:%Y-%m-%d})\n"
        f"{folder}/ca.crl.pem  what it has revoked, for clients that ask for that\n"
        f"{folder}/ca.key  the key, which stays on this machine\n"
    )
    assert result.stderr == f"Run with --ca {folder}, or FAKESMTP_CA={folder}\n"


def test_nobody_else_may_read_the_key(tmp_path: Path) -> None:
    run("ca", "--write", str(tmp_path))
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "ca.pem").stat().st_mode) == 0o644


def test_tells_programs_the_paths(tmp_path: Path) -> None:
    told = json.loads(run("ca", "--write", str(tmp_path), "--json").stdout)
    assert told == {
        "certificate": str(tmp_path / "ca.pem"),
        "key": str(tmp_path / "ca.key"),
        "expires": Authority.load(tmp_path).certificate.not_valid_after_utc.isoformat(),
    }


@pytest.mark.parametrize("present", ["ca.pem", "ca.key"])
def test_does_not_overwrite_unasked(tmp_path: Path, present: str) -> None:
    (tmp_path / present).write_text("precious")
    result = run("ca", "--write", str(tmp_path))
    assert result.status == Status.USAGE
    assert result.stderr == (
        f"fakesmtp: {tmp_path}/{present} is already there; --force replaces it,"
        " and what trusts it must then be told anew\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == [present]
    assert (tmp_path / present).read_text() == "precious"


def test_force_replaces_both(tmp_path: Path) -> None:
    run("ca", "--write", str(tmp_path))
    before = Authority.load(tmp_path).pem
    assert run("ca", "--write", str(tmp_path), "--force").status == Status.OK
    assert Authority.load(tmp_path).pem != before


def test_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("ca", "--write", str(tmp_path / "file" / "authority"))
    assert result.status == Status.NOT_STARTED
    assert result.stderr == f"fakesmtp: cannot write {tmp_path}/file/authority: Not a directory\n"


def test_says_what_is_missing() -> None:
    result = run("ca")
    assert result.status == Status.USAGE
    assert "say where to make it: fakesmtp ca --write DIR" in result.stderr
