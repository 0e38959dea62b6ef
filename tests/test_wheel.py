"""The built wheel, in an empty environment: the library of scenarios is inside and the command runs."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command that must end well."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment that holds the wheel, and nothing that the wheel does not ask for."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", folder / "dist", ROOT, cwd=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    run(folder / "env/bin/pip", "install", "-q", wheel, cwd=folder)
    return folder / "env/bin"


def test_the_library_is_inside(installed: Path, tmp_path: Path) -> None:
    listed = json.loads(run(installed / "fakesmtp", "list", "--json", cwd=tmp_path).stdout)
    built_in = {path.stem for path in (ROOT / "scenarios").rglob("*.yaml")}
    assert {scenario["name"] for scenario in listed} == built_in


def test_a_scenario_runs(installed: Path, tmp_path: Path) -> None:
    script = (
        "import os, smtplib\n"
        "smtplib.SMTP(os.environ['SMTP_HOST'], int(os.environ['SMTP_PORT'])).sendmail('a@b', 'c@d', 'x')"
    )
    done = subprocess.run(
        [installed / "fakesmtp", "exec", "reject-mail-from", "--", installed / "python", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "SMTPSenderRefused: (550" in done.stderr
    assert done.stderr.splitlines()[-1] == "fakesmtp: status 1 is the command's own"


def test_what_users_suites_need_is_inside(installed: Path, tmp_path: Path) -> None:
    """The catalogues, the live page, the pytest plugin, and types; without pytest, which the wheel does not ask for."""
    script = (
        "import json, sys, urllib.request\n"
        "from importlib.metadata import entry_points\n"
        "from importlib.resources import files\n"
        "from fakesmtp import FakeSMTP\n"
        "from fakesmtp.verdict import catalogue\n"
        "with FakeSMTP('mailbox-full') as smtp:\n"
        "    page = urllib.request.urlopen(smtp.control_url).read().decode()\n"
        "plugins = [each.value for each in entry_points(group='pytest11')]\n"
        "typed = files('fakesmtp').joinpath('py.typed').is_file()\n"
        "print(json.dumps([catalogue.names(), '<html' in page, plugins, typed]))"
    )
    names, page, plugins, typed = json.loads(run(installed / "python", "-c", script, cwd=tmp_path).stdout)
    assert {path.stem for path in (ROOT / "fakesmtp/verdict/catalogues").glob("*.yaml")} == set(names)
    assert (page, plugins, typed) == (True, ["fakesmtp.testing.plugin"], True)


def test_the_plugin_works_where_pytest_is(installed: Path, tmp_path: Path) -> None:
    run(installed / "pip", "install", "-q", "pytest", cwd=tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import smtplib\n\n"
        "def test_delivers(fakesmtp):\n"
        "    with smtplib.SMTP(fakesmtp.host, fakesmtp.port, timeout=20) as client:\n"
        "        client.sendmail('a@example.test', 'b@example.test', 'Subject: x')\n"
        "    assert len(fakesmtp.messages) == 1\n"
    )
    assert "1 passed" in run(installed / "python", "-m", "pytest", "-q", "test_it.py", cwd=tmp_path).stdout
