"""Another scenario instead of the one that is played: by name, as text, for a while; and what is wrong with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.scenario import library
from fakesmtp.server.control.shelf import Shelf

from ..serving import greeted, in_thread, until
from .calling import HELLO, YAML, Controlled, controlled

REFUSES = "rules: [{name: no, at: mail, reply: 550 5.7.1 not you}]"


async def first_reply(site: Controlled, command: bytes) -> bytes:
    """What a new client gets to this."""
    talker = await in_thread(greeted, site.server.runs[0], HELLO)
    return await in_thread(talker.say, command)


def put(site: Controlled, body: Any, **query: Any) -> Any:
    """Load a scenario: text as YAML, everything else as JSON."""
    path = "/v1/scenario" + (f"?{urlencode(query)}" if query else "")
    return site.ask("PUT", path, body, YAML) if isinstance(body, bytes) else site.ask("PUT", path, body)


@ensureDeferred
async def test_what_is_played_is_told_with_how_far_its_rules_have_come() -> None:
    text = "summary: Odd mail is refused\nrules:\n  - {name: odd, at: mail, every: 2, reply: 450 4.3.0 later}\n"
    async with controlled(text, seed=7, speed=10) as site:
        talker = await in_thread(greeted, site.server.runs[0], HELLO)
        for _ in range(3):
            await in_thread(talker.say, b"MAIL FROM:<a@example.test>", b"RSET")
        told = (await site.ask("GET", "/v1/scenario")).json
        assert {name: told[name] for name in ("name", "summary", "seed", "speed", "epoch", "state", "states")} == {
            "name": "first",
            "summary": "Odd mail is refused",
            "seed": 7,
            "speed": 10,
            "epoch": 1,
            "state": "start",
            "states": ["start"],
        }
        (rule,) = told["rules"]
        assert (rule["name"], rule["stages"], rule["met"], rule["acted"]) == ("odd", ["mail"], 3, 2)
        assert (rule["place"], rule["every"]) == ("<scenario>:3", 2)
        assert told["source"] == text


@ensureDeferred
async def test_a_scenario_is_loaded_by_name_and_answers_with_the_new_ready_object() -> None:
    async with controlled() as site:
        before = (await site.ask("GET", "/v1/ready")).json
        body = {"name": "reject-mail-from", "seed": 3, "speed": 2, "persona": "postfix"}
        reply = await put(site, body)
        assert reply.status == 200
        assert reply.json == (await site.ask("GET", "/v1/ready")).json
        assert (reply.json["scenario"], reply.json["seed"], reply.json["port"]) == (
            "reject-mail-from",
            3,
            before["port"],
        )
        told = (await site.ask("GET", "/v1/scenario")).json
        assert (told["persona"], told["speed"], told["epoch"]) == ("postfix", 2, 2)
        assert (await first_reply(site, b"MAIL FROM:<a@example.test>")).startswith(b"5")


@ensureDeferred
async def test_values_are_put_over_a_scenario() -> None:
    async with controlled() as site:
        changes = {"rules.first-try.times": 3, "rules.first-try.chance": "0.5", "real-time": True}
        assert (await put(site, {"name": "greylisting", "set": changes})).status == 200
        scenario = site.server.runs[0].scenario
        (rule,) = scenario.rules
        assert (rule.times, rule.chance, scenario.real_time) == (3, 0.5, True)
        text = b"rules: [{name: one, at: mail, reply: 450 4.3.0 later}]"
        assert (await put(site, text, set='{"rules.one.times": 1}')).status == 200
        assert site.server.runs[0].scenario.rules[0].times == 1


@ensureDeferred
async def test_what_is_put_over_a_scenario_may_be_wrong() -> None:
    async with controlled() as site:
        reply = await put(site, {"name": "greylisting", "set": {"rules.first-tri.times": 3}})
        assert (reply.status, reply.is_problem) == (422, True)
        assert "did you mean 'first-try'?" in reply.json["detail"]
        reply = await put(site, {"name": "greylisting", "set": {"rules.first-try.times": [3]}})
        assert reply.json["errors"][0]["pointer"] == "/set"
        for text in ("{", "[1]", '{"a": null}'):
            assert (await put(site, b"{}", set=text)).status == 400


@ensureDeferred
async def test_an_unknown_name_is_404_with_the_nearest() -> None:
    async with controlled() as site:
        reply = await put(site, {"name": "greylistin"})
        assert (reply.status, reply.is_problem) == (404, True)
        assert reply.json["detail"].startswith("unknown scenario 'greylistin'; did you mean 'greylisting'")
        assert site.server.journal.epoch == 1


@ensureDeferred
async def test_an_unknown_persona_is_told_with_the_nearest() -> None:
    async with controlled() as site:
        assert (await put(site, {"name": "greylisting", "persona": "postfx"})).json["errors"] == [
            {"pointer": "/persona", "message": "unknown persona 'postfx'", "hint": "did you mean 'postfix'?"}
        ]
        assert (await put(site, b"{}", persona="null")).status == 400


# ---------------------------------------------------------------------- as text


@ensureDeferred
async def test_a_whole_scenario_is_yaml_or_json() -> None:
    async with controlled() as site:
        for body in (REFUSES.encode(), {"rules": [{"at": "mail", "reply": "550 5.7.1 not you"}]}):
            reply = await put(site, body, name="my-own", seed=5)
            assert (reply.status, reply.json["scenario"], reply.json["seed"]) == (200, "my-own", 5)
            assert await first_reply(site, b"MAIL FROM:<a@example.test>") == b"550 5.7.1 not you\r\n"
        assert (await put(site, b"{}")).json["scenario"] == "inline"


@ensureDeferred
async def test_every_mistake_comes_back_with_its_line_and_column() -> None:
    text = b"summary: two mistakes\nrules:\n  - at: rcpt\n    refuze: mailbox-full\n  - at: mial\n    silence: true\n"
    async with controlled() as site:
        reply = await put(site, text)
        assert (reply.status, reply.is_problem) == (422, True)
        told = [(e["file"], e["line"], e["column"], e["message"], e["hint"]) for e in reply.json["errors"]]
        assert told == [
            ("<inline>", 4, 5, "unknown key of a rule: 'refuze'", "did you mean 'refuse'?"),
            ("<inline>", 5, 9, "unknown stage 'mial'", "did you mean 'mail'?"),
        ]
        first = reply.json["errors"][0]
        assert (first["severity"], first["source"]) == ("error", "    refuze: mailbox-full")
        assert first["rendered"].splitlines()[1:] == ["        refuze: mailbox-full", "        ^"]
        assert reply.json["detail"].endswith("did you mean 'refuse'? (and 1 more)")
        assert site.server.journal.epoch == 1
        body = b'{\n "rules": [\n  {"at": "rcpt",\n   "refuse": "mailbox-ful"}]}'
        reply = await site.ask("PUT", "/v1/scenario", body, {"Content-Type": "application/json"})
        assert [(e["line"], e["column"]) for e in reply.json["errors"]] == [(4, 14)]


@ensureDeferred
async def test_a_warning_goes_with_the_answer() -> None:
    async with controlled() as site:
        reply = await put(site, b"rules: [{at: mail, reply: 299 2.0.0 odd}]")
        assert reply.status == 200
        assert [each["severity"] for each in reply.json["warnings"]] == ["warning"]


@ensureDeferred
async def test_what_is_no_scenario_is_refused() -> None:
    async with controlled() as site:
        for body, status in ((b"", 422), (b"\xff\xfe\x00", 422), (b"- 1", 422), (b"a: [", 422), (b"{" * 5000, 422)):
            assert (await put(site, body)).status == status, body[:20]
        assert (await put(site, b"{}", name="../../etc/passwd")).status == 400
        assert (await put(site, b"{}", run=1)).status == 404
        assert (await site.ask("PUT", "/v1/scenario", b"{}", {"Content-Type": "text/plain"})).status == 415


@ensureDeferred
async def test_no_file_of_this_machine_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("summary: nobody shall read this\nrulez: []\n")
    async with controlled() as site:
        for name in (
            str(secret),
            f"../{secret}",
            "scenarios/rcpt/greylisting.yaml",
            "greylisting.yaml",
            "/etc/passwd",
            "a\0b",
        ):
            reply = await put(site, {"name": name})
            assert reply.status == 404, name
            assert "is a path" in reply.json["detail"]
            reply = await put(site, {"extends": name.replace("\0", "/")})
            assert reply.status == 422, name
            assert b"nobody shall" not in reply.body
            assert "is a path" in reply.json["detail"], name
        for label in (str(secret), quote(str(secret))):
            assert (await site.ask("PUT", f"/v1/scenario?name={label}", b"extends: secret", YAML)).status == 400


@ensureDeferred
async def test_a_name_may_be_a_rule_which_is_no_path() -> None:
    async with controlled() as site:
        for name, reply in {
            "rcpt-452": b"452 4.5.3",
            "enhanced-4.2.2": b"452 4.2.2 Mailbox full",
            "reply:rcpt=452 4.2.2 /etc/passwd.yaml": b"452 4.2.2 /etc/passwd.yaml",
        }.items():
            assert (await put(site, {"name": name})).status == 200
            talker = await in_thread(greeted, site.server.runs[0], HELLO)
            await in_thread(talker.say, b"MAIL FROM:<a@example.test>")
            assert (await in_thread(talker.say, b"RCPT TO:<b@example.test>")).startswith(reply)
            assert (await put(site, {"extends": name})).status == 200
        reply = await put(site, {"name": "reply:rctp=452 Full"})
        assert (reply.status, reply.is_problem) == (404, True)
        assert "did you mean 'rcpt'?" in reply.json["detail"]


@ensureDeferred
async def test_a_scenario_may_extend_one_of_the_library() -> None:
    async with controlled() as site:
        assert (await put(site, b"extends: greylisting\nsummary: mine")).status == 200
        told = (await site.ask("GET", "/v1/scenario")).json
        assert (told["summary"], [rule["name"] for rule in told["rules"]]) == ("mine", ["first-try"])


@ensureDeferred
async def test_what_the_library_extends_itself_is_found() -> None:
    extending = next(
        path.stem for path in library.files(library.built_in()) if "\nextends:" in "\n" + path.read_text("utf-8")
    )
    async with controlled() as site:
        assert (await put(site, {"extends": extending})).status == 200


@ensureDeferred
async def test_a_port_that_cannot_be_had_is_409_and_what_ran_before_runs_on() -> None:
    async with controlled(REFUSES) as site:
        taken = site.control.port
        reply = await put(site, f"listeners: {{smtp: {{port: {taken}}}}}".encode())
        assert (reply.status, reply.is_problem) == (409, True)
        assert f"port {taken} is in use" in reply.json["detail"]
        assert (await first_reply(site, b"MAIL FROM:<a@example.test>")).startswith(b"550")


@ensureDeferred
async def test_the_other_scenarios_of_the_process_stay() -> None:
    async with controlled("summary: one", "summary: two") as site:
        reply = await put(site, {"name": "greylisting"}, run=1)
        assert [each["scenario"] for each in reply.json["scenarios"]] == ["first", "greylisting"]
        assert (await site.ask("GET", "/v1/scenario?run=1")).json["name"] == "greylisting"
        assert (await site.ask("GET", "/v1/scenario")).json["name"] == "first"
        assert (await site.ask("GET", "/v1/scenario?run=2")).status == 404


@ensureDeferred
async def test_many_loads_at_once_end_with_one_of_them_whole() -> None:
    from twisted.internet.defer import ensureDeferred as begin
    from twisted.internet.defer import gatherResults

    names = ["greylisting", "mailbox-full", "reject-mail-from", "healthy"] * 2
    async with controlled() as site:
        replies = await gatherResults([begin(put(site, {"name": name})) for name in names])
        assert [reply.status for reply in replies] == [200] * 8
        assert site.server.journal.epoch == 9
        assert (await site.ask("GET", "/v1/ready")).json["scenario"] in names


@ensureDeferred
async def test_reset_begins_the_same_anew() -> None:
    async with controlled("rules: [{name: one, at: mail, times: 1, reply: 450 4.3.0 later}]") as site:
        seed = (await site.ask("GET", "/v1/ready")).json["seed"]
        for _ in range(2):
            assert (await first_reply(site, b"MAIL FROM:<a@example.test>")).startswith(b"450")
            assert (await first_reply(site, b"MAIL FROM:<a@example.test>")).startswith(b"250")
            reply = await site.ask("POST", "/v1/reset")
            assert (reply.status, reply.json["seed"]) == (200, seed)
        assert (await site.ask("GET", "/v1/sessions")).json["sessions"] == []


# ---------------------------------------------------------------------- for a while


@ensureDeferred
async def test_after_its_ttl_what_ran_before_is_played_again() -> None:
    async with controlled(REFUSES, seed=11) as site:
        assert (await put(site, {"name": "healthy", "seed": 3, "speed": 5}, ttl="20ms")).status == 200
        await until(lambda: site.server.runs[0].scenario.name == "first" and list(site.server.journal))
        told = (await site.ask("GET", "/v1/scenario")).json
        assert (told["name"], told["seed"], told["speed"]) == ("first", 11, 1)
        assert [entry.text for entry in site.server.journal] == ["healthy: its ttl is over; first is played again"]


@ensureDeferred
async def test_what_was_loaded_meanwhile_stays() -> None:
    async with controlled(REFUSES) as site:
        await put(site, {"name": "healthy"}, ttl="30ms")
        await put(site, {"name": "greylisting"})
        await put(site, {"name": "mailbox-full"}, ttl="1h")
        site.control._desk.close()
        assert site.server.runs[0].scenario.name == "mailbox-full"
        await put(site, {"name": "healthy"}, ttl="30ms")
        other = library.load("greylisting")
        await site.server.load(other)  # not over HTTP
        epoch = site.server.journal.epoch
        waited = await site.ask("POST", "/v1/wait", {"messages": 1, "timeout": "60ms"})
        assert waited.json["reached"] is False
        assert (site.server.runs[0].scenario, site.server.journal.epoch) == (other, epoch)


@ensureDeferred
async def test_of_two_with_a_ttl_the_second_reverts_to_what_ran_before_both() -> None:
    async with controlled(REFUSES) as site:
        await put(site, {"name": "healthy"}, ttl="1h")
        await put(site, {"name": "greylisting"}, ttl="10ms")
        await until(lambda: site.server.runs[0].scenario.name == "first")


@ensureDeferred
async def test_a_reversion_that_is_due_is_forgotten_when_the_interface_is_shut() -> None:
    from twisted.internet import reactor

    async with controlled(REFUSES) as site:
        before = len(reactor.getDelayedCalls())  # type: ignore[attr-defined]
        await put(site, {"name": "healthy"}, ttl="1h")
        await site.control.shut()
        assert len(reactor.getDelayedCalls()) <= before  # type: ignore[attr-defined]


# ---------------------------------------------------------------------- what is kept


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a scenario of its own, an hour old."""
    folder = tmp_path / "scenarios"
    folder.mkdir()
    write(folder / "own.yaml", "summary: first")
    monkeypatch.chdir(tmp_path)
    age(folder)
    return folder


def write(path: Path, text: str) -> None:
    """An old file: what is young is not kept."""
    path.write_text(text, "utf-8")
    age(path)


def age(path: Path, seconds: int = 3600) -> None:
    import os
    import time

    os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_what_was_read_is_given_again(project: Path) -> None:
    shelf = Shelf()
    assert shelf.read("own", {}) is shelf.read("own", {})
    assert shelf.read("greylisting", {}) is shelf.read("greylisting", {})
    changed = shelf.read("own", {"summary": "other"}).require()
    assert (changed.summary, shelf.read("own", {}).require().summary) == ("other", "first")


def test_a_file_that_has_changed_is_read_again(project: Path) -> None:
    shelf = Shelf()
    assert shelf.read("own", {}).require().summary == "first"
    write(project / "own.yaml", "summary: second")
    assert shelf.read("own", {}).require().summary == "second"


def test_a_file_that_is_extended_and_has_changed_is_read_again(project: Path) -> None:
    write(project / "base.yaml", "summary: first")
    write(project / "own.yaml", "extends: base")
    age(project)
    shelf = Shelf()
    assert shelf.read("own", {}).require().summary == "first"
    write(project / "base.yaml", "summary: the second one")
    assert shelf.read("own", {}).require().summary == "the second one"


def test_a_file_that_now_comes_first_is_found(project: Path) -> None:
    shelf = Shelf()
    assert shelf.read("greylisting", {}).require().summary != "mine"
    write(project / "greylisting.yaml", "summary: mine")
    assert shelf.read("greylisting", {}).require().summary == "mine"
    (project / "greylisting.yaml").unlink()
    assert shelf.read("greylisting", {}).require().summary != "mine"


def test_a_young_file_is_read_each_time(project: Path) -> None:
    (project / "own.yaml").write_text("summary: one", "utf-8")
    shelf = Shelf()
    assert shelf.read("own", {}) is not shelf.read("own", {})


@ensureDeferred
async def test_of_two_with_one_name_neither_is_taken(project: Path) -> None:
    (project / "more").mkdir()
    write(project / "more" / "own.yaml", "summary: another")
    async with controlled() as site:
        reply = await put(site, {"name": "own"})
        assert reply.status == 404
        assert reply.json["detail"].startswith("2 scenarios are named 'own'")
        assert reply.json["detail"].endswith("send its text")
