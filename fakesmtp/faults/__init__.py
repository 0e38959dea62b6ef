"""Faults: one short file each, registered by name. Importing this package registers all of them."""

from importlib import import_module
from pkgutil import iter_modules

from fakesmtp.faults.registry import FAULTS, Entry, Kind

__all__ = ["FAULTS", "Entry", "Kind"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
