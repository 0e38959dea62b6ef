"""Where the server is, for a command: in its environment, and in its arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from fakesmtp.cli.status import Failure, Status
from fakesmtp.journal.addresses import join_address

Ready = Mapping[str, Any]
"""The ready object, or that of one scenario in it."""

_PLACEHOLDER: Final = re.compile(r"\{(host|port|url|address|ca|control)(?::([\w.-]+))?\}")
_COMPANIONS: Final = ("dns", "pop3")
_OF_A_DOOR: Final = ("host", "port", "url", "address")


def variables(ready: Ready) -> dict[str, str]:
    """The environment that tells a command where the server is."""
    return {
        "SMTP_HOST": ready["host"],
        "SMTP_PORT": str(ready["port"]),
        "FAKESMTP_URL": _url(ready["address"], _first_door(ready)),
        "FAKESMTP_ADDRESS": ready["address"],
        "FAKESMTP_CA_FILE": ready["ca"],
        "FAKESMTP_SCENARIO_NAME": ready["scenario"],
        **({"FAKESMTP_CONTROL_URL": ready["control"]} if ready["control"] else {}),
        **({"FAKESMTP_DNS_ADDRESS": _address(ready["dns"])} if ready.get("dns") else {}),
        **(_mailbox(ready["pop3"]) if ready.get("pop3") else {}),
    }


def _mailbox(pop3: Ready) -> dict[str, str]:
    return {
        "FAKESMTP_POP3_ADDRESS": _address(pop3),
        "FAKESMTP_POP3_USER": pop3["user"],
        "FAKESMTP_POP3_PASSWORD": pop3["password"],
    }


def replace_placeholders(argument: str, ready: Ready) -> str:
    """The argument with ``{host}``, ``{port:smtps}`` and so on replaced; other braces stay.

    The name is a listener's of the first scenario, or ``dns`` or ``pop3``, or a scenario's (its first listener), or
    ``SCENARIO.LISTENER``.

    :raises Failure: if there is no listener of that name, or nothing that the placeholder stands for.
    """

    def value(match: re.Match[str]) -> str:
        word, name = match.groups()
        return _of_the_server(word, ready) if name is None else _of_a_door(word, name, ready)

    return _PLACEHOLDER.sub(value, argument)


def _of_the_server(word: str, ready: Ready) -> str:
    value = _url(ready["address"], _first_door(ready)) if word == "url" else ready[word]
    if value is None:
        raise Failure(Status.USAGE, f"{{{word}}}: this run has none")
    return str(value)


def _of_a_door(word: str, name: str, ready: Ready) -> str:
    if word not in _OF_A_DOOR:
        raise Failure(Status.USAGE, f"{{{word}:{name}}}: there is one for all listeners, so write {{{word}}}")
    doors = _named_doors(ready)
    if name not in doors:
        raise Failure(Status.USAGE, f"{{{word}:{name}}}: there is no listener {name}, but {', '.join(doors)}")
    door = doors[name]
    if word == "url" and name in _COMPANIONS:
        raise Failure(Status.USAGE, f"{{url:{name}}}: there is no URL for it; write {{address:{name}}}")
    return _url(_address(door), door) if word == "url" else str({**door, "address": _address(door)}[word])


def _address(door: Ready) -> str:
    return join_address(door["host"], door["port"])


def _named_doors(ready: Ready) -> dict[str, Ready]:
    doors: dict[str, Ready] = {name: ready[name] for name in _COMPANIONS if ready.get(name)} | ready["listeners"]
    scenarios = ready.get("scenarios", [])
    for each in scenarios:
        doors.setdefault(each["scenario"], _first_door(each))
    for each in scenarios:
        doors |= {f"{each['scenario']}.{name}": door for name, door in each["listeners"].items()}
    return doors


def _first_door(ready: Ready) -> Ready:
    door: Ready = next(iter(ready["listeners"].values()))
    return door


def _url(address: str, door: Ready) -> str:
    return f"{'smtps' if door['tls'] == 'implicit' else 'smtp'}://{address}"
