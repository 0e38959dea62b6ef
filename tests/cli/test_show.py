from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from fakesmtp.cli.explaining import EXAMPLES
from fakesmtp.cli.status import Status
from fakesmtp.protocol.wording import PLACEHOLDERS

from .running import plain, run

EVERYTHING: Final = """\
summary: All that can be said
persona: sendmail
tls: {mode: starttls, certificate: expired, versions: [TLSv1.2, TLSv1.3], client-certificate: true}
accounts: {alice: secret, bob: secret}
address: mail.invalid
capabilities: {SIZE: 1000, CHUNKING: false}
auth: {mechanisms: [LOGIN, PLAIN], only-in-tls: true}
limits: {idle: 5s, recipients: 3}
clock: {offset: +9h, zone: "-0800"}
dns: {127.0.0.1: {PTR: none}, mail.invalid: SERVFAIL, mx.example.test: {A: [127.0.0.1, 127.0.0.2]}}
listeners: {smtp: {}, smtps: {tls: implicit, family: ipv6}, gone: {state: closed, port: 2526}, lmtp: {}}
rules:
  - name: slow
    at: [rcpt, end-of-data]
    when: {forward-path: {not: "*@example.test"}, size: {over: 10MB}, tls: true, peer: 192.0.2.0/24}
    after: 1
    times: 3
    every: 2
    for: 1h
    chance: 0.25
    per: [peer, user]
    do: [{delay: {uniform: [1s, 5s]}}, {dribble: {bytes: 3, every: 250ms}}]
  - name: raw
    at: greeting
    do: [{send: "HTTP/1.1 400\\r\\n"}, {close: rst}]
  - name: attached
    at: end-of-data
    when: {attachment: {any: true, extension: [exe, zip], size: {over: 1kB}}, user: [alice, bob]}
    do: [discard]
  - name: full
    at: any
    when: {connections: {over: 5}}
    refuse: too-many-connections
  - name: words
    at: mail
    when: {reverse-path: "", mechanism: none}
    reply: ["550-5.7.1 No", 550 really]
  - name: nameless
    at: [helo, rcpt]
    refuse: no-reverse-dns
expect:
  - commands: {never: [AUTH, MAIL]}
  - quit: true
"""


@pytest.mark.usefixtures("project")
def test_a_scenario_explained() -> None:
    result = run("show", "later", "--no-transcript", columns=80)
    assert (result.status, result.stderr) == (Status.OK, "")
    assert (
        result.stdout
        == """\
put-off
Strangers are put off for ten minutes

  The first try of each sender and recipient is deferred.

  The second one passes.

What goes wrong
  at rcpt  stranger
     when forward-path is bob@* or carol@*
     for 10m from the first time, counted for each reverse-path and forward-path
     reply, word for word:
        450 4.7.1 Come back later

What a correct client must do
  - deferred: Try again later, or say that the mail was not sent: the server
    refuses for now. To claim success is wrong.
  - One recipient is refused, not the mail: the others get it, and the sender
    learns of this one. (RFC 5321 section 3.3)

The server
  speaks as  generic (fakesmtp's own words, after RFC 5321)
  TLS        none

Where it is documented
  acronis-vmprotect  case rcpt-refused
     ja  サーバーは DATA コマンドを受け付けることができません。
     en  The server cannot accept the DATA command.

Standards
  RFC 6647 section 2

How to run it
  fakesmtp demo put-off
  fakesmtp exec put-off -- pytest tests/mail
  fakesmtp exec --client put-off -- curl -sS smtp://{address} --mail-from alice@example.test \
--mail-rcpt bob@example.test -F =Done.
  fakesmtp serve put-off --port 2525

Where to find it
  scenarios/rcpt/put-off.yaml
  also called later
  tagged rcpt, retry
"""
    )


@pytest.mark.usefixtures("project")
def test_a_healthy_server_explained(tmp_path: Path) -> None:
    assert (
        run("show", "fine", "--no-transcript", columns=80).stdout
        == f"""\
fine
Everything is accepted

What goes wrong
  Nothing.

What a correct client must do
  - delivered: Deliver the mail, and say so.

The server
  speaks as  generic (fakesmtp's own words, after RFC 5321)
  TLS        none

How to run it
  fakesmtp demo fine
  fakesmtp exec fine -- pytest tests/mail
  fakesmtp exec --client fine -- curl -sS smtp://{{address}} --mail-from alice@example.test \
--mail-rcpt bob@example.test -F =Done.
  fakesmtp serve fine --port 2525

Where to find it
  {tmp_path}/library/healthy/fine.yaml
"""
    )


def test_everything_that_a_scenario_can_say(tmp_path: Path) -> None:
    path = tmp_path / "everything.yaml"
    path.write_text(EVERYTHING)
    shown = run("show", str(path), "--no-transcript", columns=100).stdout
    assert (
        shown[shown.index("What goes wrong") : shown.index("How to run it")]
        == """\
What goes wrong
  at rcpt, end-of-data  slow
     when not (forward-path is *@example.test)
     and size is over 10 MB
     and tls is true
     and peer is in 192.0.2.0/24
     after the first time, only every 2nd time, 3 times at most, for 1h from the first time, with a
     chance of 25 %, counted for each peer and user
     delay: 1s to 5s, drawn anew each time
        Waits before the reply.
     dribble: {bytes: 3 octets, every: 250ms}
        Sends the reply a few octets at a time.
  at greeting  raw
     send: 'HTTP/1.1 400\\r\\n'
        Sends these octets as they are in place of a reply, and moves no state.
     close: rst
        Closes the connection: `fin`, `rst`, `half` (only our direction) or `no-close-notify` (TLS
        cut short).
  at end-of-data  attached
     when attachment extension is exe or zip and attachment size is over 1 kB
     and user is alice or bob
     discard
        Answers as on success and loses the message.
  at any  full
     when connections is over 5
     refuse: too-many-connections, and the connection is closed
        421 4.3.2 Too many open connections.
        (sendmail's words, as sendmail 8.17.1.9 (Debian 12) says them: sendmail 8.17.1.9
        cf/m4/proto.m4:3295)
  at mail  words
     when reverse-path is empty
     and mechanism is absent
     reply, word for word:
        550-5.7.1 No
        550 5.7.1 really
  at helo, rcpt  nameless
     refuse: no-reverse-dns
        helo: 550 5.7.1 Fix reverse DNS for 127.0.0.1
        rcpt: 550 5.7.1 <bob@example.test>... Relaying denied. IP name lookup failed [127.0.0.1]
        (sendmail's words, verified: sendmail 8.17.1.9 cf/m4/proto.m4:1858 (require_rdns), 2329 (at
        RCPT))

What a correct client must do
  - This is not judged: to report success or failure may both be right.
  - It waits 5 minutes for RCPT at least, and then goes on as if nothing had been. (RFC 5321 section
    4.5.3.2.3)
  - Each command has one reply, in the order of the commands; what fits none of them ends the
    session. (RFC 5321 section 4.2; RFC 2920 section 3.1)
  - A connection that is lost counts as 451: the mail is kept, and tried again later. (RFC 5321
    section 3.8)

What it is checked for
  commands: {never: [AUTH, MAIL]}
  quit: true

The server
  speaks as            sendmail (sendmail 8.17)
  TLS                  STARTTLS is offered; certificate expired; versions TLSv1.2 and TLSv1.3; a
                       client certificate is demanded
  client is told       to connect to mail.invalid
  EHLO offers          also SIZE 1000; no CHUNKING
  AUTH                 only LOGIN and PLAIN; only in TLS
  limits               recipients 3, idle 5s
  clock                9h ahead, zone -0800
  listener smtps       TLS from the first byte (implicit); certificate expired; versions TLSv1.2 and
                       TLSv1.3; a client certificate is demanded, on ipv6
  listener gone        the port refuses connections, port 2526
  listener lmtp        LMTP
  accounts             alice and bob
  DNS 127.0.0.1        PTR none
  DNS mail.invalid     SERVFAIL
  DNS mx.example.test  A 127.0.0.1 and 127.0.0.2

"""
    )


def shown(tmp_path: Path, text: str, *arguments: str) -> str:
    path = tmp_path / "it.yaml"
    path.write_text(text)
    return run("show", str(path), *arguments, columns=200).stdout


@pytest.mark.parametrize(
    ("persona", "refusal", "told"),
    [
        ("generic", "greylisted", "(generic's words)"),
        ("wiz98", "mailbox-full", "(generic's words: wiz98 has none for this)"),
        ("postfix", "unknown-user", "(postfix's words, as Postfix 3.7.11 (Debian 12) says them: Postfix 3.12 src"),
        ("qmail", "relay-denied", "(qmail's words, verified: "),
        ("postfix", "bad-sequence", "(postfix's words, as Postfix 3.7.11 (Debian 12) says them: "),
        ("exchange", "mailbox-full", "; exchange says this at end-of-data, unverified)"),
        ("postfix", "mailbox-full", "; that it is said at this stage is unverified)"),
        ("communigate-pro", "mailbox-full", "(communigate-pro's words, unverified: "),
    ],
)
def test_whose_words_they_are_is_told(tmp_path: Path, persona: str, refusal: str, told: str) -> None:
    rules = f"rules: [{{at: rcpt, refuse: {refusal}}}]"
    assert told in shown(tmp_path, f"persona: {persona}\n{rules}")
    assert told in shown(tmp_path, rules, "--persona", persona)


@pytest.mark.usefixtures("project")
def test_what_it_looks_like_is_shown() -> None:
    text = run("show", "put-off", columns=200).stdout
    played = text[text.index("What it looks like") : text.index("The server\n")]
    assert played.startswith(
        """\
What it looks like
  S: 220 mx.example.test ESMTP fakesmtp
  C: EHLO client.example.test
  S: 250-mx.example.test
  S: … 9 more lines …
  S: 250 HELP
  C: MAIL FROM:<alice@example.test>
  S: 250 2.1.0 Sender OK
  C: RCPT TO:<bob@example.test>
  S: 450 4.7.1 Come back later  # stranger
"""
    )
    assert "  -- 10m1s later, a new connection\n" in played
    assert played.endswith("  -- the client reports: delivered: 250 2.0.0 OK: queued as 00002001\n\n")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("tls: {mode: starttls, certificate: expired}", "No rule: it is the server itself, see below."),
        ("capabilities: {SIZE: false}", "No rule: it is the server itself, see below."),
        ("tls: starttls", "Nothing."),
        ("listeners: {smtp: {}, smtps: {tls: implicit}}", "Nothing."),
    ],
)
def test_without_rules_it_is_the_server_or_nothing(tmp_path: Path, keys: str, told: str) -> None:
    assert f"What goes wrong\n  {told}\n" in shown(tmp_path, keys, "--no-transcript")


def test_a_closed_port_goes_wrong_before_the_first_byte(tmp_path: Path) -> None:
    text = shown(tmp_path, "listeners: {smtp: {state: closed}}")
    assert "What goes wrong\n  Before the first byte: see the server, below.\n" in text
    assert "listener smtp  the port refuses connections\n" in text


def test_every_placeholder_of_a_persona_has_an_example() -> None:
    assert {*EXAMPLES, "host", "mechanisms", "limit", "version"} == PLACEHOLDERS.keys()


@pytest.mark.usefixtures("project")
def test_a_scenario_outside_the_folders_is_run_by_its_path() -> None:
    Path("other").mkdir()
    Path("other/put-off.yaml").write_text("{}")
    Path("other/stranger.yaml").write_text("{}")
    assert "  fakesmtp demo other/put-off.yaml\n" in run("show", "other/put-off.yaml").stdout
    assert "  fakesmtp demo other/stranger.yaml\n" in run("show", "other/stranger.yaml").stdout
    assert "  fakesmtp demo put-off\n" in run("show", "scenarios/rcpt/put-off.yaml").stdout


def test_commands_and_paths_are_never_broken(tmp_path: Path) -> None:
    path = tmp_path / f"{'long-' * 20}name.yaml"
    path.write_text("{}")
    lines = run("show", str(path), columns=80).stdout.splitlines()
    assert f"  {path}" in lines
    assert f"  fakesmtp exec {path} -- pytest tests/mail" in lines


@pytest.mark.usefixtures("project")
def test_tells_programs_everything() -> None:
    told = json.loads(run("show", "put-off", "--json").stdout)
    assert told["name"] == "put-off"
    assert told["outcome"] == "deferred"
    assert told["client-must"].startswith("Try again later, or say that the mail was not sent")
    assert told["duties"][0]["rfc"] == ["RFC 5321 section 3.3"]
    assert "S: 450 4.7.1 Come back later" in told["transcript"]
    assert json.loads(run("show", "put-off", "--json", "--no-transcript").stdout)["transcript"] is None
    assert told["documents"][0]["message"]["en"] == "The server cannot accept the DATA command."
    assert told["rfc"] == ["RFC 6647 section 2"]
    assert told["place"] == "scenarios/rcpt/put-off.yaml"
    assert told["rules"] == [
        {
            "name": "stranger",
            "at": ["rcpt"],
            "when": ["forward-path is bob@* or carol@*"],
            "how-often": "for 10m from the first time, counted for each reverse-path and forward-path",
            "does": [
                {
                    "fault": "reply",
                    "written": "reply, word for word:",
                    "meaning": None,
                    "replies": {"rcpt": "450 4.7.1 Come back later"},
                    "words": None,
                }
            ],
            "place": "scenarios/rcpt/put-off.yaml:18",
        }
    ]


def test_the_source_is_the_file_to_the_letter(project: Path) -> None:
    text = (project / "scenarios" / "rcpt" / "put-off.yaml").read_text("utf-8")
    assert run("show", "put-off", "--source").stdout == text
    assert json.loads(run("show", "put-off", "--source", "--json").stdout)["source"] == text


def test_the_source_is_highlighted_where_there_is_colour(project: Path) -> None:
    text = (project / "scenarios" / "mail" / "no-sender.yaml").read_text("utf-8")
    shown = run("show", "no-sender", "--source", "--color", "always", columns=200).stdout
    assert "\x1b[" in shown
    assert plain(shown) == text


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["put-of"], Status.INVALID, "fakesmtp: unknown scenario 'put-of'; did you mean 'put-off'?\n"),
        (["gone.yaml"], Status.INVALID, "fakesmtp: there is no file 'gone.yaml'\n"),
        (["put-off", "--persona", "qmial"], Status.USAGE, "there is no persona 'qmial'; did you mean 'qmail'?\n"),
        ([], Status.USAGE, "Missing argument 'NAME' (of a scenario; or --persona with the name of a persona).\n"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_is_wrong_is_told(arguments: list[str], status: Status, told: str) -> None:
    result = run("show", *arguments)
    assert (result.status, result.stdout) == (status, "")
    assert result.stderr.endswith(told)


def test_of_an_invalid_scenario_the_errors_are_told(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("outcome: fine\n")
    result = run("show", str(tmp_path / "bad.yaml"))
    assert result.status == Status.INVALID
    assert result.stderr.startswith(f"fakesmtp: {tmp_path}/bad.yaml:1:10: unknown outcome 'fine'")
