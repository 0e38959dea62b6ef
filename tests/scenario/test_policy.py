"""Rules at run time: which act, in which order, and how often."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakesmtp.faults.settings import Fixed, Uniform
from fakesmtp.protocol.actions import Close, Lookup, Note, PauseReading, Wait
from fakesmtp.protocol.events import Connected, Disconnected
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import ANY, Stage
from fakesmtp.scenario import compiled, occurrences
from fakesmtp.scenario.draws import Draws
from fakesmtp.scenario.matchers import Contains, Equals, Fields, Not, Over, Under, Within
from fakesmtp.scenario.model import Condition
from fakesmtp.scenario.policy import ScenarioPolicy
from tests.protocol.playbook import Clock, Playbook, act, rule, scenario


def say(text: str) -> object:
    return act("reply", Reply.parse(text))


NO = say("450 no")
SLOW = act("delay", Fixed(1.0))


def answers(play: Playbook, times: int, line: str = "NOOP") -> str:
    """How often the rule acted: ``x``, or ``.`` where the healthy answer came."""
    found = ""
    for _ in range(times):
        play >> line
        found += "." if play._take_reply()[0] == "2" else "x"
    return found


@pytest.fixture
def play_many():
    """Several sessions of one running scenario."""

    def make(*rules: object, **keys: object) -> tuple[object, Clock]:
        clock = Clock()
        policy = ScenarioPolicy(scenario(*rules), clock=clock, now=clock.now, seed=1)

        def connect(peer: str = "192.0.2.1", **more: object) -> Playbook:
            return Playbook(policy=policy, clock=clock, peer=peer, **keys, **more)

        return connect, clock

    return make


# ---------------------------------------------------------------------- order


def test_rules_are_tried_in_order():
    play = Playbook(
        rule("noop", say("451 first"), when={"tls": True}), rule("noop", say("452 second")), rule("noop", NO)
    )
    play >> "NOOP" << "452 second"


def test_once_one_has_answered_others_that_answer_do_not():
    play = Playbook(
        rule("noop", say("451 first"), name="first"),
        rule("noop", say("452 second"), SLOW, name="second"),
    )
    play >> "NOOP" << "451 first"
    assert play.rules == ["first"]


def test_rules_that_merely_shape_are_still_tried():
    play = Playbook(rule("noop", NO, name="answer"), rule("noop", SLOW, name="shape"))
    play >> "NOOP" << Wait(1.0) << "450 no"
    assert play.rules == ["answer", "shape"]


def test_effects_behind_an_answer_are_not():
    play = Playbook(rule("noop", NO), rule("noop", act("stop-reading")), rule("noop", act("goto", "x"), SLOW))
    play >> "NOOP" << "450 no"
    assert play.policy.state == "start"


def test_effects_before_it_act_and_the_search_goes_on():
    play = Playbook(rule("noop", act("stop-reading"), name="effect"), rule("noop", NO, name="answer"))
    play >> "NOOP" << PauseReading() << "450 no"
    assert play.rules == ["effect", "answer"]


def test_shapes_alone_shape_what_a_healthy_server_says():
    play = Playbook(rule("noop", SLOW))
    play >> "NOOP" << Wait(1.0) << "250 2.0.0 OK"


def test_a_rule_that_was_not_reached_has_not_occurred():
    play = Playbook(rule("noop", say("451 one"), times=2), rule("noop", say("452 two"), times=1))
    assert _replies(play, 4) == ["451 one", "451 one", "452 two", "250 2.0.0 OK"]


def _replies(play: Playbook, times: int) -> list[str]:
    found = []
    for _ in range(times):
        play >> "NOOP"
        found.append(play._take_reply())
    return found


def test_answering_faults_of_one_rule_fill_one_answer():
    play = Playbook(rule("mail", act("send", b"250-first\r\n"), say("250 second"), act("close", "rst")))
    play >> "MAIL FROM:<a@b>" << b"250-first\r\n250 second\r\n" << Close("rst")


def test_all_conditions_must_hold():
    play = Playbook(rule("noop", NO, when={"helo-name": "client", "peer": Within(_network("192.0.2.0/24"))}))
    assert answers(play, 1) == "."
    play >> "EHLO client" << "250-"
    assert answers(play, 1) == "x"
    other = Playbook(rule("noop", NO, when={"peer": Within(_network("192.0.2.0/24"))}), peer="198.51.100.1")
    assert answers(other, 1) == "."


def _network(text: str) -> object:
    import ipaddress

    return ipaddress.ip_network(text)


def test_absent_facts_are_none_and_not_holds_for_them():
    play = Playbook(rule("noop", NO, when={"user": None}))
    assert answers(play, 1) == "x"
    play = Playbook(rule("noop", NO, when={"user": _not("carol")}))
    assert answers(play, 1) == "x"
    play >> "AUTH PLAIN AGNhcm9sAHA=" << "235"
    assert answers(play, 1) == "."


def _not(glob: str) -> object:
    from fakesmtp.scenario.matchers import Glob

    return Not(Glob(glob))


# ---------------------------------------------------------------------- occurrences


@pytest.mark.parametrize(
    ("details", "acted"),
    [
        ({}, "xxxxxxxx"),
        ({"after": 3}, "...xxxxx"),
        ({"times": 2}, "xx......"),
        ({"after": 1, "times": 2}, ".xx....."),
        ({"every": 3}, "x..x..x."),
        ({"after": 2, "every": 2}, "..x.x.x."),
        ({"after": 1, "every": 2, "times": 2}, ".x.x...."),
    ],
)
def test_after_times_every(details, acted):
    play = Playbook(rule("noop", NO, **details))
    assert answers(play, 8) == acted


def test_for_counts_from_the_first_occurrence():
    play = Playbook(rule("noop", NO, lasts=300.0))
    play.wait(1000)
    assert answers(play, 1) == "x"
    play.wait(299)
    assert answers(play, 1) == "x"
    play.wait(1)
    assert answers(play, 2) == ".."


def test_a_spent_rule_falls_through_to_the_next():
    play = Playbook(
        rule("noop", say("451 one"), times=1), rule("noop", say("452 two"), times=2), rule("noop", say("453 three"))
    )
    assert _replies(play, 5) == ["451 one", "452 two", "452 two", "453 three", "453 three"]


def test_conditions_that_do_not_hold_are_no_occurrence():
    play = Playbook(rule("noop", NO, when={"argument": "count"}, times=1))
    assert answers(play, 3, "NOOP other") == "..."
    assert answers(play, 2, "NOOP count") == "x."


def test_a_rule_at_several_stages_has_one_count():
    play = Playbook(rule(["noop", "rset"], NO, times=1))
    assert answers(play, 1, "RSET") + answers(play, 2, "NOOP") == "x.."


def test_per_counts_each_key_by_itself(play_many):
    connect, _ = play_many(rule("rcpt", NO, per=("peer", "reverse-path", "forward-path"), times=1))
    for peer, sender, path, acted in (
        ("192.0.2.1", "a@x", "b@x", "x"),
        ("192.0.2.1", "a@x", "b@x", "."),
        ("192.0.2.1", "A@X", "B@X", "."),
        ("192.0.2.2", "a@x", "b@x", "x"),
        ("192.0.2.1", "c@x", "b@x", "x"),
        ("192.0.2.1", "a@x", "d@x", "x"),
        ("192.0.2.2", "a@x", "b@x", "."),
    ):
        play = connect(peer)
        play >> f"MAIL FROM:<{sender}>" << "250"
        assert answers(play, 1, f"RCPT TO:<{path}>") == acted


def test_without_per_the_key_is_the_run(play_many):
    connect, _ = play_many(rule("noop", NO, times=2))
    assert [answers(connect(), 1) for _ in range(3)] == ["x", "x", "."]


def test_greylisting_is_one_rule():
    grey = rule("rcpt", act("refuse", "greylisted"), per=("peer", "reverse-path", "forward-path"), lasts=300.0)
    play = Playbook(grey)
    play >> "MAIL FROM:<a@b>" << "250"
    play >> "RCPT TO:<c@d>" << "450 4.7.1"
    play.wait(200) >> "RCPT TO:<c@d>" << "450"
    play.wait(100) >> "RCPT TO:<c@d>" << "250"
    play >> "RCPT TO:<e@d>" << "450"


def test_any_is_every_stage_at_which_a_reply_is_owed():
    play = Playbook(rule(list(ANY), NO, when={"argument": "x"}), connect=False)
    play >> play.connected << "220"
    for line in ("NOOP x", "HELO x", "FROB x", "VRFY x", "RSET x"):
        play >> line << "450"


def test_a_rules_counts_of_many_keys_are_bounded(monkeypatch):
    counts = occurrences.Occurrences(most=3)
    for key in "abcd":
        counts.meet((key,), 0.0)
    assert counts.forgotten == 1
    assert counts.meet(("d",), 0.0).n == 2
    assert counts.meet(("a",), 0.0).n == 1


def test_that_keys_were_forgotten_is_said_once(monkeypatch):
    monkeypatch.setattr(compiled, "Occurrences", lambda: occurrences.Occurrences(most=2))
    play = Playbook(rule("noop", NO, per=("argument",)))
    for n in range(5):
        play >> f"NOOP {n}" << "450"
    assert play.notes == ["rule noop-rule: more than 100000 keys; the oldest are forgotten"]


# ---------------------------------------------------------------------- draws


def drawn(*others: object, name: str = "lucky", seed: int = 1, chance: float = 0.5, per: tuple[str, ...] = ()) -> str:
    play = Playbook(*others, rule("noop", NO, name=name, chance=chance, per=per), seed=seed)
    return answers(play, 40)


def test_chance_acts_on_some():
    assert 10 < drawn().count("x") < 30


def test_draws_come_from_seed_rule_and_occurrence():
    assert drawn() == drawn()
    assert len({drawn(), drawn(seed=2), drawn(name="other")}) == 3


def test_adding_a_rule_changes_no_other_draw():
    others = [rule("noop", act("goto", "x"), name="before", chance=0.5), rule("mail", NO, chance=0.5)]
    assert drawn(*others) == drawn()


def test_a_failed_draw_does_not_use_up_times():
    play = Playbook(rule("noop", NO, name="lucky", chance=0.5, times=3))
    assert answers(play, 40).count("x") == 3


def test_a_smaller_chance_acts_on_fewer_of_the_same():
    often, seldom = drawn(chance=0.7), drawn(chance=0.2)
    assert all(one == "x" for one, other in zip(often, seldom, strict=True) if other == "x")
    assert seldom.count("x") < often.count("x")


def test_chance_1_is_always():
    assert drawn(chance=1.0) == "x" * 40


def test_a_chance_of_0_is_no_rule():
    rules = [
        rule("noop", NO, chance=0.0),
        rule("content", NO, chance=0.0, when={"offset": Over(1)}),
        rule("mail", NO, chance=0.0, when={"client-name": "unresolved"}),
    ]
    policy = Playbook(*rules).policy
    assert (policy.stages, policy.marks, policy.lookups(Stage.MAIL)) == (frozenset(), (), ())


def test_a_random_wait_is_drawn_for_each_occurrence_and_key(play_many):
    connect, _ = play_many(rule("noop", act("delay", Uniform(0.0, 1.0)), name="slow", per=("peer",)))

    def waits(peer: str) -> list[float]:
        play = connect(peer)
        play >> "NOOP" << Wait << "250"
        play >> "NOOP" << Wait << "250"
        return [action.seconds for action in play.actions if isinstance(action, Wait)]

    assert len({*waits("192.0.2.1"), *waits("192.0.2.2")}) == 4


def test_two_random_waits_of_one_rule_are_two():
    either = act("delay", Uniform(0.0, 1.0))
    play = Playbook(rule("noop", either, either, name="slow"))
    play >> "NOOP" << Wait << Wait << "250"
    one, other = (action.seconds for action in play.actions if isinstance(action, Wait))
    assert one != other


KEYS = st.lists(st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.none()), max_size=3).map(tuple)


@settings(deadline=None)
@given(st.integers(), st.text(max_size=5), st.text(max_size=5), KEYS, st.integers(1, 1000))
def test_every_draw_is_a_number_from_0_to_1(seed, name, rule_name, key, n):
    assert 0 <= Draws(seed, name, rule_name).draw(key, n) < 1


def test_draws_are_spread_evenly():
    draws = Draws(1, "scenario", "rule")
    numbers = [draws.draw((), n) for n in range(4000)]
    assert all(900 < sum(part / 4 <= number < (part + 1) / 4 for number in numbers) < 1100 for part in range(4))


@pytest.mark.parametrize(
    ("one", "other"), [(("a", "bc"), ("ab", "c")), (("1", ""), ("", "1")), (("3:a", "b"), ("3", ":ab"))]
)
def test_names_do_not_run_together(one, other):
    assert Draws(1, *one).draw((), 1) != Draws(1, *other).draw((), 1)


def test_draws_are_the_same_in_every_process():
    code = "from fakesmtp.scenario.draws import Draws; print(Draws(1, 'a', 'b').draw(('x', None, True, 2), 3))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}, check=True,
            capture_output=True, text=True, timeout=60,
        ).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert seen == {str(Draws(1, "a", "b").draw(("x", None, True, 2), 3))}


# ---------------------------------------------------------------------- states, connections, rates


def test_the_state_belongs_to_the_run(play_many):
    connect, _ = play_many(
        rule("noop", act("goto", "down")), rule("greeting", act("refuse", "shutting-down"), when={"state": "down"})
    )
    connect() >> "NOOP"
    play = connect(connect=False)
    play >> play.connected << "421"


def test_connection_is_the_how_many_eth_of_the_run(play_many):
    connect, _ = play_many(rule("noop", NO, when={"connection": 2}))
    assert [answers(connect(), 1) for _ in range(3)] == [".", "x", "."]


def test_connections_are_those_open_now(play_many):
    full = Condition("connections", Over(1), by="run")
    connect, _ = play_many(rule("noop", NO, when={"connections": full}))
    first = connect()
    assert answers(first, 1) == "."
    second = connect("192.0.2.2")
    assert answers(first, 1) + answers(second, 1) == "xx"
    second >> Disconnected()
    second >> Disconnected()
    assert answers(first, 1) == "."


def test_connections_by_peer(play_many):
    crowd = Condition("connections", Over(1), by="peer")
    connect, _ = play_many(rule("noop", NO, when={"connections": crowd}))
    assert answers(connect("192.0.2.1"), 1) + answers(connect("192.0.2.2"), 1) == ".."
    assert answers(connect("192.0.2.1"), 1) == "x"


def test_connections_by_listener(play_many):
    crowd = Condition("connections", Over(1), by="listener")
    connect, _ = play_many(rule("noop", NO, when={"connections": crowd}))
    assert answers(connect(), 1) + answers(connect(), 1) == ".x"


def test_rate_is_a_sliding_window(play_many):
    often = Condition("rate", Over(2), by="run", per=60.0)
    connect, clock = play_many(rule("noop", NO, when={"rate": often}))
    play = connect()
    assert answers(play, 3) == "..x"
    clock.seconds += 59
    assert answers(play, 1) == "x"
    clock.seconds += 1  # the first three are a minute old
    assert answers(play, 3) == ".xx"
    clock.seconds += 60
    assert answers(play, 2) == ".."


def test_rate_by_peer(play_many):
    often = Condition("rate", Over(1), by="peer", per=60.0)
    connect, _ = play_many(rule("noop", NO, when={"rate": often}))
    one, other = connect("192.0.2.1"), connect("192.0.2.2")
    assert answers(one, 2) + answers(other, 1) == ".x."


def test_rate_counts_only_when_the_other_conditions_hold():
    often = Condition("rate", Over(1), by="run", per=60.0)
    play = Playbook(rule("noop", NO, when={"rate": often, "argument": "count"}))
    assert answers(play, 5, "NOOP other") + answers(play, 2, "NOOP count") == "......x"


def test_rates_are_counted_for_each_rule():
    often = Condition("rate", Over(2), by="run", per=60.0)
    play = Playbook(
        rule("noop", act("goto", "x"), when={"rate": often}, name="one"),
        rule("noop", NO, when={"rate": often}, name="other"),
    )
    assert answers(play, 3) == "..x"


def test_what_a_rate_remembers_is_bounded():
    window = occurrences.Window(60.0, most=5, most_keys=3)
    assert [window.count(("a",), 0.0) for _ in range(8)] == [1, 2, 3, 4, 5, 5, 5, 5]
    for key in "bcde":
        window.count((key,), 1.0)
    assert (len(window._moments), window.forgotten) == (3, 2)
    window.count(("f",), 100.0)
    assert len(window._moments) == 1


@pytest.mark.parametrize(("bound", "matches"), [(Over(10), "over"), (Under(3), "under"), (Equals(4), "equals")])
def test_counts_that_need_not_be_told_apart_match_alike(bound, matches):
    most = occurrences.largest_number(bound)
    assert all(bound.matches(min(count, most)) == bound.matches(count) for count in range(30))


def test_pop_login(play_many):
    recent = {"pop-login": Not(Under(600))}
    connect, clock = play_many(rule("mail", act("refuse", "auth-required"), when=recent))
    play = connect()
    play >> "MAIL FROM:<a@b>" << "530"
    play.policy.logged_in("192.0.2.1")
    play >> "MAIL FROM:<a@b>" << "250"
    play >> "RSET" << "250"
    clock.seconds += 601
    play >> "MAIL FROM:<a@b>" << "530"
    other = connect("192.0.2.9")
    other.policy.logged_in("192.0.2.1")
    other >> "MAIL FROM:<a@b>" << "530"


# ---------------------------------------------------------------------- what the session wants to know


def test_only_stages_with_rules_are_asked():
    policy = Playbook(rule(["rcpt", "noop"], NO), rule("rcpt", SLOW)).policy
    assert policy.stages == {Stage.RCPT, Stage.NOOP}


def test_lookups_are_those_that_the_stages_rules_name():
    play = Playbook(
        rule("mail", NO, when={"sender-domain": "unresolved", "client-name": "x"}),
        rule("rcpt", NO, per=("client-name",), when={"dnsbl": "127.0.0.2"}),
        rule("noop", NO, when={"tls": True}),
        answers={"client-name": "host.example.test", "sender-domain": "resolved"},
    )
    policy = play.policy
    assert policy.lookups(Stage.MAIL) == ("sender-domain", "client-name")
    assert policy.lookups(Stage.RCPT) == ("dnsbl", "client-name")
    assert policy.lookups(Stage.NOOP) == ()
    for line in ("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:<e@f>", "NOOP"):
        play >> line
        play._out.clear()
    asked = [action for action in play.actions if isinstance(action, Lookup)]
    assert asked == [
        Lookup("sender-domain", "b"), Lookup("client-name", "192.0.2.1"), Lookup("dnsbl", "192.0.2.1"),
    ]  # fmt: skip


def test_the_null_reverse_path_has_no_domain_to_look_up():
    play = Playbook(rule("mail", NO, when={"sender-domain": None}))
    play >> "MAIL FROM:<>" << "450"
    play >> "MAIL FROM:<a@b>" << Lookup("sender-domain", "b") << "450"


def test_marks_are_where_content_rules_begin_to_hold():
    from fakesmtp.protocol.policy import Mark

    def marks(**when: object) -> set[Mark]:
        return set(Playbook(rule("content", NO, when=when)).policy.marks)

    assert marks(offset=Over(1000)) == {Mark(offset=1001)}
    assert marks(size=Equals(500)) == {Mark(offset=500)}
    assert marks(size=Not(Under(500))) == {Mark(offset=500)}
    assert marks(body=Contains("Hello\nThere")) == {Mark(text=b"hello\r\nthere")}
    assert marks(body="*VIRUS*") == {Mark(text=b"virus")}
    assert marks(tls=False) == {Mark(offset=0)}


def test_rules_at_content_without_a_threshold_act_on_the_first_octet():
    play = Playbook(rule("content", act("refuse", "content-refused"))).envelope()
    play >> "DATA" << "354"
    play >> b"H" << "550"


def test_only_rules_whose_mark_was_crossed_are_tried():
    play = Playbook(
        rule("content", act("goto", "ten"), when={"offset": Over(10)}, name="ten"),
        rule("content", act("goto", "fifty"), when={"offset": Over(50)}, name="fifty"),
    ).envelope()
    play.data(b"x" * 30 + b"\r\n") << "250"
    assert (play.rules, play.policy.state) == (["ten"], "ten")


def test_facts_with_fields_and_names():
    big = Fields((("size", Over(2)),))
    play = Playbook(
        rule("mail", NO, when={"parameter": Fields((("body", Equals("8BITMIME")),))}),
        rule("bdat", say("451 big"), when={"chunk": big}),
    )
    play >> "MAIL FROM:<a@b> BODY=8BITMIME" << "450"
    play >> "MAIL FROM:<a@b>" << "250"
    play >> "RCPT TO:<c@d>" << "250"
    play >> b"BDAT 1\r\nx" << "250"
    play >> b"BDAT 3\r\nxyz" << "451 big"


def test_the_message_may_be_asked_about():
    when = {"header": Fields((("subject", Contains("invoice")),)), "attachment": None, "hops": 1}
    play = Playbook(rule("end-of-data", act("refuse", "spam-refused"), when=when)).envelope()
    play.data(b"Received: x\r\nSubject: Your Invoice\r\n\r\nHi\r\n") << "550"
    play.envelope().data(b"Subject: Your Invoice\r\n\r\nHi\r\n") << "250"


def test_the_message_is_not_kept_by_what_was_found_in_it():
    play = Playbook(rule("end-of-data", SLOW, when={"body": "*Hi*"})).envelope()
    play.data() << "250"
    assert play.messages[0][1].content is None


def test_starting_twice_is_starting_once():
    clock = Clock()
    policy = ScenarioPolicy(scenario(), clock=clock, seed=1)
    play = Playbook(policy=policy, clock=clock)
    policy.started(play.session)
    assert (policy.connection_number(play.session), policy.open_connections(play.session, "run")) == (1, 1)


def test_two_scenarios_share_nothing():
    one, other = (Playbook(rule("noop", NO, times=1), name=name) for name in ("one", "other"))
    assert answers(one, 2) + answers(other, 2) == "x.x."


def test_what_a_policy_holds_does_not_grow_with_sessions(play_many):
    connect, _ = play_many(rule("content", act("goto", "x"), when={"offset": Over(1)}), rule("noop", NO))
    for _ in range(20):
        play = connect()
        play.envelope().data()
        play._out.clear()
        play >> Disconnected()
    policy = play.policy
    assert (len(policy._numbers), len(policy._passages)) == (0, 0)


def test_a_session_that_ends_before_it_began(play_many):
    connect, _ = play_many(rule("close", act("goto", "closed")))
    play = connect(connect=False)
    play >> Disconnected()
    assert play.policy.state == "closed"
    play >> Connected()
    assert not any(isinstance(action, Note) for action in play.actions)
