"""Python's smtplib as the client under test: what it is told to do, and what it tells its user."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from typing import Any, Final

import attrs

from fakesmtp.protocol.stages import Stage
from fakesmtp.scenario.matchers import AllOf, AnyOf, Equals, Glob, Matcher, Over
from fakesmtp.scenario.model import Rule, Scenario

HELO_NAME: Final = "client.example.test"
SENDER: Final = "alice@example.test"
RECIPIENTS: Final = ("bob@example.test", "carol@example.test")
ACCOUNT: Final = ("alice", "correct horse battery staple")
LARGEST: Final = 16_000_000
"""Octets of the largest message that is made to get over a limit."""
_TLS_STAGES: Final = frozenset({Stage.STARTTLS, Stage.TLS})
_AUTH_STAGES: Final = frozenset({Stage.AUTH, Stage.AUTH_LINE, Stage.AUTH_RESPONSE})
_AUTH_REFUSALS: Final = frozenset({"auth-required", "auth-disabled", "login-denied"})


@attrs.frozen
class Errand:
    """What the client is told to do."""

    host: str
    port: int
    ca: str
    tls: str
    """``none``, ``starttls`` or ``implicit``."""
    account: tuple[str, str] | None
    reverse_path: str
    forward_paths: tuple[str, ...]
    message: bytes
    patience: float
    """Seconds that it waits for each reply."""

    @property
    def told(self) -> str:
        """The errand in words."""
        how = {"none": "", "starttls": " over STARTTLS", "implicit": " over TLS"}[self.tls]
        who = f", logged in as {self.account[0]}" if self.account else ""
        return f"send from {self.reverse_path or '<>'} to {' and '.join(self.forward_paths)}{how}{who}"


@attrs.frozen
class Told:
    """What the client told its user."""

    exception: str | None
    """Its class, as in ``smtplib.SMTPSenderRefused``; ``None`` if nothing was raised."""
    text: str
    refused: Mapping[str, str] = attrs.field(factory=dict)
    """By recipient: replies that were returned and not raised."""
    temporary: bool = False
    """Every refusal was a 4xx reply."""

    @property
    def claims_success(self) -> bool:
        """Whether its user must think that the mail went out."""
        return self.exception is None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"exception": self.exception, "text": self.text, "refused": dict(self.refused)}


def make_errand(scenario: Scenario, ready: Mapping[str, Any], patience: float) -> Errand:
    """An errand on which the client meets what the scenario is about.

    :param ready: the ready object of the scenario's run.
    """
    return Errand(
        host=ready["host"],
        port=ready["port"],
        ca=ready["ca"],
        tls=_tls(scenario, ready),
        account=_account(scenario),
        reverse_path=next(iter(_aimed_at(scenario, "reverse-path")), SENDER),
        forward_paths=tuple(_aimed_at(scenario, "forward-path")) or RECIPIENTS,
        message=make_message(_octets(scenario)),
        patience=patience,
    )


def _tls(scenario: Scenario, ready: Mapping[str, Any]) -> str:
    mode: str = next(iter(ready["listeners"].values()))["tls"]
    if mode == "none" and _concerns(scenario, _TLS_STAGES, frozenset({"tls-required"})):
        return "starttls"
    return mode


def _account(scenario: Scenario) -> tuple[str, str] | None:
    if scenario.accounts:
        return next(iter(scenario.accounts.items()))
    return ACCOUNT if _concerns(scenario, _AUTH_STAGES, _AUTH_REFUSALS) else None


def _concerns(scenario: Scenario, stages: frozenset[Stage], refusals: frozenset[str]) -> bool:
    return any(
        not stages.isdisjoint(rule.stages) or any(_refuses(act.name, act.fault, refusals) for act in rule.acts)
        for rule in scenario.rules
    )


def _refuses(name: str, fault: Any, refusals: frozenset[str]) -> bool:
    return name == "refuse" and fault.name in refusals


def _aimed_at(scenario: Scenario, fact: str) -> list[str]:
    """Addresses that the scenario's rules speak of."""
    found = [_address(matcher) for rule in scenario.rules for matcher in _matchers(rule, fact)]
    return list(dict.fromkeys(address for address in found if address is not None))


def _matchers(rule: Rule, fact: str) -> list[Matcher]:
    return [condition.matcher for condition in rule.when if condition.fact == fact]


def _address(matcher: Matcher) -> str | None:
    """An address that matches; ``None`` if it is hard to find one."""
    match matcher:
        case AnyOf(choices=choices):
            return next((found for each in choices if (found := _address(each)) is not None), None)
        case Equals(value=str() as text):
            return text
        case Glob(glob=""):
            return ""
        case Glob(glob=glob):
            local, at, domain = glob.replace("?", "x").rpartition("@")
            made = f"{local.replace('*', 'demo')}@{domain.replace('*', 'example.test')}" if at else ""
            return made if made and made.isascii() and " " not in made and matcher.matches(made) else None
    return None


def _octets(scenario: Scenario) -> int:
    """More than the lowest limit that a rule sets, as far as that is sensible."""
    bounds = [
        int(bound) for rule in scenario.rules for matcher in _matchers(rule, "size") for bound in _bounds(matcher)
    ]
    return min(bounds) + 1 if bounds and min(bounds) < LARGEST else 0


def _bounds(matcher: Matcher) -> list[float]:
    match matcher:
        case Over(bound=bound):
            return [bound]
        case AllOf(parts=parts):
            return [bound for part in parts for bound in _bounds(part)]
    return []


def make_message(least: int = 0) -> bytes:
    """A short mail with an attachment, of at least so many octets."""
    from email.message import EmailMessage
    from email.policy import SMTP

    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = SENDER, ", ".join(RECIPIENTS)
    message["Subject"] = "Backup report"
    message["Message-ID"] = "<demo@client.example.test>"
    message.set_content("The backup has finished.\n")
    rows = max(1, least // 32 + 1) if least else 1
    message.add_attachment("host,status,seconds;nothing more\n" * rows, filename="report.csv")
    message.set_boundary("demo")
    return message.as_bytes()


def run_errand(errand: Errand) -> Told:
    """Do the errand with smtplib; it blocks, and every wait of it is bounded by the errand's patience."""
    try:
        with _connect(errand) as client:
            return _accepted(_deliver(client, errand))
    except smtplib.SMTPRecipientsRefused as error:
        replies = {path: _reply(*reply) for path, reply in error.recipients.items()}
        temporary = all(reply.startswith("4") for reply in replies.values())
        return Told(_class_of(error), _lines(replies), temporary=temporary)
    except smtplib.SMTPResponseException as error:
        return Told(_class_of(error), _reply(error.smtp_code, error.smtp_error), temporary=error.smtp_code // 100 == 4)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return Told(_class_of(error), str(error) or "(no text)")


def _accepted(refused: Mapping[str, tuple[int, bytes]]) -> Told:
    replies = {path: _reply(*reply) for path, reply in refused.items()}
    if replies:
        text = f"sendmail() raised nothing, and returned whom the server has refused:\n{_lines(replies)}"
    else:
        text = "sendmail() raised nothing: the mail is sent"
    return Told(None, text, replies)


def _connect(errand: Errand) -> smtplib.SMTP:
    if errand.tls == "implicit":
        return smtplib.SMTP_SSL(errand.host, errand.port, HELO_NAME, timeout=errand.patience, context=_context(errand))
    return smtplib.SMTP(errand.host, errand.port, HELO_NAME, timeout=errand.patience)


def _context(errand: Errand) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=errand.ca)


def _deliver(client: smtplib.SMTP, errand: Errand) -> dict[str, tuple[int, bytes]]:
    if errand.tls == "starttls":
        client.starttls(context=_context(errand))
    if errand.account is not None:
        client.login(*errand.account)
    return client.sendmail(errand.reverse_path, errand.forward_paths, errand.message)


def _reply(code: int, text: bytes | str) -> str:
    shown = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    return f"{code} {shown}"


def _lines(replies: Mapping[str, str]) -> str:
    return "\n".join(f"{path}: {reply}" for path, reply in replies.items())


def _class_of(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
