"""The register: every fault says what it does, and its settings say what they mean."""

from __future__ import annotations

import inspect

import pytest

from fakesmtp.faults import FAULTS, Kind


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_explains_itself(name):
    entry = FAULTS[name]
    meaning, _, rest = inspect.getdoc(entry.factory).partition("\n\n")
    assert meaning == entry.meaning
    assert meaning.endswith(".")
    assert rest, "the second paragraph says what it provokes in clients"
    assert all(setting.metadata["doc"] for setting in entry.settings)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_the_one_method_of_its_kind(name):
    entry = FAULTS[name]
    expected = {
        Kind.ANSWERING: ["self", "answer", "turn"],
        Kind.SHAPING: ["self", "actions", "turn"],
        Kind.EFFECT: ["self", "turn"],
    }[entry.kind]
    assert list(inspect.signature(entry.factory.apply).parameters) == expected
    assert inspect.isgeneratorfunction(entry.factory.apply) == (entry.kind is Kind.SHAPING)
