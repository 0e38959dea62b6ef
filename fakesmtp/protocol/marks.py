"""Where in the mail data the stage ``content`` is asked: at offsets, and where a text ends."""

from __future__ import annotations

from collections.abc import Iterator

from fakesmtp.protocol.policy import Mark


class Watch:
    """Follows mail data piece by piece and tells which marks were crossed, each once and in order.

    The same octets cross the same marks at the same offsets however they are cut into pieces.
    """

    __slots__ = ("_pending", "_seam", "_seen", "_texts")

    def __init__(self, marks: tuple[Mark, ...]) -> None:
        self._pending = sorted((mark for mark in marks if mark.offset is not None), key=lambda mark: mark.offset or 0)
        self._texts = [mark for mark in marks if mark.text]
        self._seen = 0
        self._seam = b""

    def crossed(self, piece: bytes, hold: int) -> Iterator[tuple[int, Mark]]:
        """Offsets (octets so far) and marks that this piece has crossed.

        The last ``hold`` octets are kept back until more is known.
        """
        known = self._seam + piece
        start = self._seen
        ready = known[: max(0, len(known) - hold)]
        found = [*self._offsets(start + len(ready)), *self._found_texts(ready, start)]
        longest = max((len(mark.text or b"") for mark in self._texts), default=1) - 1
        cut = max(0, len(ready) - longest)
        self._seen, self._seam = start + cut, known[cut:]
        return iter(sorted(found, key=lambda crossing: crossing[0]))

    def _offsets(self, reached: int) -> Iterator[tuple[int, Mark]]:
        while self._pending and (self._pending[0].offset or 0) <= reached:
            mark = self._pending.pop(0)
            yield mark.offset or 0, mark

    def _found_texts(self, ready: bytes, start: int) -> Iterator[tuple[int, Mark]]:
        if not self._texts:
            return
        lower = ready.lower()
        for mark in tuple(self._texts):
            assert mark.text is not None
            at = lower.find(mark.text)
            if at >= 0:
                self._texts.remove(mark)
                yield start + at + len(mark.text), mark
