"""Faults are tried in playbooks too."""

from tests.protocol.conftest import playbook as playbook
