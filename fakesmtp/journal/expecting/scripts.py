"""Whether clients have followed the scenario's script."""

from __future__ import annotations

from fakesmtp.journal.expecting.evidence import Evidence, Happening
from fakesmtp.journal.expecting.judged import Finding, enumerate_lines, plural
from fakesmtp.scenario.demands import Script


def judge_script(demand: Script, evidence: Evidence) -> Finding:
    """Whether nobody has diverged: each who has is told with what was expected, where, and what came."""
    found = [each for log in evidence.sessions for each in log.happenings if each.kind == "diverged"]
    if found:
        of = f"{len(found)} of {plural(len(evidence.sessions), 'session')} diverged from the script"
        return Finding(False, f"{of}{enumerate_lines(map(_tell, found))}", tuple(found[:3]))
    if evidence.doubt:
        return Finding(None, evidence.doubt)
    if not evidence.sessions:
        return Finding(None, "no session: nothing connected")
    return Finding(True, f"{plural(len(evidence.sessions), 'session')} by the script")


def _tell(happening: Happening) -> str:
    place = next((f" ({rule['place']})" for rule in happening.event["rules"] if rule["place"]), "")
    event = happening.event
    return f"session {happening.log.number}: expected {event.get('expected')}{place}, came {event.get('came')}"
