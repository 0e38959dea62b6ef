"""What the plugin gives to tests: fixtures, markers, options; beside other plugins, and when nobody uses it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from testing import plugin_texts as texts
from testing.plugin_suites import Suite, provide_suite, values_of

pytest_plugins = ["pytester"]
suite = pytest.fixture(provide_suite)


# ---------------------------------------------------------------------- the fixture


def test_a_test_has_a_server_of_its_own(suite: Suite) -> None:
    suite.write("""
        def test_one(fakesmtp):
            send(fakesmtp)
            message, = fakesmtp.messages
            assert message.reverse_path == "alice@example.test"
            assert message.forward_paths == ["bob@example.test"]
            assert message.headers["Subject"] == "Report"
            assert message.raw == MESSAGE
            assert fakesmtp.name == "healthy"

        def test_another_begins_anew(fakesmtp):
            assert fakesmtp.messages == []
            assert fakesmtp.sessions == []
            send(fakesmtp)
            assert len(fakesmtp.sessions) == 1

        @pytest.mark.fakesmtp("reject-mail-from")
        def test_a_refusal(fakesmtp):
            with pytest.raises(smtplib.SMTPSenderRefused):
                send(fakesmtp)
            fakesmtp.assert_command("MAIL")
            fakesmtp.assert_command("RCPT", never=True)

        def test_no_marker_again(fakesmtp):
            send(fakesmtp)
            assert len(fakesmtp.messages) == 1
    """)
    assert suite.run().counts == {"passed": 4}


def test_one_process_serves_all_tests(suite: Suite) -> None:
    suite.write("""
        @pytest.fixture(scope="session")
        def first(fakesmtp_server):
            return fakesmtp_server.pid, fakesmtp_server.address

        @pytest.mark.fakesmtp("greylisting")
        def test_one(first, fakesmtp, fakesmtp_server):
            assert (fakesmtp.pid, fakesmtp.address) == first
            assert fakesmtp is fakesmtp_server

        def test_two(first, fakesmtp):
            assert (fakesmtp.pid, fakesmtp.address) == first
    """)
    assert suite.run().counts == {"passed": 2}


def test_the_closest_marker_holds_for_each_keyword(suite: Suite) -> None:
    suite.write("""
        pytestmark = pytest.mark.fakesmtp("greylisting", seed=5, speed=10, set={"rules.first-try.times": 1})

        def test_module(fakesmtp, fakesmtp_scenario):
            assert (fakesmtp.name, fakesmtp.seed, fakesmtp_scenario) == ("greylisting", 5, "greylisting")
            assert fakesmtp.remote.scenario()["speed"] == 10

        @pytest.mark.fakesmtp("mailbox-full", persona="postfix")
        class TestClass:
            def test_class(self, fakesmtp):
                assert (fakesmtp.name, fakesmtp.seed) == ("mailbox-full", 5)
                assert fakesmtp.remote.scenario()["speed"] == 10

            @pytest.mark.fakesmtp(seed=7, speed="2x")
            def test_function(self, fakesmtp):
                assert (fakesmtp.name, fakesmtp.seed) == ("mailbox-full", 7)
                assert fakesmtp.remote.scenario()["speed"] == 2

        @pytest.mark.parametrize("name", [
            "greylisting", pytest.param("no-route", marks=pytest.mark.fakesmtp("no-route", seed=9))])
        def test_parameter(fakesmtp, name):
            assert fakesmtp.name == name
            assert fakesmtp.seed == {"greylisting": 5, "no-route": 9}[name]
    """)
    assert suite.run().counts == {"passed": 5}


def test_a_scenario_may_be_a_path_or_built_in_python_or_changed(suite: Suite) -> None:
    suite.write("rules: [{at: mail, reply: 550 5.7.1 From a file}]\n", "cases/own.yaml", preamble="")
    suite.write("""
        from pathlib import Path
        from fakesmtp import rule, scenario

        BUILT = scenario("built", rules=[rule(at="mail", reply="550 5.7.1 From Python")])

        def refusal(smtp):
            with pytest.raises(smtplib.SMTPSenderRefused) as caught:
                send(smtp)
            return caught.value.smtp_error

        @pytest.mark.fakesmtp("cases/own.yaml")
        def test_text(fakesmtp):
            assert refusal(fakesmtp) == b"5.7.1 From a file"

        @pytest.mark.fakesmtp(Path("cases/own.yaml"))
        def test_path(fakesmtp):
            assert refusal(fakesmtp) == b"5.7.1 From a file"

        @pytest.mark.fakesmtp(BUILT)
        def test_built(fakesmtp):
            assert refusal(fakesmtp) == b"5.7.1 From Python"

        @pytest.mark.fakesmtp("healthy", set={"replies.mail": "550 5.7.1 Changed"})
        def test_changed(fakesmtp):
            assert refusal(fakesmtp) == b"5.7.1 Changed"

        def test_later(fakesmtp):
            fakesmtp.scenario("reject-mail-from")
            assert b"refused by local policy" in refusal(fakesmtp)
    """)
    assert suite.run().counts == {"passed": 5}


def test_modules_of_the_projects_own_are_imported_by_the_server(suite: Suite) -> None:
    suite.write(
        """
        from fakesmtp import matcher

        @matcher("numbered")
        def numbered(value: str, asked: bool) -> bool:
            "The text has a digit, or has none."
            return any(each.isdigit() for each in value) == asked
        """,
        "numbers_in.py",
        preamble="",
    )
    suite.write("[pytest]\nfakesmtp_plugins = numbers_in\n", "pytest.ini", preamble="")
    suite.write(
        "rules: [{at: mail, when: {reverse-path: {numbered: true}}, reply: 550 5.7.1 No numbers}]\n",
        "numbered.yaml",
        "",
    )
    suite.write("""
        @pytest.mark.fakesmtp("numbered.yaml")
        def test_numbers(fakesmtp):
            send(fakesmtp)
            with pytest.raises(smtplib.SMTPSenderRefused):
                send(fakesmtp, sender="alice3@example.test")
    """)
    assert suite.run().counts == {"passed": 1}


# ---------------------------------------------------------------------- wrong markers


def test_what_is_wrong_with_a_marker_is_told_with_its_place(suite: Suite) -> None:
    suite.write("""
        @pytest.mark.fakesmtp("greylisting", sed=1)
        def test_keyword(fakesmtp):
            pass

        @pytest.mark.fakesmtp("greylisting", seed="one")
        def test_seed(fakesmtp):
            pass

        @pytest.mark.fakesmtp(
            "greylisting",
            speed=-1,
        )
        def test_speed(fakesmtp):
            pass

        @pytest.mark.fakesmtp("greylistin")
        class TestUnknown:
            @pytest.mark.timeout(60)
            def test_unknown(self, fakesmtp):
                pass

        @pytest.mark.fakesmtp("greylisting", "healthy")
        def test_two(fakesmtp):
            pass

        @pytest.mark.fakesmtp("greylisting", set={"rules.frist-try.chance": 1})
        def test_set(fakesmtp):
            pass

        def test_right(fakesmtp):
            send(fakesmtp)
    """)
    outcome = suite.run(plugins=("timeout",))
    assert outcome.counts == {"passed": 1, "errors": 6}
    told = [
        outcome.block(f"ERROR at setup of {test}")
        for test in ("test_keyword", "test_seed", "test_speed", "TestUnknown.test_unknown", "test_two", "test_set")
    ]
    assert "".join(told) == texts.MARKERS


def test_a_marker_of_the_module_is_told_with_its_line(suite: Suite) -> None:
    suite.write("""
        pytestmark = [
            pytest.mark.filterwarnings("error"), pytest.mark.fakesmtp(persona=3),
        ]

        def test_one(fakesmtp):
            pass
    """)
    told = suite.run().block("ERROR at setup of test_one")
    assert told == "test_mail.py:12: @pytest.mark.fakesmtp: persona is a name, or None, not 3\n"


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--fakesmtp-seed=x", "fakesmtp: the seed is a whole number from 0, or random; not 'x'"),
        ("--fakesmtp-speed=0", "fakesmtp: the speed is a factor above 0 such as 10x; not '0'"),
        ("--fakesmtp-journal=yes", "fakesmtp: the journal is off, on or retain-on-failure; not 'yes'"),
    ],
)
def test_a_wrong_option_ends_the_run_before_it_begins(suite: Suite, option: str, told: str) -> None:
    suite.write("def test_one(): pass")
    outcome = suite.run(option)
    assert (outcome.status, outcome.errors.strip()) == (pytest.ExitCode.USAGE_ERROR, f"ERROR: {told}")


# ---------------------------------------------------------------------- one test per scenario


def test_each_runs_once_per_scenario(suite: Suite) -> None:
    suite.write("summary: Mine\ntags: [mine]\n", "scenarios/mine.yaml", preamble="")
    suite.write("summary: Mine too\ntags: [mine]\n", "scenarios/also-mine.yaml", preamble="")
    suite.write("""
        @pytest.mark.fakesmtp_each(tag="mine")
        def test_tag(fakesmtp, fakesmtp_scenario):
            assert fakesmtp.name == fakesmtp_scenario

        @pytest.mark.fakesmtp_each(names=["mailbox-full*", "healthy"], exclude="*-for-now")
        @pytest.mark.fakesmtp(seed=8)
        def test_names(fakesmtp):
            assert fakesmtp.seed == 8

        @pytest.mark.fakesmtp_each(names=["rset-42?", "reply:rcpt=452 Full"])
        def test_by_rule(fakesmtp, fakesmtp_scenario):
            assert fakesmtp.name == fakesmtp_scenario

        @pytest.mark.fakesmtp_each(names="intermittent")
        def test_alias(fakesmtp):
            assert fakesmtp.name == "works-now-and-then"

        @pytest.mark.fakesmtp_each(document="serverprotect", exclude=["[a-h]*", "[j-z]*"])
        def test_document(fakesmtp_scenario):
            pass

        @pytest.mark.fakesmtp_each(tag="mine")
        class TestClass:
            def test_class(self, fakesmtp):
                pass

            @pytest.mark.fakesmtp("mailbox-full")
            def test_closer(self, fakesmtp):
                assert fakesmtp.name == "mailbox-full"
    """)
    assert suite.run().status == 0
    listed = suite.run("--collect-only", "-q").raw.split("\n\n")[0].split("\n")
    assert [line.partition("::")[2] for line in listed if "test_document" not in line] == [
        "test_tag[also-mine]",
        "test_tag[mine]",
        "test_names[mailbox-full]",
        "test_names[healthy]",
        "test_by_rule[rset-421]",
        "test_by_rule[reply:rcpt=452 Full]",
        "test_alias[works-now-and-then]",
        "TestClass::test_class[also-mine]",
        "TestClass::test_class[mine]",
        "TestClass::test_closer",
    ]


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ('fakesmtp_each(tags="rcpt")', "there is no keyword 'tags'; did you mean 'tag'?"),
        (
            'fakesmtp_each("rcpt")',
            "it takes keywords only: tag, document, names, exclude; scenarios by name are names=[…]",
        ),
        ('fakesmtp_each(tag="rctp")', "no scenario is left for tag='rctp'; `fakesmtp list` shows all of them"),
        ('fakesmtp_each(names=["greylistin"])', "unknown scenario 'greylistin'; did you mean 'greylisting'"),
        ('fakesmtp_each(names=["zzz*"])', "no scenario is named 'zzz*'"),
        ("fakesmtp_each(names=3)", "names is a name or glob, or a list of them, not 3"),
    ],
)
def test_a_wrong_choice_is_told_when_tests_are_collected(suite: Suite, marker: str, told: str) -> None:
    suite.write(f"""
        @pytest.mark.{marker}
        def test_one(fakesmtp):
            pass
    """)
    outcome = suite.run()
    assert outcome.counts == {"errors": 1}
    assert f"test_mail.py:12: @pytest.mark.fakesmtp_each: {told}" in outcome.text


def test_each_needs_a_server_and_no_second_name(suite: Suite) -> None:
    suite.write("""
        @pytest.mark.fakesmtp_each(tag="rcpt")
        def test_nothing():
            pass
    """)
    suite.write(
        """
        @pytest.mark.fakesmtp_each(tag="rcpt")
        @pytest.mark.fakesmtp("healthy")
        def test_both(fakesmtp):
            pass
    """,
        "test_both.py",
    )
    outcome = suite.run()
    assert outcome.counts == {"errors": 2}
    needed = "the test uses no server: take the fixture fakesmtp, or fakesmtp_scenario, as an argument"
    assert f"test_mail.py:12: @pytest.mark.fakesmtp_each: {needed}" in outcome.text
    second = "@pytest.mark.fakesmtp beside it names a scenario too; keep one of them"
    assert f"test_both.py:12: @pytest.mark.fakesmtp_each: {second}" in outcome.text


# ---------------------------------------------------------------------- seeds

DRAWS = """
    import pytest

    def draw(smtp):
        drawn = []
        for number in range(24):
            try:
                smtplib.SMTP(smtp.host, smtp.port, timeout=10).quit()
                drawn.append("+")
            except (smtplib.SMTPServerDisconnected, ConnectionError):
                drawn.append("-")
        return "".join(drawn)

    @pytest.mark.fakesmtp("chancy.yaml")
    def test_first(fakesmtp):
        print("\\nDREW", fakesmtp.seed, draw(fakesmtp))

    @pytest.mark.fakesmtp("works-now-and-then")
    def test_own_seed(fakesmtp):
        print("\\nDREW", fakesmtp.seed, draw(fakesmtp))

    @pytest.mark.fakesmtp("chancy.yaml", seed=11)
    def test_marker(fakesmtp):
        print("\\nDREW", fakesmtp.seed, draw(fakesmtp))

    def test_later(fakesmtp):
        fakesmtp.scenario("chancy.yaml")
        print("\\nDREW", fakesmtp.seed, draw(fakesmtp))
"""
CHANCY = "rules: [{name: coin, at: connect, per: peer, chance: 0.5, close: fin}]\n"


def test_order_and_selection_change_no_draw(suite: Suite) -> None:
    suite.write(CHANCY, "chancy.yaml", preamble="")
    suite.write(DRAWS)
    tests = ["test_first", "test_own_seed", "test_marker", "test_later"]
    all_of_them = values_of(suite.run("-s"), "DREW")
    assert [line.split()[0] for line in all_of_them] == ["1", "3", "11", "1"]
    assert len(set(all_of_them)) == 3 and all_of_them[0] == all_of_them[3]
    backwards = [f"test_mail.py::{test}" for test in reversed(tests)]
    assert values_of(suite.run("-s", *backwards), "DREW") == all_of_them[::-1]
    for test, drawn in zip(tests, all_of_them, strict=True):
        assert values_of(suite.run("-s", "-k", test), "DREW") == [drawn]


def test_a_chosen_seed_holds_for_all_but_markers(suite: Suite) -> None:
    suite.write(CHANCY, "chancy.yaml", preamble="")
    suite.write(DRAWS)
    chosen = suite.run("-s", "--fakesmtp-seed", "77")
    assert [line.split()[0] for line in values_of(chosen, "DREW")] == ["77", "77", "11", "77"]
    assert "\nfakesmtp: seed 77\n" in chosen.raw
    suite.write("[pytest]\nfakesmtp_seed = 77\n", "pytest.ini", preamble="")
    assert values_of(suite.run("-s"), "DREW") == values_of(chosen, "DREW")


def test_a_random_seed_is_shown_and_shared_by_workers(suite: Suite) -> None:
    suite.write("""
        from pathlib import Path

        @pytest.mark.parametrize("number", range(8))
        def test_one(fakesmtp, number):
            Path(f"seed-{number}").write_text(str(fakesmtp.seed))
    """)
    outcome = suite.run("--fakesmtp-seed=random", "-n2", plugins=("xdist",))
    assert outcome.counts == {"passed": 8}
    shown = next(line for line in outcome.raw.split("\n") if line.startswith("fakesmtp: seed "))
    assert {path.read_text() for path in suite.path.glob("seed-*")} == {shown.removeprefix("fakesmtp: seed ")}


def test_speed_is_an_option_and_an_ini_key(suite: Suite) -> None:
    suite.write("""
        def test_speed(fakesmtp):
            print("\\nSPEED", fakesmtp.remote.scenario()["speed"])

        @pytest.mark.fakesmtp(speed=3)
        def test_marker(fakesmtp):
            print("\\nSPEED", fakesmtp.remote.scenario()["speed"])
    """)
    assert [float(each) for each in values_of(suite.run("-s", "--fakesmtp-speed=20x"), "SPEED")] == [20, 3]
    suite.write("[pytest]\nfakesmtp_speed = 30\n", "pytest.ini", preamble="")
    assert [float(each) for each in values_of(suite.run("-s"), "SPEED")] == [30, 3]


# ---------------------------------------------------------------------- beside other plugins


def test_unittest_classes(suite: Suite) -> None:
    suite.write("""
        import unittest

        @pytest.mark.fakesmtp("reject-mail-from")
        class TestReports(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _take_server(self, fakesmtp):
                self.smtp = fakesmtp

            def test_refused(self):
                with self.assertRaises(smtplib.SMTPSenderRefused):
                    send(self.smtp)
                self.smtp.assert_command("RCPT", never=True)

            @pytest.mark.fakesmtp("healthy")
            def test_delivered(self):
                send(self.smtp)
                self.assertEqual(len(self.smtp.messages), 1)

        @pytest.mark.usefixtures("fakesmtp")
        class TestServer(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _take_address(self, fakesmtp_server):
                self.smtp = fakesmtp_server

            def test_it(self):
                send(self.smtp)
                self.assertEqual(self.smtp.name, "healthy")
    """)
    assert suite.run().counts == {"passed": 3}


def test_asyncio_and_anyio(suite: Suite) -> None:
    suite.write("""
        import asyncio

        import anyio.to_thread

        @pytest.mark.asyncio
        @pytest.mark.fakesmtp("mailbox-full")
        async def test_asyncio(fakesmtp):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                await asyncio.to_thread(send, fakesmtp)
            assert fakesmtp.messages == []

        @pytest.mark.asyncio
        async def test_waiting(fakesmtp):
            sending = asyncio.create_task(asyncio.to_thread(send, fakesmtp))
            messages = await asyncio.to_thread(fakesmtp.wait_for, messages=1)
            await sending
            assert len(messages) == 1

        @pytest.mark.anyio
        async def test_anyio(fakesmtp):
            await anyio.to_thread.run_sync(send, fakesmtp)
            assert len(fakesmtp.messages) == 1

        @pytest.fixture(params=["asyncio", "trio"])
        def anyio_backend(request):
            return request.param
    """)
    suite.write("[pytest]\nasyncio_default_fixture_loop_scope = function\n", "pytest.ini", preamble="")
    assert suite.run(plugins=("asyncio", "anyio")).counts == {"passed": 4}


REACTOR = """
    import pytest_twisted
    from twisted.internet.threads import deferToThread

    @pytest_twisted.ensureDeferred
    @pytest.mark.fakesmtp("mailbox-full", seed=4)
    async def test_refused(fakesmtp_reactor):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await deferToThread(send, fakesmtp_reactor)
        assert (fakesmtp_reactor.name, fakesmtp_reactor.seed) == ("mailbox-full", 4)
        fakesmtp_reactor.assert_command("RCPT TO:<bob@*>")

    @pytest_twisted.ensureDeferred
    async def test_delivered(fakesmtp_reactor):
        sending = deferToThread(send, fakesmtp_reactor)
        messages = await fakesmtp_reactor.wait_for(messages=1)
        await sending
        assert [each.subject for each in messages] == ["Report"]

    def test_blocking_client(fakesmtp):
        send(fakesmtp)
        assert len(fakesmtp.messages) == 1
"""


def test_the_reactor_of_pytest_twisted_serves_too(suite: Suite) -> None:
    suite.write(REACTOR)
    assert suite.run(plugins=("twisted",)).counts == {"passed": 3}


def test_the_reactor_server_beside_strict_asyncio(suite: Suite) -> None:
    suite.write("[pytest]\nasyncio_default_fixture_loop_scope = function\n", "pytest.ini", preamble="")
    suite.write(REACTOR)
    assert suite.run(plugins=("twisted", "asyncio")).counts == {"passed": 3}


@pytest.mark.parametrize(
    ("mode", "plugins", "told"),
    [
        ("strict", ("asyncio",), "the plugin pytest-twisted is not there; install it, or take the fixture fakesmtp"),
        (
            "auto",
            ("asyncio", "twisted"),
            "pytest-asyncio's auto mode takes pytest-twisted's coroutines; set asyncio_mode = strict, or take the"
            " fixture fakesmtp",
        ),
        (
            "strict",
            ("asyncio", "twisted"),
            "@pytest.mark.asyncio runs this test outside the reactor; take the fixture fakesmtp there",
        ),
    ],
)
def test_why_there_is_no_reactor(suite: Suite, mode: str, plugins: tuple[str, ...], told: str) -> None:
    ini = f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\n"
    suite.write(ini, "pytest.ini", preamble="")
    suite.write("""
        @pytest.mark.asyncio
        async def test_one(fakesmtp_reactor):
            pass
    """)
    outcome = suite.run(plugins=plugins)
    assert outcome.counts == {"errors": 1}
    assert outcome.block("ERROR at setup of test_one") == f"fakesmtp_reactor: {told}\n"


def test_a_test_that_is_cut_off_leaves_the_next_one_a_clean_server(suite: Suite) -> None:
    suite.write("""
        @pytest.mark.timeout(1, func_only=True)
        def test_waits(fakesmtp):
            fakesmtp.wait_for(messages=1, timeout=60)

        def test_next(fakesmtp):
            send(fakesmtp)
            assert len(fakesmtp.wait_for(messages=1)) == 1
    """)
    outcome = suite.run(plugins=("timeout",))
    assert outcome.counts == {"failed": 1, "passed": 1}
    assert "Failed: Timeout" in outcome.text


# ---------------------------------------------------------------------- when nobody uses it


def test_the_entry_point() -> None:
    found = entry_points(group="pytest11", name="fakesmtp")
    assert [each.value for each in found] == ["fakesmtp.testing.plugin"]


def test_the_plugin_imports_nothing_heavy() -> None:
    heavy = ["twisted", "cryptography", "OpenSSL", "attrs", "ruamel.yaml", "http.client", "rich", "click"]
    program = (
        "import sys, pytest; before = set(sys.modules); import fakesmtp.testing.plugin;"
        f"print(sorted(set({heavy}) & (set(sys.modules) - before)),"
        "sorted(name for name in set(sys.modules) - before if not name.startswith('fakesmtp')))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[] []\n"


def test_nothing_starts_when_unused(suite: Suite) -> None:
    suite.write("""
        import sys, threading

        def test_nothing(pytestconfig):
            assert not any(name.startswith(("twisted", "ruamel")) for name in sys.modules)
            assert "fakesmtp.testing.fake" not in sys.modules
            assert threading.active_count() == 1
    """)
    outcome = suite.run()
    assert outcome.counts == {"passed": 1}
    assert not [line for line in outcome.raw.split("\n") if line.startswith("fakesmtp:")]


def test_the_environment_is_not_touched(suite: Suite) -> None:
    suite.write(
        """
        import os

        BEFORE = dict(os.environ)

        def test_it(fakesmtp):
            now = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
            assert now == {name: value for name, value in BEFORE.items() if name != "PYTEST_CURRENT_TEST"}
        """
    )
    assert suite.run().counts == {"passed": 1}


def test_the_fixtures_are_told(suite: Suite) -> None:
    listed = suite.run("--fixtures", "-v").raw
    _, found, told = listed.partition("fixtures defined from fakesmtp.testing.fixtures")
    assert found
    for fixture in ("fakesmtp", "fakesmtp_factory", "fakesmtp_reactor", "fakesmtp_running", "fakesmtp_scenario"):
        assert f"\n{fixture} -- " in told
    assert "\nfakesmtp_server [session scope] -- " in told
    assert "no docstring available" not in told


def test_the_documentation_names_every_fixture_option_and_keyword() -> None:
    from fakesmtp.testing import markers, plugin

    text = (Path(__file__).parents[2] / "docs" / "pytest.md").read_text("utf-8")
    fixtures = {getattr(plugin, name).name for name in plugin.__all__ if not name.startswith("_")}
    options = {f"--fakesmtp-{name}" for name in ("seed", "speed", "journal", "journal-dir")} | {"fakesmtp_plugins"}
    for word in {*fixtures, *options, *markers.KEYWORDS, *markers.SELECTION}:
        assert re.search(rf"`{word}\b[^`]*`", text), word
