"""The table of the order of commands is whole."""

from __future__ import annotations

from fakesmtp.protocol.stages import STAGES, Stage
from fakesmtp.protocol.transitions import TRANSITIONS, Phase, next_phase
from fakesmtp.scenario.persona import load_persona


def test_every_row_has_words_and_they_mean_success():
    ok = load_persona("generic").ok
    for (_, stage), row in TRANSITIONS.items():
        assert str(ok[row.words].code)[0] in STAGES[stage].success or stage is Stage.AUTH_LINE


def test_what_changes_nothing_changes_nothing_out_of_order_either():
    for stage in (Stage.NOOP, Stage.HELP, Stage.VRFY, Stage.EXPN, Stage.ETRN, Stage.UNKNOWN):
        for phase in Phase:
            assert next_phase(phase, stage) is phase


def test_success_out_of_order_leads_where_it_leads_in_order():
    assert next_phase(Phase.READY, Stage.RCPT) is Phase.RCPT
    assert next_phase(Phase.MAIL, Stage.DATA) is Phase.DATA
    assert next_phase(Phase.REFUSED, Stage.EHLO) is Phase.READY
