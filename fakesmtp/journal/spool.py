"""Mail data that stays in memory while it is small, and goes to a temporary file when it is not."""

from __future__ import annotations

from typing import IO, Final

IN_MEMORY: Final = 8 * 1024 * 1024
"""Octets of one message that are kept in memory."""


class SpooledMailData:
    """A :class:`~fakesmtp.protocol.envelope.MailData`: pieces in a list, moved to a file once they pass the bound.

    The file has no name where the system allows that, and is gone with the object, also after a crash. Where it cannot
    be written, the message stays in memory, and ``trouble`` says why: nothing of it is lost.
    """

    __slots__ = ("_file", "_in_file", "_in_memory", "_octets", "_pieces", "trouble")

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._pieces: list[bytes] = []
        self._octets = 0
        self._file: IO[bytes] | None = None
        self._in_file = 0
        self.trouble: str | None = None
        """The system's words, if the temporary file failed."""

    # The message is the file's first ``_in_file`` octets, and the pieces behind them.

    def append(self, octets: bytes) -> None:
        """Keep one more piece."""
        self._octets += len(octets)
        self._pieces.append(octets)
        if self._octets > self._in_memory:
            self._spill()

    def cut(self, octets: int) -> None:
        """Forget the last so many octets."""
        octets = min(octets, self._octets)
        self._octets -= octets
        while octets and self._pieces:
            last = self._pieces.pop()
            if len(last) > octets:
                self._pieces.append(last[:-octets])
            octets = max(0, octets - len(last))
        self._in_file -= octets

    def discard(self) -> None:
        """Forget everything, and give the file's space back."""
        self._pieces, self._octets, self._in_file = [], 0, 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self) -> bytes:
        """Everything, as received."""
        if self._in_file:
            return self.head(self._octets)
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    def head(self, octets: int) -> bytes:
        """The first so many octets."""
        if not self._in_file:
            return self.read()[:octets]
        start = self._read_file(min(octets, self._in_file))
        return b"".join([start, *self._pieces])[:octets]

    def __len__(self) -> int:
        return self._octets

    @property
    def in_file(self) -> bool:
        """Whether it went to a temporary file."""
        return self._file is not None

    def _read_file(self, octets: int) -> bytes:
        assert self._file is not None
        self._file.seek(0)
        pieces, left = [], octets
        while left and (piece := self._file.read(left)):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _spill(self) -> None:
        if self.trouble is not None:
            return
        try:
            self._pieces = [b"".join(self._pieces)]
            file = self._open()
            file.seek(self._in_file)
            _write(file, self._pieces[0])
            self._in_file += len(self._pieces.pop())
        except OSError as error:
            self.trouble = str(error)

    def _open(self) -> IO[bytes]:
        if self._file is None:
            from tempfile import TemporaryFile

            self._file = TemporaryFile(buffering=0)  # noqa: SIM115 (it lives as long as the message)
        return self._file

    def __del__(self) -> None:
        self.discard()


def _write(file: IO[bytes], octets: bytes) -> None:
    left = memoryview(octets)
    while left:
        left = left[file.write(left) :]
