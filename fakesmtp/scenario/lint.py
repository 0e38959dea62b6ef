"""Warnings: what a scenario may say, and probably does not mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from fakesmtp.faults import Kind
from fakesmtp.protocol.handshake import BEHIND
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.stages import ANY, ANYWHERE, STAGES, Stage
from fakesmtp.scenario.matchers import AllOf, AnyOf, Equals, Glob, Matcher
from fakesmtp.scenario.model import Act, Condition, Rule, Scenario
from fakesmtp.scenario.persona import load_persona
from fakesmtp.scenario.problems import Problem, nearest
from fakesmtp.scenario.rules import waits_at_random

START: Final = "start"
Asked = tuple[str, str, str, float]
"""A condition without its place."""
_COMPARED: Final = 100
"""Names that are compared for a hint."""


def lint(scenario: Scenario) -> Iterator[Problem]:
    """Everything that is worth a warning, in no particular order and without source lines."""
    return (problem for check in CHECKS for problem in check(scenario))


def _warning(at: Rule | Act | Condition, message: str, hint: str = "") -> Problem:
    return Problem(at.place, message, hint, "warning")


# ---------------------------------------------------------------------- rules that never act


def find_unreachable(scenario: Scenario) -> Iterator[Problem]:
    """Rules behind one that always answers first.

    A rule of a scenario that is extended may be hidden: that is how it is overridden.
    """
    certain: list[tuple[Rule, frozenset[Asked]]] = []
    for rule in scenario.rules:
        asked = frozenset(map(_asked, rule.when))
        before = [first for first, wants in certain if wants <= asked and _meet(first, rule)]
        if not rule.merely_shapes and all(any(stage in first.stages for first in before) for stage in rule.stages):
            hint = " and ".join(f"'{first.name}' in line {first.place.line}" for first in before)
            verb = "answers" if len(before) == 1 else "answer"
            yield _warning(rule, f"the rule '{rule.name}' is never reached", f"{hint} always {verb} first")
        elif _is_certain(rule):
            certain.append((rule, asked))


def _meet(first: Rule, then: Rule) -> bool:
    return first.place.file == then.place.file and not set(first.stages).isdisjoint(then.stages)


def _is_certain(rule: Rule) -> bool:
    """Whether the rule answers whenever its conditions hold."""
    every_time = rule.after == 0 and rule.every == 1 and rule.chance == 1
    return rule.answers and every_time and rule.times is None and rule.lasts is None


def _asked(condition: Condition) -> Asked:
    return condition.fact, repr(condition.matcher), condition.by, condition.per


# ---------------------------------------------------------------------- states


def check_states(scenario: Scenario) -> Iterator[Problem]:
    """States that are asked for and never entered, and states that change nothing."""
    asked = [condition for rule in scenario.rules for condition in rule.when if condition.fact == "state"]
    entered = {state.lower() for state in scenario.states}
    named: set[str] = set()
    for condition in asked:
        for state in _named(condition.matcher):
            named.add(state.lower())
            if state.lower() not in entered:
                near = nearest(state, scenario.states[1:_COMPARED])
                hint = f"did you mean {near!r}?" if near else "only the control interface could"
                yield _warning(condition, f"no rule enters the state {state!r}", hint)
    for act in _acts(scenario, "goto"):
        if act.fault.state.lower() not in named and not _is_told_apart(act.fault.state, asked):
            yield _warning(act, f"no rule asks for the state {act.fault.state!r}", "entering it changes nothing")


def _is_told_apart(state: str, asked: list[Condition]) -> bool:
    """Whether a condition holds in this state and not in the first one, or the other way round."""
    if state == START and asked:
        return True
    return any(condition.matcher.matches(state) != condition.matcher.matches(START) for condition in asked)


def _named(matcher: Matcher) -> Iterator[str]:
    """The states that a matcher names; what a glob or a pattern may mean is left alone."""
    if isinstance(matcher, Glob) and not set("*?") & set(matcher.glob):
        yield matcher.glob
    elif isinstance(matcher, Equals):
        yield str(matcher.value)
    elif isinstance(matcher, (AnyOf, AllOf)):
        for part in matcher.choices if isinstance(matcher, AnyOf) else matcher.parts:
            yield from _named(part)


# ---------------------------------------------------------------------- replies


def check_replies(scenario: Scenario) -> Iterator[Problem]:
    """Replies that RFC 5321 does not list at their stage, or that contradict themselves."""
    for rule in scenario.rules:
        for act in rule.acts:
            if act.name == "reply":
                yield from _unlisted(rule, act, act.fault.reply)
                yield from _contradicting(act, act.fault.reply)


def _unlisted(rule: Rule, act: Act, reply: Reply) -> Iterator[Problem]:
    where = [stage for stage in rule.stages if STAGES[stage].reply_owed]
    lacking = [stage for stage in where if reply.code not in STAGES[stage].listed | ANYWHERE]
    if rule.stages == ANY and len(lacking) < len(where):
        return  # a reply for all stages fits some of them
    if lacking:
        stages = ", ".join(lacking) if rule.stages != ANY else "any stage"
        codes = sorted(STAGES[lacking[0]].listed) if len(lacking) == 1 else []
        hint = f"usual there: {', '.join(map(str, codes))}" if codes else ""
        yield _warning(act, f"RFC 5321 lists no {reply.code} at {stages}", hint)


def _contradicting(act: Act, reply: Reply) -> Iterator[Problem]:
    if reply.enhanced and reply.enhanced[0] != str(reply.code)[0]:
        message = f"the enhanced status code {reply.enhanced} has another class than {reply.code}"
        yield _warning(act, message, "RFC 2034 section 4 wants the same first digit")


# ---------------------------------------------------------------------- actions


_STILL_TO_COME: Final = frozenset({Stage.CONNECT, Stage.TLS})
_ENDINGS: Final = frozenset({"close", "hang", "handshake"})


def find_idle_shapes(scenario: Scenario) -> Iterator[Problem]:
    """Shaping actions where nothing is ever sent."""
    for rule in scenario.rules:
        for act in rule.acts:
            if act.name == "delay" and _STILL_TO_COME.intersection(rule.stages):
                continue  # the greeting, or the handshake, waits for it
            if act.kind is Kind.SHAPING and not any(_is_answered(scenario, stage) for stage in rule.stages):
                stages = ", ".join(rule.stages)
                yield _warning(act, f"'{act.name}' has no reply to act on at {stages}", "no reply is owed there")


def find_outdone(scenario: Scenario) -> Iterator[Problem]:
    """Answers of one rule that undo one another, or do not come in the order in which they are written."""
    for rule in scenario.rules:
        answers = [act for act in rule.acts if act.kind is Kind.ANSWERING]
        endings = [act for act in answers if act.name in _ENDINGS]
        for act in answers:
            if act.name == "silence" and len(answers) > 1:
                other = next(each.name for each in answers if each is not act)
                yield _warning(act, f"'silence' has no effect beside '{other}'", "the rule does answer")
            elif act in endings[:-1]:
                yield _warning(act, f"'{act.name}' has no effect", f"the '{endings[-1].name}' behind it is the end")
            elif endings and act.name not in _ENDINGS and answers.index(act) > answers.index(endings[-1]):
                yield _warning(act, f"'{act.name}' acts before '{endings[-1].name}' ends the session", "write it first")


def _is_answered(scenario: Scenario, stage: Stage) -> bool:
    return STAGES[stage].reply_owed or any(rule.answers and stage in rule.stages for rule in scenario.rules)


def find_bypassed(scenario: Scenario) -> Iterator[Problem]:
    """Rules at ``data`` that a client which uses CHUNKING does not meet.

    ``BDAT … LAST`` asks ``data`` too, but only a refusal is sent then: what shapes, or succeeds, is not.
    """
    if not _offers(scenario, "CHUNKING"):
        return
    for rule in scenario.rules:
        if Stage.DATA in rule.stages and Stage.BDAT not in rule.stages and _needs_the_reply(rule):
            hint = "add bdat to its stages, or take CHUNKING off the list: capabilities: {CHUNKING: false}"
            yield _warning(rule, f"CHUNKING passes the rule '{rule.name}' by: BDAT sends no success at data", hint)


def _needs_the_reply(rule: Rule) -> bool:
    succeeds = any(
        act.name in ("proceed", "accept") or (act.name == "reply" and act.fault.reply.kind == 3) for act in rule.acts
    )
    return succeeds or rule.merely_shapes


def find_shared_draws(scenario: Scenario) -> Iterator[Problem]:
    """Draws whose order depends on that of parallel sessions."""
    for rule in scenario.rules:
        if not rule.per and (rule.chance < 1 or any(waits_at_random(act) for act in rule.acts)):
            hint = "add per: peer, or what else tells them apart"
            yield _warning(rule, f"the draws of '{rule.name}' depend on the order of parallel sessions", hint)


def find_withheld(scenario: Scenario) -> Iterator[Problem]:
    """Keywords that are withheld and never were on offer."""
    offered = {keyword.upper() for act in _acts(scenario, "offer") for keyword in act.fault.keywords}
    for act in _acts(scenario, "withhold"):
        for keyword in act.fault.keywords:
            if keyword.upper() not in offered and not _offers(scenario, keyword.upper()):
                near = nearest(keyword, sorted(_keywords(scenario) | offered)[:_COMPARED])
                hint = f"did you mean {near!r}?" if near else ""
                yield _warning(act, f"EHLO does not offer {keyword!r} anyway", hint)


def _offers(scenario: Scenario, keyword: str) -> bool:
    return keyword in _keywords(scenario)


def _keywords(scenario: Scenario) -> set[str]:
    """What EHLO may offer on some listener, in the clear or in TLS."""
    lists = [scenario.capabilities, scenario.capabilities_in_tls, *(each.capabilities for each in scenario.listeners)]
    persona = {_keyword(line) for line in load_persona(scenario.persona).keywords}
    found: set[str] = set()
    for capabilities in filter(None, lists):
        if capabilities.exact is not None:
            found |= {_keyword(line) for line in capabilities.exact}
        else:
            edits = capabilities.edits.items()
            left_out = {keyword for keyword, value in edits if value is None}
            found |= (persona - left_out) | {keyword for keyword, value in edits if value is not None}
    return found


def _keyword(line: str) -> str:
    return line.replace("=", " ").partition(" ")[0].upper()


def check_tls(scenario: Scenario) -> Iterator[Problem]:
    """Rules and settings for TLS where no listener speaks it."""
    modes = {(listener.tls or scenario.tls).mode for listener in scenario.listeners}
    if modes != {"none"} or any(Stage.STARTTLS in rule.stages and rule.answers for rule in scenario.rules):
        return
    hint = "add tls: starttls"
    for rule in scenario.rules:
        if rule.stages == (Stage.TLS,):
            yield _warning(rule, f"no listener speaks TLS: the rule '{rule.name}' never acts", hint)
        for condition in rule.when:
            if condition.fact == "tls" and condition.matcher == Equals(True):
                yield _warning(condition, "no listener speaks TLS: this never holds", hint)
    for act in _acts(scenario, "certificate"):
        yield _warning(act, "no listener speaks TLS: no certificate is shown", hint)


def check_handshakes(scenario: Scenario) -> Iterator[Problem]:
    """Certificates that nobody sees, and a flaw of STARTTLS where there is no STARTTLS."""
    told = [listener.tls or scenario.tls for listener in scenario.listeners]
    chosen = {tls.certificate for tls in told} != {"valid"} or any(_acts(scenario, "certificate"))
    for rule in scenario.rules if chosen else ():
        broken = [act for act in rule.acts if act.name == "handshake" and act.fault.kind not in BEHIND]
        if broken and not rule.when and _is_certain(rule):
            hint = "leave the certificate out, or say when the handshake is broken"
            yield _warning(broken[0], "the handshake is always broken before a certificate is shown", hint)
    starttls = any(tls.mode == "starttls" for tls in told)
    if not starttls and not any(Stage.STARTTLS in rule.stages and rule.answers for rule in scenario.rules):
        for act in _acts(scenario, "keep-plaintext"):
            yield _warning(act, "no listener offers STARTTLS: nothing is kept across it", "add tls: starttls")


def check_logins(scenario: Scenario) -> Iterator[Problem]:
    """Rules that ask for a POP3 login where nobody can log in."""
    if scenario.pop3 is None:
        for condition in (condition for rule in scenario.rules for condition in rule.when):
            if condition.fact == "pop-login":
                yield _warning(condition, "there is no POP3 server, so nobody ever logs in", "add pop3: true")


def check_script(scenario: Scenario) -> Iterator[Problem]:
    """What a script leaves without effect, as it says everything itself."""
    script = scenario.script
    if script is None:
        return
    from fakesmtp.protocol.script import Secure

    usual = Scenario(scenario.name)
    for key in ("capabilities", "capabilities-in-tls", "accounts", "auth"):
        attribute = key.replace("-", "_")
        if getattr(scenario, attribute) != getattr(usual, attribute):
            yield Problem(scenario.place, f"'{key}' has no effect: the script says every reply", "", "warning")
    implicit = [each for each in scenario.listeners if (each.tls or scenario.tls).mode == "implicit"]
    secured = any(isinstance(step, Secure) for each in script.connections for step in each)
    if implicit and secured:
        message = f"TLS begins at once on '{implicit[0].name}': there 'starttls' is passed over"
        yield Problem(scenario.place, message, "", "warning")


def _acts(scenario: Scenario, name: str) -> Iterable[Act]:
    return (act for rule in scenario.rules for act in rule.acts if act.name == name)


CHECKS: Final = (
    find_unreachable,
    check_states,
    check_replies,
    find_idle_shapes,
    find_outdone,
    find_bypassed,
    find_shared_draws,
    find_withheld,
    check_tls,
    check_handshakes,
    check_logins,
    check_script,
)
"""Every check; each looks at a whole scenario."""
