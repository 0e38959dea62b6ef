"""One session's entries as the steps of its TCP connection: opened, sent, finished, reset, each with its comments."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import attrs

from fakesmtp.journal.ciphertext import CIPHERTEXT, SECRETS
from fakesmtp.journal.segments import Speaker, TcpConnection
from fakesmtp.journal.wire import Event, complete, read_fate, read_octets, read_utterance, stuff, veil

Content = Callable[[Event], bytes | None]
"""The mail data of a ``message`` entry as the client means it (dot-stuffing undone); None where it is not known."""
Place = tuple[int, int]
"""Microseconds since 1970, and the number of the entry in its session."""
Act = Literal["open", "send", "finish", "reset"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RANK: Final[Mapping[Act, int]] = {"open": 0, "send": 1, "finish": 2, "reset": 3}
_ABORTED: Final = "aborted locally"
"""How Twisted says that it was this side that gave the connection up."""
_TIMED_OUT: Final = "timed out"


@attrs.define
class Step:
    """One thing that a side does."""

    at: int
    act: Act
    speaker: Speaker
    octets: bytes = b""
    comments: list[str] = attrs.field(factory=list)
    order: int = 0
    """The place of its entry in the session."""

    def is_data_of(self, speaker: Speaker) -> bool:
        """Whether this side sends octets here."""
        return self.act == "send" and self.speaker == speaker

    def play(self, connection: TcpConnection) -> None:
        """Make packets of it."""
        if self.act == "open":
            connection.open(self.at, self.comments)
        elif self.act == "send":
            connection.send(self.speaker, self.at, self.octets, self.comments)
        elif self.act == "finish":
            connection.finish(self.speaker, self.at, self.comments)
        else:
            connection.reset(self.speaker, self.at, self.comments)


def read_moment(event: Event) -> int:
    """Microseconds since 1970. :raises ValueError: if the entry's time has no zone, or is none."""
    moment = datetime.fromisoformat(event["time"])
    if moment.tzinfo is None:
        raise ValueError(f"the time {event['time']!r} has no zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def read_steps(events: Sequence[Event], content: Content) -> list[Step]:
    """The steps of one session, in the order of time. Its first entry is ``connected``."""
    reading = _Reading(
        kept=any(event.get("outcome") == CIPHERTEXT for event in events), contents=_match_contents(events, content)
    )
    for event in events:
        reading.take(event)
    reading.end()
    return reading.arrange()


@attrs.define
class _Reading:
    """What is known so far."""

    kept: bool
    """Whether the session's ciphertext is in the journal."""
    contents: Mapping[int, bytes]
    """Mail data as it was on the wire, by the identity of its entry."""
    steps: list[Step] = attrs.field(factory=list)
    remarks: list[tuple[Place, str]] = attrs.field(factory=list)
    at: int = 0
    order: int = -1
    in_tls: bool = False
    over: bool = False
    ended: set[Speaker] = attrs.field(factory=set)
    """The sides that have sent FIN, or RST."""

    def take(self, event: Event) -> None:
        """One more entry."""
        self.at, self.order = read_moment(event), self.order + 1
        _KINDS.get(event["kind"], _Reading._remark)(self, event)

    def end(self) -> None:
        """There are no more."""
        if not self.over:
            self.order += 1
            self._tell("the journal ends here, and the connection is open")

    def arrange(self) -> list[Step]:
        """In the order of time, each remark with the step that is nearest."""
        for step in self.steps:
            if step.act == "finish":  # what a side has sent is before its FIN
                step.at = max([step.at, *(each.at for each in self.steps if each.is_data_of(step.speaker))])
        steps = sorted(self.steps, key=lambda step: (step.at, _RANK[step.act], step.order))
        places = [(step.at, step.order) for step in steps]
        for place, text in self.remarks:
            steps[_nearest(places, place)].comments.append(text)
        return steps

    def _do(self, act: Act, speaker: Speaker, octets: bytes = b"", comments: Sequence[str] = ()) -> Step:
        step = Step(self.at, act, speaker, octets, list(comments), self.order)
        self.steps.append(step)
        return step

    def _tell(self, *texts: str) -> None:
        self.remarks += [((self.at, self.order), text) for text in texts]

    # ------------------------------------------------------------------ by kind

    def _connected(self, event: Event) -> None:
        scenario = f", scenario {event['scenario']}" if "scenario" in event else ""
        title = f"session {event['session']} at listener {event.get('listener', 'smtp')}{scenario}"
        self._do("open", "client", comments=[title])

    def _said(self, event: Event) -> None:
        fate = read_fate(event)
        utterance = read_utterance(event, self.at, self.contents.get(id(event)))
        if utterance is None or not utterance.octets or (self.in_tls and self.kept):
            self._tell(*fate)
            return
        if self.in_tls:
            utterance = veil(utterance)
        comments: Sequence[str] = [*fate, *utterance.remarks]
        for at, octets in utterance.parts():
            self._do("send", utterance.speaker, octets, comments).at = at
            comments = ()

    def _tls(self, event: Event) -> None:
        outcome = event.get("outcome")
        if outcome == CIPHERTEXT:
            self._do("send", "client" if event["by"] == "client" else "server", read_octets(event))
        elif outcome == "raw":
            octets, doubts = complete(event, read_octets(event))
            self._do("send", "server", octets, [*read_fate(event), "below TLS", *doubts])
        elif outcome != SECRETS:
            self.in_tls = self.in_tls or outcome == "started"
            self._remark(event)

    def _closed(self, event: Event) -> None:
        comments = [*read_fate(event), event["text"]]
        by, how = event.get("by"), event.get("how")
        if event.get("over"):
            self._is_over(how, comments)
        elif by == "client":
            self._end("client", "finish", comments)
        elif how == "rst":
            self._end("server", "reset", comments)
        elif self.in_tls and how == "fin":  # close_notify goes first; the FIN leaves when the connection ends
            self._tell(*comments)
        else:
            self._end("server", "finish", comments)

    def _end(self, speaker: Speaker, act: Act, comments: Sequence[str] = ()) -> None:
        self._do(act, speaker, comments=comments)
        self.ended |= {"client", "server"} if act == "reset" else {speaker}

    def _is_over(self, how: str | None, comments: Sequence[str]) -> None:
        self.over = True
        if how == "lost":
            self._is_lost(comments)
        elif how == "fin":
            self._end("client", "finish", comments)
        if "server" not in self.ended:  # its socket was closed
            self._end("server", "finish")
        if "client" not in self.ended:
            self._tell("what the client sent after this is not known: the server's socket was closed")

    def _is_lost(self, comments: Sequence[str]) -> None:
        text = comments[-1]
        if _TIMED_OUT in text:
            self._tell(text)
            self.ended = {"client", "server"}
        else:
            self._end("server" if _ABORTED in text else "client", "reset", comments)

    def _remark(self, event: Event) -> None:
        kind = "" if event["kind"] == "note" else f"{event['kind']}: "
        self._tell(f"{kind}{event['text']}", *read_fate(event))


_KINDS: Final[Mapping[str, Callable[[_Reading, Event], None]]] = {
    "connected": _Reading._connected,
    "command": _Reading._said,
    "data": _Reading._said,
    "reply": _Reading._said,
    "cut": _Reading._said,
    "tls": _Reading._tls,
    "closed": _Reading._closed,
}


def _nearest(places: Sequence[Place], place: Place) -> int:
    """Which of the places is nearest in time; of two as near, the later one."""
    later = bisect_left(places, place)
    if later == len(places) or (later and place[0] - places[later - 1][0] < places[later][0] - place[0]):
        return later - 1
    return later


# ---------------------------------------------------------------------- mail data


def _match_contents(events: Sequence[Event], content: Content) -> dict[int, bytes]:
    """By the identity of each ``data`` entry, its mail data as it was on the wire, where that is known."""
    found: dict[int, bytes] = {}
    waiting: list[Event] = []
    for event in events:
        if event["kind"] == "data":
            waiting.append(event)
        elif event["kind"] == "message" and waiting:
            data = content(event)
            if data is not None:
                found.update(_share_out(waiting, data, chunked=bool(event.get("chunked"))))
            waiting = []
    return found


def _share_out(entries: Sequence[Event], data: bytes, chunked: bool) -> dict[int, bytes]:
    last = entries[-1]
    if not chunked:
        return {id(last): stuff(data, int(last["octets"]))}
    found = {}
    for entry in reversed(entries):  # chunks before the first of these belong to a message that was given up
        size = int(entry["octets"])
        if size > len(data):
            break
        data, found[id(entry)] = data[: len(data) - size], data[len(data) - size :]
    return found
