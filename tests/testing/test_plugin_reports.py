"""What a failing test says, whole: sections, expectations, commands to have the same again; and journals in files."""

from __future__ import annotations

import pytest

from fakesmtp.journal.ndjson import read_ndjson
from testing import plugin_texts as texts
from testing.plugin_suites import Suite, provide_suite

pytest_plugins = ["pytester"]
suite = pytest.fixture(provide_suite)

POLITE = """\
summary: The mailbox is full, and the client says goodbye
outcome: refused
capabilities: [8BITMIME]
rules:
  - name: full
    at: rcpt
    when: {forward-path: "bob@*"}
    reply: 552 5.2.2 Full
expect:
  - messages: 0
  - commands: {never: RSET}
"""
RUDE = """
    def talk(smtp):
        client = smtplib.SMTP(smtp.host, smtp.port, "client.example.test", timeout=10)
        client.ehlo()
        client.mail("alice@example.test")
        client.rcpt("bob@example.test")
        client.rset()
        client.quit()
        smtp.wait_for(over=1)
"""


# ---------------------------------------------------------------------- sections


def test_a_failing_test_shows_what_the_server_saw(suite: Suite) -> None:
    suite.write("""
        @pytest.mark.fakesmtp("mailbox-full", set={"capabilities": "[8BITMIME]"}, persona="postfix", speed=2)
        def test_delivers(fakesmtp):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                send(fakesmtp)
            fakesmtp.wait_for(over=1)
            assert fakesmtp.messages
    """)
    assert suite.run("--tb=short").block("test_delivers") == texts.SEEN


def test_an_expectation_that_is_not_met_fails_the_test_without_a_traceback(suite: Suite) -> None:
    suite.write(POLITE, "scenarios/polite.yaml", preamble="")
    suite.write(
        RUDE
        + """
    @pytest.mark.fakesmtp("polite")
    def test_rude(fakesmtp):
        talk(fakesmtp)

    @pytest.mark.fakesmtp("polite", verify=False)
    def test_not_judged(fakesmtp):
        talk(fakesmtp)

    @pytest.mark.fakesmtp("polite")
    def test_failing_too(fakesmtp):
        talk(fakesmtp)
        raise ValueError("of the test's own")

    @pytest.mark.fakesmtp("polite")
    def test_skipped(fakesmtp):
        talk(fakesmtp)
        pytest.skip("for now")

    @pytest.mark.fakesmtp("polite")
    @pytest.mark.xfail(reason="known")
    def test_known(fakesmtp):
        talk(fakesmtp)
        assert fakesmtp.messages
    """
    )
    outcome = suite.run("--tb=short")
    assert outcome.counts == {"passed": 2, "failed": 1, "errors": 1, "skipped": 1, "xfailed": 1}
    told = outcome.block("ERROR at teardown of test_rude"), outcome.block("test_failing_too")
    assert told == (texts.JUDGED, texts.FAILED_AND_JUDGED)


def test_lists_that_should_be_empty_say_what_has_come(suite: Suite) -> None:
    suite.write("""
        def test_messages(fakesmtp):
            send(fakesmtp)
            assert fakesmtp.messages == []

        def test_sessions(fakesmtp):
            smtplib.SMTP(fakesmtp.host, fakesmtp.port, timeout=10).quit()
            fakesmtp.wait_for(over=1)
            assert fakesmtp.sessions == []

        def test_index(fakesmtp):
            fakesmtp.messages[0]
    """)
    lines = [line for line in suite.run("--tb=short").text.split("\n") if line.startswith("E  ")]
    assert "\n".join(lines) == texts.LISTS


def test_each_server_of_a_test_has_its_section(suite: Suite) -> None:
    suite.write("""
        @pytest.mark.fakesmtp(seed=5)
        def test_two(fakesmtp, fakesmtp_factory):
            backup = fakesmtp_factory("works-now-and-then")
            assert False
    """)
    assert suite.run("--tb=short").block("test_two") == texts.TWO


def test_what_a_test_has_changed_is_told_and_a_scenario_without_a_file_is_not_served(suite: Suite) -> None:
    suite.write("""
        from fakesmtp import rule, scenario

        def test_changed(fakesmtp):
            fakesmtp.scenario("greylisting", seed=6)
            assert False

        @pytest.mark.fakesmtp(scenario("built", rules=[rule(at="mail", reply="550 5.7.1 No")]))
        def test_built(fakesmtp):
            assert False
    """)
    outcome = suite.run("--tb=short", "--fakesmtp-speed", "10x")
    assert (outcome.block("test_changed"), outcome.block("test_built")) == (texts.CHANGED, texts.BUILT)


def test_the_commands_hold_where_pytest_was_called(suite: Suite) -> None:
    suite.write(
        """
        @pytest.mark.parametrize("word", ["a b"])
        def test_it(fakesmtp, word):
            assert False
        """,
        "deep/er/test_mail.py",
    )
    suite.write("[pytest]\n", "pytest.ini", preamble="")
    (suite.path / "elsewhere").mkdir()
    suite.pytester.chdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(suite.path / "elsewhere")
        told = suite.run("--tb=short", "../deep").text
    assert "  pytest '../deep/er/test_mail.py::test_it[a b]' --fakesmtp-seed 1\n" in told


def test_a_long_transcript_is_cut(suite: Suite) -> None:
    suite.write("""
        def test_long(fakesmtp):
            with smtplib.SMTP(fakesmtp.host, fakesmtp.port, timeout=10) as client:
                for _ in range(500):
                    client.noop()
            assert False
    """)
    told = suite.run("--tb=short").block("test_long")
    assert "earlier lines: .transcript has them)" in told
    assert len(told.split("\n")) < 200


# ---------------------------------------------------------------------- what a user's call can get wrong


def test_a_further_server_that_cannot_be_had_is_told_at_the_tests_own_line(suite: Suite) -> None:
    suite.write("""
        def test_unknown(fakesmtp_factory):
            fakesmtp_factory("greylistin")
    """)
    assert suite.run("--tb=short").block("test_unknown") == texts.UNKNOWN


# ---------------------------------------------------------------------- journals

JOURNALLED = """
    def test_passes(fakesmtp):
        send(fakesmtp)

    @pytest.mark.parametrize("word", ["a/b", "a b"])
    def test_fails(fakesmtp, fakesmtp_factory, word):
        send(fakesmtp)
        send(fakesmtp_factory())
        assert False

    @pytest.mark.fakesmtp("polite")
    def test_expectation(fakesmtp):
        talk(fakesmtp)
"""


def _written(suite: Suite, folder: str = ".fakesmtp") -> list[str]:
    return sorted(path.name for path in (suite.path / folder).glob("*"))


def test_journals_are_kept_of_failures(suite: Suite) -> None:
    suite.write(POLITE, "scenarios/polite.yaml", preamble="")
    suite.write(RUDE + JOURNALLED)
    kept = suite.run("--fakesmtp-journal=retain-on-failure")
    names = _written(suite)
    assert [name for name in names if "fails" not in name] == ["test_mail.py-test_expectation.ndjson"]
    fails = [name for name in names if "fails" in name]
    assert len(fails) == 4 and sum(name.endswith("-2.ndjson") for name in fails) == 2
    for name in names:
        assert f"Its journal: .fakesmtp/{name}\n" in kept.text
        kinds = [entry["kind"] for entry in read_ndjson(suite.path / ".fakesmtp" / name)]
        assert kinds[0] == "connected" and "command" in kinds and "reply" in kinds


def test_a_journal_goes_when_its_test_passes_again(suite: Suite) -> None:
    suite.write("def test_it(fakesmtp): assert False")
    suite.run("--fakesmtp-journal=retain-on-failure")
    assert _written(suite) == ["test_mail.py-test_it.ndjson"]
    suite.write("def test_it(fakesmtp): pass")
    suite.run("--fakesmtp-journal=retain-on-failure")
    assert _written(suite) == []


def test_every_journal_is_written_where_that_is_asked(suite: Suite) -> None:
    suite.write(POLITE, "scenarios/polite.yaml", preamble="")
    suite.write(RUDE + JOURNALLED)
    suite.write("[pytest]\nfakesmtp_journal = on\nfakesmtp_journal_dir = build/mail\n", "pytest.ini", preamble="")
    suite.run("-k", "not fails")
    assert _written(suite, "build/mail") == [
        "test_mail.py-test_expectation.ndjson",
        "test_mail.py-test_passes.ndjson",
    ]


def test_no_journal_is_written_unasked(suite: Suite) -> None:
    suite.write("def test_it(fakesmtp): assert False")
    suite.run()
    assert not (suite.path / ".fakesmtp").exists()
    assert not list(suite.path.rglob("*.ndjson"))


def test_a_journal_that_cannot_be_written_is_told(suite: Suite) -> None:
    suite.write("def test_it(fakesmtp): pass")
    suite.write("", "taken", preamble="")
    outcome = suite.run("--fakesmtp-journal=on", "--fakesmtp-journal-dir=taken")
    assert outcome.counts == {"passed": 1, "errors": 1}
    told = "cannot write taken/test_mail.py-test_it.ndjson: File exists\n"
    assert outcome.block("ERROR at teardown of test_it") == told
