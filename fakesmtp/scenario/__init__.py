"""What the user wrote: scenarios read from files or built in Python, and the policy that they are at run time.

``from fakesmtp import scenario, rule`` is how a test suite builds a scenario, and ``scenario`` is this package's name
too. So that it means the same whatever was imported first, the package can be called:
``scenario(rules=[rule(…)])`` is :func:`fakesmtp.scenario.building.scenario`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakesmtp.scenario.model import Scenario


class _Package(ModuleType):
    def __call__(self, *arguments: Any, **keys: Any) -> Scenario:
        from fakesmtp.scenario.building import scenario

        return scenario(*arguments, **keys)


sys.modules[__name__].__class__ = _Package
