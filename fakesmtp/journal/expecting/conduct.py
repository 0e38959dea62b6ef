"""How sessions are conducted: whether they end with QUIT, and whether mail and credentials go in TLS."""

from __future__ import annotations

from fakesmtp.journal.expecting.evidence import Evidence, Happening, SessionLog, verb_of
from fakesmtp.journal.expecting.judged import Finding, enumerate_lines, plural
from fakesmtp.scenario.demands import Quit, Tls

_NOTHING = "no session: nothing connected"


def judge_quit(demand: Quit, evidence: Evidence) -> Finding:
    """Whether each session ends with QUIT that the server has let come to its end."""
    if not demand.wanted:
        return _judge_never("QUIT", [log.quit for log in evidence.sessions if log.quit is not None], evidence)
    if not evidence.sessions:
        return Finding(None if evidence.doubt else False, _NOTHING)
    judged = [(log, _has_quit(log)) for log in evidence.sessions]
    lacking = [log for log, found in judged if found is False]
    if lacking:
        lines = [f"session {log.number} ends with {_last(log).words}" for log in lacking]
        of = f"{len(lacking)} of {plural(len(judged), 'session')} without QUIT"
        return Finding(False, f"{of}{enumerate_lines(lines)}", tuple(_last(log) for log in lacking[:3]))
    met = [log for log, found in judged if found]
    waiting = [log for log, found in judged if found is None and not log.is_over and not _is_excused(log)]
    if waiting:
        return Finding(None, f"{plural(len(waiting), 'session')} without QUIT still open")
    if evidence.doubt:
        return Finding(None, evidence.doubt)
    if not met:
        return Finding(None, "no session came so far: the server ended each of them, or said nothing")
    return Finding(True, f"{plural(len(met), 'session')} with QUIT")


def _has_quit(log: SessionLog) -> bool | None:
    """``None``: it is still open, or the client could not."""
    if log.quit is not None:
        return True
    return None if not log.is_over or _is_excused(log) else False


def _is_excused(log: SessionLog) -> bool:
    """The server has closed first, has said nothing at all, or TLS has failed."""
    by_server = any(each.event.get("by") == "server" for each in log.closings[:1])
    failed = any(each.kind == "tls" and each.event.get("outcome") == "failed" for each in log.happenings)
    return by_server or failed or not any(each.kind in ("reply", "cut") for each in log.happenings)


def _last(log: SessionLog) -> Happening:
    return next((each for each in reversed(log.commands)), log.happenings[-1])


def _judge_never(what: str, found: list[Happening], evidence: Evidence) -> Finding:
    if found:
        lines = [f"{each.said} in session {each.log.number} at {each.clock_time}" for each in found]
        return Finding(False, f"{plural(len(found), what, what)}{enumerate_lines(lines)}", tuple(found[:3]))
    if evidence.doubt:
        return Finding(None, evidence.doubt)
    return Finding(True, f"no {what}")


# ---------------------------------------------------------------------- TLS


def judge_tls(demand: Tls, evidence: Evidence) -> Finding:
    """Whether there is TLS, and no mail and no credentials outside it."""
    secured = [log.secured for log in evidence.sessions if log.secured is not None]
    if not demand.wanted:
        return _judge_never("TLS", secured, evidence)
    exposed = [
        each
        for log in evidence.sessions
        for each in log.commands
        if verb_of(each) in ("MAIL", "AUTH") and log.in_tls(each) is False
    ]
    if exposed:
        lines = [f"{each.said} in session {each.log.number} at {each.clock_time}" for each in exposed]
        return Finding(False, f"in plaintext:{enumerate_lines(lines)}", _first_of_each(exposed))
    if evidence.doubt:
        return Finding(None, evidence.doubt)
    if not evidence.sessions:
        return Finding(False, _NOTHING)
    if not secured:
        return Finding(False, f"{plural(len(evidence.sessions), 'session')}, and none in TLS", _ends(evidence))
    return Finding(True, f"{plural(len(secured), 'session')} in TLS")


def _first_of_each(found: list[Happening]) -> tuple[Happening, ...]:
    first: dict[SessionLog, Happening] = {}
    for each in found:
        first.setdefault(each.log, each)
    return tuple(first.values())[:3]


def _ends(evidence: Evidence) -> tuple[Happening, ...]:
    return tuple(_last(log) for log in evidence.sessions[-3:])
