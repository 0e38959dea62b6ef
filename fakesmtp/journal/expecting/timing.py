"""What has to do with time: retries, by the virtual clock, and how soon a client closes, by the real one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import attrs

from fakesmtp.journal.expecting.attempts import Mail, Try, chain, find_attempts
from fakesmtp.journal.expecting.evidence import Evidence, Happening, SessionLog, show_seconds
from fakesmtp.journal.expecting.judged import Finding
from fakesmtp.protocol.units import show_duration
from fakesmtp.scenario.demands import Closes, Retries

_WORST = {False: 0, None: 1, True: 2}
_SLACK = 1e-6
"""Seconds: entries are written with microseconds."""


def _worst(findings: list[Finding]) -> Finding:
    """A failure before what is not known, and that before what is right; of equals, the first."""
    return min(findings, key=lambda each: _WORST[each.passed])


# ---------------------------------------------------------------------- retries


def judge_retries(demand: Retries, evidence: Evidence) -> Finding:
    """Whether each mail that was not taken at first was tried again, how often, and when."""
    chains = [(mail, tries) for mail, tries in chain(find_attempts(evidence.sessions)) if _failed_at_first(mail, tries)]
    if not chains:
        return _judge_nothing(demand, evidence)
    return _worst([_judge_mail(demand, mail, tries, evidence) for mail, tries in chains])


def _failed_at_first(mail: Mail, tries: list[Try]) -> bool:
    return not tries[0].attempt.took(mail)


def _judge_nothing(demand: Retries, evidence: Evidence) -> Finding:
    passed = demand.counted.judge(0, evidence.unknown)
    happened = "no attempt has failed, so nothing was to be tried again"
    if not evidence.sessions:
        happened = "no session: nothing connected"
    if passed is None:
        return Finding(None, f"{happened}, but {evidence.doubt}")
    return Finding(passed, happened, tuple(each for each in evidence.messages[-1:] if not passed))


def _judge_mail(demand: Retries, mail: Mail, tries: list[Try], evidence: Evidence) -> Finding:
    findings = [_judge_number(demand, mail, tries, evidence)]
    findings += [_judge_gap(demand, mail, *pair, evidence) for pair in pairwise(tries)]
    found = _worst(findings)
    history = "".join(f"\n{number}. {_tell_try(mail, each)}" for number, each in enumerate(tries[:6], 1))
    more = f"\n… and {len(tries) - 6} more" if len(tries) > 6 else ""
    return attrs.evolve(found, happened=f"{found.happened}{history}{more}")


def _judge_number(demand: Retries, mail: Mail, tries: list[Try], evidence: Evidence) -> Finding:
    sure = sum(each.sure for each in tries)
    passed = demand.counted.judge(max(0, sure - 1), len(tries) - 1 + evidence.unknown)
    again = len(tries) - 1
    told = f"{_name(mail)} was {'not tried again' if not again else f'tried again {_times(again)}'}"
    last = tries[-1].attempt.fate(mail)
    if not again:
        waited = evidence.show_virtual(evidence.virtual_now - last.virtual, evidence.now - last.real)
        told += f", and {waited} after the failure the journal ends"
    if passed is None:
        reason = evidence.doubt or "an attempt may have been for another mail"
        return Finding(None, f"{told}; {reason}")
    return Finding(passed, told, (last,))


def _judge_gap(demand: Retries, mail: Mail, before: Try, then: Try, evidence: Evidence) -> Finding:
    failure, begin = before.attempt.fate(mail), then.attempt.begin
    gap = begin.virtual - failure.virtual
    shown = evidence.show_virtual(gap, begin.real - failure.real)
    told = f"{_name(mail)} was tried again after {shown}"
    wrong = ""
    if demand.no_sooner is not None and gap < demand.no_sooner - _SLACK:
        wrong = f"{show_seconds(demand.no_sooner - gap)} too soon"
    elif demand.no_later is not None and gap > demand.no_later + _SLACK:
        wrong = f"{show_seconds(gap - demand.no_later)} too late"
    if not wrong:
        return Finding(True, told)
    if not (before.sure and then.sure):
        return Finding(None, f"{told}, {wrong}, if it was this mail")
    return Finding(False, f"{told}: {wrong}", (failure, begin))


def _tell_try(mail: Mail, each: Try) -> str:
    fate = each.attempt.fate(mail)
    begin = each.attempt.begin
    taken = "taken: " if each.attempt.took(mail) else ""
    return f"session {begin.log.number} at {begin.clock_time}: {taken}{fate.words}"


def _name(mail: Mail) -> str:
    reverse_path, path = mail
    if reverse_path is None:
        return "the mail"
    return f"the mail from <{reverse_path}>" + (f" for <{path}>" if path is not None else "")


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


# ---------------------------------------------------------------------- closing


def judge_closes(demand: Closes, evidence: Evidence) -> Finding:
    """Whether the client closes: by QUIT, by its own FIN, or by giving the connection up."""
    if not evidence.sessions:
        return Finding(None if evidence.doubt else False, "no session: nothing connected")
    findings = list(_closings(demand, evidence))
    if not findings:
        lacking = evidence.doubt or "so there is nothing to judge"
        return Finding(None, f"no session has {demand.after or 'a reply'}, {lacking}")
    found = _worst(findings)
    return Finding(None, evidence.doubt) if found.passed and evidence.doubt else found


def _closings(demand: Closes, evidence: Evidence) -> Iterator[Finding]:
    for log in evidence.sessions:
        if demand.after is not None:
            base = log.find_reply(demand.after)
        elif demand.within is not None:
            base = log.replies[-1] if log.replies else None
            base = _before_farewell(log) or base
        else:
            base = log.happenings[0]
        if base is not None:
            yield _judge_closing(demand, log, base, evidence)


def _before_farewell(log: SessionLog) -> Happening | None:
    """The last reply before QUIT, to which 221 is only the answer."""
    if log.quit is None:
        return None
    return next((each for each in reversed(log.replies) if each.place < log.quit.place), None)


def _judge_closing(demand: Closes, log: SessionLog, base: Happening, evidence: Evidence) -> Finding:
    ending = _ending(log, base)
    reply = f"{base.words} in session {log.number}" if base.kind == "reply" else f"session {log.number} began"
    if ending is None:
        return _judge_open(demand, log, base, reply, evidence)
    word, at = ending
    if word == "server":
        closed = "the server closed first, so what the client would have done is not known"
        return Finding(None if demand.wanted else True, f"{reply}: {closed}")
    took = at.real - base.real
    told = f"{show_seconds(took)} after {reply} the client {'says QUIT' if word == 'quit' else 'closes'}"
    if not demand.wanted:
        return Finding(False, told, (at,))
    if demand.within is None or took <= demand.within + _SLACK:
        return Finding(True, told)
    return Finding(False, f"{told}, {show_seconds(took - demand.within)} too late", (base, at))


def _judge_open(demand: Closes, log: SessionLog, base: Happening, reply: str, evidence: Evidence) -> Finding:
    """Nobody has closed yet."""
    waited = evidence.now - base.real
    told = f"{show_seconds(waited)} after {reply} the connection is still open"
    if demand.wanted and demand.within is not None and waited > demand.within:
        return Finding(False, f"{told}, later than {show_duration(demand.within)}", (base, log.happenings[-1]))
    return Finding(None, told)


def _ending(log: SessionLog, base: Happening) -> tuple[str, Happening] | None:
    """Who ends the session behind this entry, and where: ``client``, ``quit`` or ``server``."""
    for each in log.happenings[base.place + 1 :]:
        if each is log.quit:
            return "quit", each
        if each.kind == "closed":
            if each.event.get("by") == "client" or each.event.get("how") == "lost":
                return "client", each
            if each.event.get("how") != "half":
                return "server", each
    return None
