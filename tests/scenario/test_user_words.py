"""Faults and matchers of users' own: registered, read, described, and told apart from ours when they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import pytest

from fakesmtp import (
    Action,
    Answer,
    Octets,
    Reply,
    Seconds,
    Send,
    Turn,
    Wait,
    answering,
    effect,
    matcher,
    rule,
    scenario,
    setting,
    shaping,
)
from fakesmtp.faults import FAULTS, checks
from fakesmtp.faults import settings as types
from fakesmtp.faults.registry import PluginError
from fakesmtp.faults.settings import RefusalName
from fakesmtp.protocol.actions import PauseReading
from fakesmtp.scenario import acts, vocabulary
from fakesmtp.scenario.matchers import AllOf, Not
from fakesmtp.scenario.operators import OPERATORS
from fakesmtp.scenario.problems import ScenarioErrors
from fakesmtp.scenario.schema import make_schema
from tests.protocol.conftest import playbook as playbook
from tests.protocol.playbook import Playbook


@pytest.fixture(autouse=True)
def _own_words_are_forgotten() -> Iterator[None]:
    faults, operators = set(FAULTS), dict(OPERATORS)
    yield
    for name in set(FAULTS) - faults:
        FAULTS.discard(name)
    for name in set(OPERATORS) - set(operators):
        del OPERATORS[name]


def problems(**given: Any) -> list[str]:
    """What the reader says of a rule."""
    with pytest.raises(ScenarioErrors) as raised:
        scenario(rules=[rule(**given)])
    return [str(problem).partition(": ")[2].partition("\n")[0] for problem in raised.value.problems]


# ---------------------------------------------------------------------- faults that work


def define_teapot() -> type:
    @answering("teapot")
    class Teapot:
        """Says that it is a teapot.

        A client that looks for words is found out.
        """

        text: str = setting("what it says", "short and stout")
        pause: Seconds = setting("how long it boils", Seconds(0.0))

        def apply(self, answer: Answer, turn: Turn) -> None:
            answer.say(Reply.parse(f"550 5.7.1 {self.text} at {turn.stage}"))

    return Teapot


def test_an_answering_fault_answers(playbook: Callable[..., Playbook]) -> None:
    define_teapot()
    play = playbook(*scenario(rules=[rule(at="mail", teapot=True), rule(at="noop", teapot="ready")]).rules)
    play >> "MAIL FROM:<a@example.test>" << "550 5.7.1 short and stout at mail"
    play >> "NOOP" << "550 5.7.1 ready at noop"


def test_a_shaping_fault_shapes_and_lets_time_pass(playbook: Callable[..., Playbook]) -> None:
    @shaping("stutter")
    class Stutter:
        """Begins twice."""

        octets: Octets = setting("how many come early", Octets(1))

        def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
            for action in actions:
                if isinstance(action, Send):
                    yield Send(action.data[: self.octets])
                    yield Wait(1.5)
                yield action

    play = playbook(*scenario(rules=[rule(at="noop", stutter=2)]).rules)
    play >> "NOOP" << b"25" << Wait(1.5) << b"250 2.0.0 OK\r\n"


def test_an_effect_acts_and_the_search_goes_on(playbook: Callable[..., Playbook]) -> None:
    @effect("doze")
    class Doze:
        """Reads no more."""

        def apply(self, turn: Turn) -> Iterable[Action]:
            return [PauseReading()]

    play = playbook(*scenario(rules=[rule(at="noop", doze=True), rule(at="noop", reply="250 zzz")]).rules)
    play >> "NOOP" << PauseReading() << "250 zzz"


def test_settings_are_read_by_their_types() -> None:
    @effect("everything")
    class Everything:
        """Takes one of each."""

        word: Literal["a", "b"] = setting("one of two")
        count: int = setting("how many", 1)
        names: tuple[str, ...] = setting("some", ())
        pairs: Mapping[str, str] = setting("by name", {})
        on: bool = setting("whether", False)

        def apply(self, turn: Turn) -> None:
            return None

    given = {"word": "b", "count": 3, "names": ["x", "y"], "pairs": {"SIZE": "1"}, "on": True}
    (act,) = scenario(rules=[rule(at="noop", everything=given)]).rules[0].acts
    assert act.fault == Everything(word="b", count=3, names=("x", "y"), pairs={"SIZE": "1"}, on=True)
    assert problems(at="noop", everything="c") == ["unknown value of 'everything': 'c'; known: a, b"]
    assert problems(at="noop", everything={"count": "x"}) == ["a whole number is expected here, not 'x'"]
    assert problems(at="noop", everything={"worp": "a"}) == [
        "unknown setting of 'everything': 'worp'; did you mean 'word'?"
    ]


def test_settings_that_do_not_go_together_are_told_at_their_place() -> None:
    @effect("picky")
    class Picky:
        """Takes even numbers."""

        count: int = setting("an even number")

        def __attrs_post_init__(self) -> None:
            if self.count % 2:
                raise ValueError("an odd number of times is not possible")
            raise OverflowError("too many")

        def apply(self, turn: Turn) -> None:
            return None

    assert problems(at="noop", picky=3) == ["an odd number of times is not possible"]
    assert problems(at="noop", picky=2) == ["'picky' does not take these settings: OverflowError: too many"]


def test_it_can_be_looked_up_like_the_built_in_ones() -> None:
    define_teapot()
    assert vocabulary.Row("teapot", "Says that it is a teapot.") in list(vocabulary.faults())
    described = make_schema()["$defs"]["rule"]["properties"]["teapot"]
    assert described["description"] == "Says that it is a teapot."
    assert described["anyOf"][1]["properties"]["text"]["description"] == "what it says"
    assert problems(at="noop", tepot=True)[0].endswith("did you mean 'teapot'?")


def test_without_a_docstring_it_says_where_it_comes_from() -> None:
    @effect("plain")
    class Plain:
        def apply(self, turn: Turn) -> None:
            return None

    assert FAULTS["plain"].meaning.startswith("(no docstring: test_user_words.py:")


# ---------------------------------------------------------------------- faults that cannot be registered


def fault(apply: Any, **settings: Any) -> type:
    """A class with this ``apply`` and settings of these types."""
    return type("Mine", (), {"apply": apply, "__annotations__": settings, "__module__": __name__})


def no_turn(self: object, answer: object) -> None: ...


def right(self: object, answer: object, turn: object) -> None: ...


async def late(self: object, answer: object, turn: object) -> None: ...


@pytest.mark.parametrize(
    ("name", "cls", "words"),
    [
        ("delay", fault(right), "there is a built-in fault 'delay' already: give Mine another name"),
        ("when", fault(right), "the fault Mine cannot be named 'when': that is a key of every rule"),
        ("Tea Pot", fault(right), "'Tea Pot' is no name of a fault: give a word in kebab-case, as in 'slow-banner'"),
        ("tea_pot", fault(right), "'tea_pot' is no name of a fault"),
        ("", fault(right), "'' is no name of a fault"),
        (fault(right), None, "is no name of a fault"),
        ("mine", fault(None), r"the answering fault 'mine' needs a method apply\(self, answer, turn\); Mine has none"),
        (
            "mine",
            fault(no_turn),
            r"the answering fault 'mine' needs apply\(self, answer, turn\); Mine has apply\(self: 'object', answer: ",
        ),
        ("mine", fault(late), "the fault 'mine' cannot be async: to let time pass, yield Wait"),
        (
            "mine",
            fault(right, some_list=list),
            "the setting 'some-list' has the type list, which scenarios cannot give; it can be bool, int, .*Seconds",
        ),
        ("mine", fault(right, x="Nowhere"), "the types of Mine's settings cannot be found: name 'Nowhere'"),
        ("mine", right, "a fault is a class with a method apply, not function"),
    ],
)
def test_a_mistake_is_told_where_it_is_made(name: Any, cls: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        answering(name)(cls or fault(right))
    assert "mine" not in FAULTS


def test_two_faults_cannot_have_one_name() -> None:
    define_teapot()
    with pytest.raises(
        ValueError, match=r"there is a fault 'teapot' already, in test_user_words.py:\d+: give Mine ano"
    ):
        answering("teapot")(fault(right))
    assert FAULTS["teapot"].factory.__name__ == "Teapot"


def test_a_module_may_be_imported_twice() -> None:
    first, second = define_teapot(), define_teapot()
    assert first is not second
    assert FAULTS["teapot"].factory is second


def test_every_type_of_setting_can_be_read_and_is_in_the_schema() -> None:
    from fakesmtp.scenario.schema_parts import schema_of_type

    for kind in types.TYPES:
        assert schema_of_type(kind)
        assert kind is RefusalName or callable(acts.reader_of(kind, "x"))
    assert set(types.TYPES) == {*acts._READERS, int, Octets, RefusalName}


@pytest.mark.parametrize("name", FAULTS)
def test_the_built_in_faults_keep_the_same_rules(name: str) -> None:
    entry = FAULTS[name]
    checks._check_apply(name, entry.kind, entry.factory)
    checks._check_settings(entry.factory)


# ---------------------------------------------------------------------- faults that fail


def broken(error: bool) -> Any:
    if error:
        raise KeyError("nothing there")
    return "250 OK"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (True, r"the fault 'broken' has failed: KeyError: 'nothing there' \(test_user_words.py:\d+\)"),
        (False, r"the fault 'broken' has failed: TypeError: '250 OK' is no a.* \(test_user_words.py:\d+\)"),
    ],
)
@pytest.mark.parametrize("kind", ["answering", "shaping", "effect"])
def test_one_that_fails_is_told_by_its_name_and_line(kind: str, error: bool, words: str) -> None:
    if kind == "answering":

        @answering("broken")
        class First:
            def apply(self, answer: Answer, turn: Turn) -> None:
                answer.parts.append(broken(error))

    elif kind == "shaping":

        @shaping("broken")
        class Second:
            def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
                yield broken(error)

    else:

        @effect("broken")
        class Third:
            def apply(self, turn: Turn) -> Iterable[Action]:
                return [broken(error)]

    play = Playbook(*scenario(rules=[rule(at="noop", broken=True)]).rules)
    with pytest.raises(PluginError, match=words):
        play >> "NOOP"


def test_a_fault_that_fails_inside_another_is_blamed_itself() -> None:
    @shaping("inner")
    class Inner:
        def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
            yield broken(True)

    @shaping("outer")
    class Outer:
        def apply(self, actions: Iterable[Action], turn: Turn) -> Iterator[Action]:
            yield from actions

    play = Playbook(*scenario(rules=[rule(at="noop", do=["inner", "outer"])]).rules)
    with pytest.raises(PluginError, match="the fault 'inner' has failed"):
        play >> "NOOP"


# ---------------------------------------------------------------------- matchers


def define_luhn() -> Callable[[str], bool]:
    @matcher("luhn")
    def luhn(number: str) -> bool:
        """Digits whose check digit is right."""
        digits = [int(each) for each in reversed(number)]
        return sum(sum(divmod(each * (1 + place % 2), 10)) for place, each in enumerate(digits)) % 10 == 0

    return luhn


def matcher_of(fact: str, written: Any) -> Any:
    (found,) = (
        scenario(rules=[rule(at="end-of-data", when={fact: written}, silence=True)], tls="starttls").rules[0].when
    )
    return found.matcher


def test_a_matcher_is_a_function_of_the_value() -> None:
    luhn = define_luhn()
    found = matcher_of("helo-name", {"luhn": True})
    assert [found.matches(value) for value in ("79927398713", "79927398710", None, ("1", "0"))] == [
        True,
        False,
        False,
        True,
    ]
    assert str(found) == "{luhn: true}"
    assert luhn("0")


def test_what_it_says_can_be_turned_round_and_combined() -> None:
    define_luhn()
    assert isinstance(matcher_of("helo-name", {"luhn": False}), Not)
    assert isinstance(matcher_of("helo-name", {"luhn": True, "glob": "7*"}), AllOf)
    assert matcher_of("helo-name", {"not": {"luhn": True}}).matches("1")
    assert matcher_of("helo-name", ["x", {"luhn": True}]).matches("X")
    assert matcher_of("header", {"X-Card": {"luhn": True}}).matches({"x-card": "0"})
    assert matcher_of("attachment", {"name": {"luhn": True}})


def test_a_second_parameter_is_a_setting() -> None:
    @matcher("longer-than")
    def longer_than(text: str, size: Octets) -> bool:
        return len(text) > size

    found = matcher_of("helo-name", {"longer-than": "1KB"})
    assert (found.matches("x" * 1001), found.matches("x" * 1000), str(found)) == (True, False, "{longer-than: 1000}")
    assert problems(at="noop", when={"helo-name": {"longer-than": "long"}}, silence=True) == [
        "'long' is no size; give octets or a unit, as in 1000, 64KB, 10MB, 1MiB"
    ]
    assert OPERATORS["longer-than"].meaning.startswith("(no docstring: test_user_words.py:")


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (str, {"helo-name", "peer"}),
        (float, {"size", "recipients", "date"}),
        (int, {"size", "recipients", "date"}),
        (bool, {"tls"}),
        (object, {"helo-name", "peer", "size", "recipients", "date", "tls"}),
        (None, {"helo-name", "peer", "size", "recipients", "date", "tls"}),
    ],
)
def test_the_type_of_the_value_says_which_facts_it_is_for(kind: Any, facts: set[str]) -> None:
    def odd(value: Any) -> bool:
        return True

    odd.__annotations__ = {"value": kind} if kind is not None else {}
    matcher("odd")(odd)
    found = set()
    for fact in ("helo-name", "peer", "size", "recipients", "date", "tls"):
        try:
            found.add(fact) if matcher_of(fact, {"odd": True}) else None
        except ScenarioErrors as error:
            assert "unknown matcher here: 'odd'" in str(error)
    assert found == facts


def test_matchers_can_be_looked_up_like_the_built_in_ones() -> None:
    define_luhn()
    rows = list(vocabulary.matchers())
    assert rows[0].name == "equals"
    assert rows[-1] == ("luhn", "Digits whose check digit is right.")
    definitions = make_schema()["$defs"]
    described = definitions["text-matcher"]["anyOf"][-1]["properties"]
    assert described["luhn"] == {"description": "Digits whose check digit is right.", "type": "boolean"}
    assert "luhn" not in definitions["number-matcher"]["anyOf"][-1]["properties"]
    assert problems(at="noop", when={"helo-name": {"luhm": True}}, silence=True) == [
        "unknown matcher here: 'luhm'; did you mean 'luhn'?"
    ]


def test_in_the_middle_of_a_message_it_cannot_be_waited_for() -> None:
    @matcher("odd")
    def odd(value: object) -> bool:
        return True

    assert problems(at="content", when={"body": {"odd": True}}, silence=True) == [
        "in the middle of a message only a piece of text can be found; body: {contains: …}"
    ]
    assert problems(at="content", when={"offset": {"over": 3, "odd": True}}, silence=True) == [
        "in the middle of a message only a bound can be waited for; offset: {over: 10000}"
    ]


def test_one_that_raises_is_told_by_its_name_and_line(playbook: Callable[..., Playbook]) -> None:
    define_luhn()
    play = Playbook(*scenario(rules=[rule(at="mail", when={"reverse-path": {"luhn": True}}, silence=True)]).rules)
    words = r"the matcher 'luhn' has failed: ValueError: invalid literal .* \(test_user_words.py:\d+\)"
    with pytest.raises(PluginError, match=words):
        play >> "MAIL FROM:<a@example.test>"


def no_value() -> bool:
    return True


def three(a: str, b: str, c: str) -> bool:
    return True


def many(*values: str) -> bool:
    return True


def of_bytes(value: bytes) -> bool:
    return True


def with_list(value: str, some: list) -> bool:  # type: ignore[type-arg]
    return True


def with_refusal(value: str, name: RefusalName) -> bool:
    return True


async def of_later(value: str) -> bool:
    return True


def fine(value: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("name", "function", "words"),
    [
        ("equals", fine, "'equals' is a built-in word of matchers: give fine another name"),
        ("by", fine, "'by' is a built-in word of matchers"),
        ("Odd", fine, "'Odd' is no name of a matcher: give a word in kebab-case"),
        ("mine", no_value, r"the matcher 'mine' takes a value, and one setting at most: def no_value\(value: str\)"),
        ("mine", three, "takes a value, and one setting at most"),
        ("mine", many, "takes a value, and one setting at most"),
        ("mine", of_bytes, "takes a value of the type str, int, float, bool or object"),
        ("mine", with_list, "the setting 'some' has the type list, which scenarios cannot give"),
        ("mine", with_refusal, "the setting 'name' of a matcher cannot be a refusal"),
        ("mine", of_later, "is to be a function of a value that says true or false"),
        ("mine", str, "is to be a function of a value that says true or false"),
    ],
)
def test_a_matcher_that_is_none_is_told_where_it_is_made(name: str, function: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        matcher(name)(function)
    assert "mine" not in OPERATORS


def test_two_matchers_cannot_have_one_name() -> None:
    define_luhn()
    define_luhn()
    with pytest.raises(ValueError, match=r"there is a matcher 'luhn' already, in test_user_words.py:\d+"):
        matcher("luhn")(fine)
