"""Every verdict is given to a real program: by what it sent over a socket, its exit status and what it printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from fakesmtp.journal.claim import Claim
from fakesmtp.scenario import library, reader
from fakesmtp.scenario.model import Scenario
from fakesmtp.verdict.verdict import VERDICTS, Verdict, give_verdict
from tests.clients.model import PATIENCE, Mail, Outcome, Target, Tls
from tests.scenarios.served import ServedScenario
from tests.scenarios.table import PLAIN, THREE_RECIPIENTS

from .drivers import DRIVERS, deliver_with_mailutils, deliver_with_tcllib

REPLY_LOST: Final = """
summary: The first message is taken, and the connection closed instead of the reply
rules:
  - {name: reply-lost, at: end-of-data, times: 1, do: [proceed, {close: fin}]}
"""


@attrs.frozen
class Trial:
    """A client, the scenario that it meets, and the verdict that it deserves."""

    client: str
    scenario: str
    name: str
    right: bool
    says: str = ""
    """A piece of the sentence."""
    tls: Tls = "none"
    user: str | None = None
    mail: Mail = PLAIN
    patience: int = PATIENCE

    @property
    def asked(self) -> frozenset[str]:
        """What the client is configured to use."""
        return frozenset({"tls"} if self.tls != "none" else ()) | frozenset({"auth"} if self.user else ())


TRIALS: Final = (
    Trial("curl", "healthy", "delivered", True, "was accepted", tls="starttls", user="alice"),
    Trial("msmtp", "unknown-user", "reported", True, "no such mailbox here"),
    Trial("msmtp", "starttls-not-offered", "reported", True, "STARTTLS was not offered", tls="starttls"),
    Trial("nodemailer", "certificate-wrong-host", "reported", True, "TLS handshake", tls="starttls"),
    Trial("smtplib", "refuse-connect", "reported", True, "no connection"),
    Trial("swaks", "one-recipient-refused", "reported", True, "its message says so", mail=THREE_RECIPIENTS),
    Trial("curl", "reject-message", "unreported", True, "names nothing"),
    Trial("mailutils", "unknown-user", "unreported", True, "names nothing"),
    Trial("tcllib", "unknown-user", "lost", False, "no such mailbox here"),
    Trial("article", "one-recipient-refused", "lost", False, "unknown@example.test", mail=THREE_RECIPIENTS),
    Trial("script that drops", "reject-message", "lost", False, "refused by local policy"),
    Trial("script that drops", "refuse-connect", "lost", False, "no connection came about"),
    Trial("swaks", "quit-closes", "false-alarm", False, "everything was accepted"),
    Trial("smtplib", "quit-refused", "false-alarm", False, "everything was accepted"),
    Trial("mailutils", "silent-server", "hung", False, "greeting got no answer", patience=2),
    Trial("script that aborts", "reject-mail-from", "crashed", False, "SIGABRT"),
    Trial("tcllib", "starttls-not-offered", "leaked", False, "mail went in the clear", tls="starttls"),
    Trial("mailutils", "starttls-refused", "leaked", False, "mail went in the clear", tls="starttls"),
    Trial("swaks", "certificate-wrong-host", "leaked", False, "wrong-host", tls="starttls"),
    Trial("curl", "auth-not-offered", "leaked", False, "without the login", user="alice"),
    Trial("script that resends", "reply-lost", "duplicated", True, "its reply was lost"),
    Trial("script that repeats", "healthy", "duplicated", False, "had been told"),
)


class Court:
    """One process that serves all scenarios, and what a client is known to have done in it."""

    def __init__(self, server: ServedScenario, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def try_(self, trial: Trial) -> tuple[Verdict, Outcome]:
        """Run the client, and judge it."""
        server = self.server[trial.scenario]
        password = "secret" if trial.user else None
        target = Target(server.host, server.port, server.ca, trial.tls, trial.user, password, trial.patience)
        mark = server.mark()
        outcome = DRIVERS[trial.client](target, trial.mail)
        seen = len(server.since(mark, 0 if trial.scenario == "refuse-connect" else 1))
        lines = (self.folder / "journal.ndjson").read_text("utf-8").splitlines()[mark : mark + seen]
        journal: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return give_verdict(self._scenario(trial.scenario), journal, claim_of(outcome), asked=trial.asked), outcome

    def _scenario(self, name: str) -> Scenario:
        own = self.folder / f"{name}.yaml"
        path = own if own.exists() else library.find(name)
        return reader.read_file(path, find=library.find_beside).require()


def claim_of(outcome: Outcome) -> Claim:
    """How the client ended, as a shell would tell it."""
    killed_by = -outcome.status if outcome.status < 0 and not outcome.timed_out else 0
    status = 128 + killed_by if killed_by else outcome.status
    return Claim(None if outcome.timed_out else status, killed_by, outcome.timed_out, outcome.said)


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    """The server of all trials."""
    folder = tmp_path_factory.mktemp("court")
    own = folder / "reply-lost.yaml"
    own.write_text(REPLY_LOST, "utf-8")
    names = sorted({trial.scenario for trial in TRIALS} - {own.stem})
    with closing(ServedScenario(str(own), folder, *names)) as server:
        yield Court(server, folder)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: f"{trial.client}-{trial.scenario}")
def test_the_verdict_that_it_deserves(court: Court, trial: Trial) -> None:
    verdict, outcome = court.try_(trial)
    assert (verdict.name, verdict.right) == (trial.name, trial.right), (verdict.render(), outcome)
    assert trial.says in verdict.sentence
    assert verdict.weak is (verdict.name == "unreported")


def test_what_is_not_known_cannot_be_judged(court: Court) -> None:
    server = court.server["healthy"]
    mark = server.mark()
    outcome = DRIVERS["curl"](Target(server.host, server.port), Mail())
    server.since(mark, 1)
    assert outcome.status == 0
    lines = (court.folder / "journal.ndjson").read_text("utf-8").splitlines()[mark:]
    verdict = give_verdict(None, map(json.loads, lines), Claim())
    assert (verdict.name, verdict.right) == ("unknown", False)


def test_every_verdict_is_given_to_a_real_program() -> None:
    assert {trial.name for trial in TRIALS} | {"unknown"} == VERDICTS.keys()


def test_the_script_fails_as_others_do_where_it_makes_no_mistake(court: Court) -> None:
    verdict, outcome = court.try_(Trial("script that resends", "unknown-user", "reported", True))
    assert (verdict.name, verdict.telling.score, outcome.status) == ("reported", 5, 1)


@pytest.mark.parametrize(
    ("deliver", "packages"), [(deliver_with_tcllib, "tcl tcllib"), (deliver_with_mailutils, "mailutils")]
)
def test_a_missing_client_fails_in_ci(deliver: Any, packages: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(pytest.fail.Exception, match=f"apt-get install {packages}$"):
        deliver(Target("127.0.0.1", 1), Mail())
