"""What is counted: sessions, messages, recipients, duplicates, look-ups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fakesmtp.journal.expecting.evidence import Evidence, Happening
from fakesmtp.journal.expecting.judged import Finding, enumerate_lines, plural
from fakesmtp.scenario.demands import Count, Lookups, Messages, Question, Recipients, Sessions
from fakesmtp.scenario.matchers import Matcher


def judge_count(count: Count, found: int, happened: str, evidence: Evidence, telling: Sequence[Happening]) -> Finding:
    """A number of things that were found; there may have been more of them where entries were dropped."""
    passed = count.judge(found, found + evidence.unknown)
    if passed is None:
        return Finding(None, f"{happened}, and {evidence.doubt}")
    return Finding(passed, happened, tuple(telling))


def too_many(count: Count, found: Sequence[Happening]) -> Sequence[Happening]:
    """The first that are one too many, for the excerpt."""
    return found[count.most :][:3] if count.most is not None else ()


def tell_refusal(evidence: Evidence) -> tuple[str, tuple[Happening, ...]]:
    """The last refusal, which is the likely reason why there is too little of something."""
    refusal = evidence.refusal
    if refusal is not None:
        where = f" at {refusal.stage}" if refusal.stage else ""
        return f"; the last refusal was {refusal.words}{where} in session {refusal.log.number}", (refusal,)
    logs = evidence.sessions
    if not logs:
        return "; nothing connected", ()
    last = logs[-1].happenings[-1]
    return "; nothing was refused", (last,)


# ---------------------------------------------------------------------- sessions, messages


def judge_sessions(demand: Sessions, evidence: Evidence) -> Finding:
    """Connections that were accepted."""
    begun = [log.happenings[0] for log in evidence.sessions]
    lines = [f"session {each.log.number} at {each.clock_time}: {each.text}" for each in begun]
    happened = f"{plural(len(begun), 'session')}{enumerate_lines(lines)}"
    return judge_count(demand.count, len(begun), happened, evidence, too_many(demand.count, begun))


def judge_messages(demand: Messages, evidence: Evidence) -> Finding:
    """Messages that were taken, whatever became of them."""
    found = evidence.messages
    happened = f"{plural(len(found), 'message')}"
    if len(found) < demand.count.least:
        why, telling = tell_refusal(evidence)
        return judge_count(demand.count, len(found), happened + why, evidence, telling)
    happened += enumerate_lines(map(describe, found))
    return judge_count(demand.count, len(found), happened, evidence, too_many(demand.count, found))


def describe(message: Happening) -> str:
    """A message on one line."""
    event = message.event
    paths = ", ".join(f"<{path}>" for path in event["forward-paths"]) or "nobody"
    envelope = f"from <{event['reverse-path']}> for {paths}"
    return f"{message.text} in session {message.log.number} at {message.clock_time}, {envelope}"


# ---------------------------------------------------------------------- recipients


def judge_recipients(demand: Recipients, evidence: Evidence) -> Finding:
    """Who gets a message."""
    first: dict[str, Happening] = {}
    for message in evidence.messages:
        for path in message.event["forward-paths"]:
            first.setdefault(fold_path(path), message)
    if demand.all_of is not None:
        return _judge_all(demand.all_of, first, evidence)
    matcher = demand.matcher
    found = {path: message for path, message in first.items() if matcher is None or matcher.matches(path)}
    matching = f" that match{'es' * (len(found) == 1)} {matcher}" if matcher is not None else ""
    happened = f"{plural(len(found), 'recipient')}{matching}"
    if len(found) < demand.count.least:
        why, telling = tell_refusal(evidence)
        return judge_count(demand.count, len(found), happened + why, evidence, telling)
    happened += enumerate_lines(_addressed(path, message) for path, message in found.items())
    telling = tuple(too_many(demand.count, list(found.values())))
    return judge_count(demand.count, len(found), happened, evidence, telling)


def _judge_all(wanted: tuple[Matcher, ...], first: dict[str, Happening], evidence: Evidence) -> Finding:
    others = {path: message for path, message in first.items() if not any(each.matches(path) for each in wanted)}
    missing = [each for each in wanted if not any(each.matches(path) for path in first)]
    told = [f"no message for {each}" for each in missing]
    told += [f"nobody expected {_addressed(path, message)}" for path, message in others.items()]
    if others:
        return Finding(False, told[0] + enumerate_lines(told[1:]), tuple(dict.fromkeys(others.values()))[:3])
    if missing and evidence.doubt:
        return Finding(None, f"{', '.join(told)}, and {evidence.doubt}")
    if missing:
        why, telling = tell_refusal(evidence)
        return Finding(False, "; ".join(told) + why, telling)
    if evidence.doubt:
        return Finding(None, f"whether there was anybody else is not known: {evidence.doubt}")
    return Finding(True, f"{plural(len(first), 'recipient')}")


def _addressed(path: str, message: Happening) -> str:
    return f"<{path}>: {message.text} in session {message.log.number}"


def fold_path(path: str) -> str:
    """A path to compare: the domain without regard to case, the local part as it is (RFC 5321 2.4)."""
    local, at, domain = path.rpartition("@")
    return f"{local}{at}{domain.lower()}"


# ---------------------------------------------------------------------- look-ups


def judge_lookups(demand: Lookups, evidence: Evidence) -> Finding:
    """Questions that the name server was asked."""
    asked = evidence.questions
    if demand.each:
        return _judge_each(demand.of, asked, evidence)
    found = [each for each in asked if not demand.of or any(_is_asked(of, each) for of in demand.of)]
    shown = found if found or not asked else asked
    happened = f"{plural(len(found), 'look-up')}{_listed(shown, 'asked was' if shown is not found else '')}"
    return judge_count(demand.count, len(found), happened, evidence, too_many(demand.count, found))


def _judge_each(wanted: Sequence[Question], asked: Sequence[Happening], evidence: Evidence) -> Finding:
    missing = [of for of in wanted if not any(_is_asked(of, each) for each in asked)]
    if not missing:
        return Finding(True, plural(len(asked), "look-up"))
    happened = f"nobody asked for {', '.join(map(str, missing))}"
    if evidence.doubt:
        return Finding(None, f"{happened}, and {evidence.doubt}")
    return Finding(False, happened + (_listed(asked, "asked was") or "; nothing was asked"), tuple(asked[-1:]))


def _is_asked(question: Question, asked: Happening) -> bool:
    return question.matches(asked.event.get("type"), asked.event.get("name"))


def _listed(asked: Iterable[Happening], title: str) -> str:
    lines = list(dict.fromkeys(f"{each.event.get('type')} {each.event.get('name')}" for each in asked))
    return enumerate_lines([title, *lines] if title and lines else lines)
