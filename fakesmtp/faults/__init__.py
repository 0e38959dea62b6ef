"""Faults: one short file each, named as the fault and imported when a scenario first uses it."""

from fakesmtp.faults.registry import FAULTS, Entry, Kind

__all__ = ["FAULTS", "Entry", "Kind"]
