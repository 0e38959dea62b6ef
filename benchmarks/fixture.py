"""What a test's server costs the test: the fixture's time beside smtpdfix's and pytest-localserver's, in the same run.

Each of the tests sends one message with smtplib. From the time of the whole test (its fixtures made and ended, pytest's
own work) the time between the client's first and last octet is taken away. The tests of fakesmtp each load a scenario
of their own: all of the library in turn, those among them that keep silent or hang up.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import peers

GATE = 15.0
"""Milliseconds that a test may lose to the fixture, in the median."""
CONFTEST = """
import json, smtplib, time
import pytest

MESSAGE = b"Subject: Report\\r\\n\\r\\nAll is well.\\r\\n"
SPENT, FOUND = [0.0], []

def send(host, port):
    began = time.perf_counter()
    try:
        with smtplib.SMTP(host, port, "client.example.test", timeout=0.25) as client:
            client.sendmail("alice@example.test", ["bob@example.test"], MESSAGE)
    except (smtplib.SMTPException, OSError):
        pass  # most scenarios see to that
    SPENT[0] = time.perf_counter() - began

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    SPENT[0], began = 0.0, time.perf_counter()
    result = yield
    FOUND.append((time.perf_counter() - began - SPENT[0]) * 1000)
    return result

def pytest_sessionfinish():
    with open("spent.json", "w") as file:
        json.dump(FOUND, file)
"""
SUITES = {
    "pytest alone": ("", "def test_it(number):\n    pass\n"),
    "fakesmtp": (
        "fakesmtp",
        "def test_it(number, fakesmtp):\n    send(fakesmtp.host, fakesmtp.port)\n",
    ),
    "smtpdfix": ("smtpdfix", "def test_it(number, smtpd):\n    send(smtpd.hostname, smtpd.port)\n"),
    "pytest-localserver": ("localserver", "def test_it(number, smtpserver):\n    send(*smtpserver.addr[:2])\n"),
}
MODULES = {"smtpdfix": "smtpdfix", "pytest-localserver": "pytest_localserver"}


def scenarios(count: int) -> list[str]:
    """So many names of the library, from the first again where it has fewer."""
    from fakesmtp.scenario import library

    names = [each.name for each in library.every()]
    return [names[number % len(names)] for number in range(count)]


def write_suite(folder: Path, body: str, count: int) -> None:
    """A folder with the tests."""
    (folder / "conftest.py").write_text(CONFTEST)
    marks = f"[pytest.param(name, marks=pytest.mark.fakesmtp(name)) for name in {scenarios(count)!r}]"
    cases = marks if "fakesmtp" in body else f"range({count})"
    text = f'import pytest\nfrom conftest import send\n\n@pytest.mark.parametrize("number", {cases})\n{body}'
    (folder / "test_mail.py").write_text(text)


def spent(name: str, count: int) -> list[float]:
    """Milliseconds of each test beside its client's own."""
    plugin, body = SUITES[name]
    with tempfile.TemporaryDirectory() as place:
        write_suite(Path(place), body, count)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(["-p", plugin] if plugin else [])]
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        ran = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=600)
        if f"{count} passed" not in ran.stdout:
            raise SystemExit(f"{name}: {ran.stdout[-3000:]}{ran.stderr}")
        found: list[float] = json.loads(Path(place, "spent.json").read_text())
        return found


def main() -> None:
    """Print the medians, and those of the paired ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--check", action="store_true", help="end with status 1 where the gate does not hold")
    options = parser.parse_args()
    names = [name for name in SUITES if name not in MODULES or find_spec(MODULES[name])]
    rounds = [{name: spent(name, options.tests) for name in names} for _ in range(options.rounds)]
    medians = {name: peers.median([peers.median(each[name]) for each in rounds]) for name in names}
    for name in names:
        slowest = peers.median([sorted(each[name][1:])[int(len(each[name]) * 0.95) - 1] for each in rounds])
        first = peers.median([each[name][0] for each in rounds])
        print(f"{name}: {medians[name]:.1f} ms a test (95 of 100 below {slowest:.1f} ms, the first {first:.0f} ms)")
    ours = medians["fakesmtp"]
    for name in names[2:]:
        ratio = peers.median([peers.median(each["fakesmtp"]) / peers.median(each[name]) for each in rounds])
        print(f"{ratio:.2f} x {name}")
    print(f"gate {GATE:g} ms{'' if ours < GATE else '  MISSED'}")
    peers.report("fixture", {"medians": medians, "tests": options.tests})
    sys.exit(0 if ours < GATE or not options.check else 1)


if __name__ == "__main__":
    main()
