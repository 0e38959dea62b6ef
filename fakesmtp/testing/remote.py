"""A client of the control interface: one method for each thing that can be asked.

It keeps its connection open and is safe to use from several threads: each request takes a connection of its own, so
one that waits holds up nobody. After a fork, the child opens its own.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from fakesmtp.testing.connections import Answer, Connections, Question
from fakesmtp.testing.errors import InvalidScenario, RequestRefused, UnknownName, Unreachable

__tracebackhide__ = True  # pytest shows the user's line, not ours

PATIENCE: Final = 30.0
"""Seconds in which the server must answer."""
_LONGEST_POLL: Final = 30.0
"""Seconds of one long poll; a longer wait is several."""
_JSON: Final = "application/json"


class Remote:
    """The control interface of a running server.

    :param url: as the ready object's ``control`` has it.
    :param token: where the server demands one.
    :param timeout: seconds in which it must answer.
    :param diagnose: called when it does not answer; may raise what tells more.
    :raises ValueError: if the URL is no ``http://host:port``.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = PATIENCE,
        diagnose: Callable[[], None] | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url!r} is no URL of a control interface, such as http://127.0.0.1:40913")
        self.url = url.rstrip("/")
        self.timeout = check_timeout(timeout)
        self._connections = Connections(parts.hostname, parts.port or 80)
        self._token = token
        self._diagnose = diagnose

    def close(self) -> None:
        """Close the connections that are open; the next request opens one again."""
        self._connections.close()

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ------------------------------------------------------------------ what there is to ask

    def ready(self) -> dict[str, Any]:
        """The ready object."""
        return self._ask("GET", "ready")

    def scenario(self) -> dict[str, Any]:
        """What is played: ``name summary outcome seed speed epoch state states rules documents source``."""
        return self._ask("GET", "scenario")

    def load(self, scenario: Mapping[str, Any] | str, *, ttl: str | None = None, **query: Any) -> dict[str, Any]:
        """Play another scenario; the new ready object.

        :param scenario: ``{"name": …, "set": {…}, …}``, a whole scenario as a mapping, or as text in YAML or JSON.
        :param ttl: go back to the former one after so long, such as ``60s``.
        :param query: ``seed``, ``speed``, ``persona`` and ``name``, for a whole scenario.
        :raises UnknownName: with the nearest names. :raises InvalidScenario: with each error and its line.
        """
        given = {"ttl": ttl, **query}
        if isinstance(scenario, str):
            return self._json("PUT", "scenario", scenario.encode(), given, content_type="application/yaml")
        return self._ask("PUT", "scenario", scenario, given)

    def rules(self) -> list[dict[str, Any]]:
        """The rules: ``name stages place met acted chance``."""
        return _within(self._ask("GET", "rules"), "rules")

    def change_rule(self, name: str, **changes: Any) -> dict[str, Any]:
        """Change keys of a rule, such as ``chance=1``; other rules keep their counters.

        :raises UnknownName: if there is no such rule.
        """
        return self._ask("PATCH", f"rules/{_quoted(name)}", changes)

    def state(self) -> str:
        """The state that ``when: {state: …}`` asks for."""
        return str(self._ask("GET", "state")["state"])

    def set_state(self, name: str) -> None:
        """Move to a state. :raises RequestRefused: if the scenario has none of that name."""
        self._ask("PUT", "state", {"state": name})

    def reset(self) -> dict[str, Any]:
        """Begin anew with the same scenarios and seeds; the ready object."""
        return self._ask("POST", "reset", {})

    def advance(self, by: str | float) -> float:
        """Move the virtual clock on; virtual seconds since the scenario was loaded."""
        told = by if isinstance(by, str) else f"{by:f}s"
        return float(self._ask("POST", "clock", {"advance": told}, again=False)["elapsed"])

    def sessions(self) -> list[dict[str, Any]]:
        """The sessions: ``id scenario listener peer began over commands messages``."""
        return _within(self._ask("GET", "sessions"), "sessions")

    def session(self, number: int) -> dict[str, Any]:
        """One session, with ``events`` and ``transcript``. :raises UnknownName: if there is none."""
        return self._ask("GET", f"sessions/{number}")

    def cut(self, number: int, how: str = "rst") -> None:
        """End a client's connection: ``rst`` or ``fin``. :raises RequestRefused: if it is not open."""
        self._exchange("DELETE", f"sessions/{number}", query={"how": how})

    def messages(self) -> list[dict[str, Any]]:
        """The messages: ``id session reverse-path forward-paths headers subject text html attachments size …``."""
        return _within(self._ask("GET", "messages"), "messages")

    def message(self, id: str) -> dict[str, Any]:
        """One message. :raises UnknownName: if there is none."""
        return self._ask("GET", f"messages/{_quoted(id)}")

    def raw(self, id: str) -> bytes:
        """A message's octets. :raises UnknownName: if there is none."""
        return self._exchange("GET", f"messages/{_quoted(id)}/raw")

    def transcript(self, session: int | None = None) -> str:
        """What each side said, of all sessions or one."""
        return self._exchange("GET", "transcript", query={"session": session}).decode("utf-8", "replace")

    def journal(self, *, after: int | None = None, session: int | None = None) -> list[dict[str, Any]]:
        """The entries of the journal, those above a sequence number, of one session."""
        lines = self._exchange("GET", "journal", query={"after": after, "session": session}).splitlines()
        return [json.loads(line) for line in lines if line]

    def verify(self, claim: Mapping[str, Any]) -> dict[str, Any]:
        """Judge the client: ``passed expectations rendered verdict message``. :param claim: see ``POST /v1/verify``."""
        return self._ask("POST", "verify", claim)

    def wait(self, wanted: Mapping[str, int], timeout: float) -> dict[str, Any]:
        """Wait until so many ``messages``, ``sessions``, ``over`` or ``commands`` have come.

        :return: ``reached``, and the ``summary`` of what has come.
        """
        deadline = time.monotonic() + check_timeout(timeout)
        while True:
            left = max(0.0, min(deadline - time.monotonic(), _LONGEST_POLL))
            body = {**wanted, "timeout": f"{math.ceil(left * 1000)}ms"}
            answer = self._ask("POST", "wait", body, timeout=left + self.timeout)
            if answer["reached"] or time.monotonic() >= deadline:
                return answer

    def capture(self) -> bytes:
        """What passed over the wire, as a pcapng file."""
        return self._exchange("GET", "capture.pcapng")

    # ------------------------------------------------------------------ exchanges

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        again: bool = True,
    ) -> dict[str, Any]:
        octets = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return self._json(method, path, octets, query, timeout=timeout, again=again)

    def _json(
        self,
        method: str,
        path: str,
        body: bytes | None,
        query: Mapping[str, Any] | None = None,
        *,
        content_type: str = _JSON,
        timeout: float | None = None,
        again: bool = True,
    ) -> dict[str, Any]:
        told = self._exchange(method, path, body, query, content_type=content_type, timeout=timeout, again=again)
        try:
            found = json.loads(told)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unreachable(f"{method} {self.url}/v1/{path}: the answer is no JSON object; is this fakesmtp?")
        return found

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        query: Mapping[str, Any] | None = None,
        *,
        content_type: str = _JSON,
        timeout: float | None = None,
        again: bool = True,
    ) -> bytes:
        """Ask, and give what was answered.

        :param again: see :class:`~fakesmtp.testing.connections.Question`.
        :raises Unreachable: if nobody answers. :raises RequestRefused: if the answer is a refusal.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"/v1/{path}" + (f"?{urlencode(given)}" if given else "")
        headers = {"Accept": "*/*"}
        if body is not None:
            headers["Content-Type"] = content_type
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        answer = self._put(Question(method, target, body, headers, timeout or self.timeout, again))
        if answer.status >= 400:
            raise _refusal(f"{method} {self.url}{target}", answer)
        return answer.body

    def _put(self, question: Question) -> Answer:
        try:
            return self._connections.exchange(question)
        except (OSError, HTTPException) as error:
            if self._diagnose is not None:
                self._diagnose()
            timed_out = isinstance(error, TimeoutError)
            why = f"no answer within {question.timeout:g} s" if timed_out else error or type(error).__name__
            raise Unreachable(f"{question.method} {self.url}{question.target}: {why}") from None

    def __getstate__(self) -> object:
        raise TypeError("a Remote cannot be pickled: hand over its url, and make another one there")

    def __repr__(self) -> str:
        return f"<Remote {self.url}>"


def check_timeout(seconds: float) -> float:
    """Seconds that somebody may wait. :raises ValueError: if they have no end, or are less than none."""
    if not 0 <= seconds < math.inf:
        raise ValueError(f"timeout={seconds!r}: give seconds, from 0; nothing waits for ever")
    return float(seconds)


def _within(answer: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer[key]
    return found


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _refusal(asked: str, answer: Answer) -> RequestRefused:
    try:
        problem = json.loads(answer.body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return RequestRefused(f"{asked}: {answer.status} {answer.reason}", answer.status)
    told = problem.get("detail") or problem.get("title") or f"{asked}: {answer.status} {answer.reason}"
    if rendered := [str(each["rendered"]) for each in problem.get("errors") or () if "rendered" in each]:
        return InvalidScenario("\n".join(rendered), answer.status, problem)
    kind = UnknownName if answer.status == 404 else RequestRefused
    return kind(str(told), answer.status, problem)
