"""The EHLO list: its keywords, and what rules change about it in one session (RFC 5321 4.1.1.1)."""

from __future__ import annotations

from functools import lru_cache

from fakesmtp.protocol.reply import Reply


def keyword_of(line: str) -> str:
    """The keyword of a line of the EHLO list; ``AUTH=LOGIN``, an old way to write it, is AUTH too."""
    return line.replace("=", " ").partition(" ")[0].upper()


@lru_cache(maxsize=256)
def keywords_of(lines: tuple[str, ...]) -> frozenset[str]:
    """Every keyword of an EHLO list."""
    return frozenset(keyword_of(line) for line in lines)


def edit_capability(lines: tuple[str, ...], keyword: str, value: str | None) -> tuple[str, ...]:
    """The EHLO list with a keyword left out (``None``), changed where it stands, or put at the end."""
    others = [line for line in lines if keyword_of(line) != keyword]
    if value is None:
        return tuple(others)
    place = next((at for at, line in enumerate(lines) if keyword_of(line) == keyword), len(others))
    return (*others[:place], f"{keyword} {value}".rstrip(), *others[place:])


@lru_cache(maxsize=256)
def ehlo_reply(words: Reply, capabilities: tuple[str, ...]) -> Reply:
    """The words, then a line for each capability (RFC 5321 4.1.1.1)."""
    return Reply(words.code, (*words.lines, *capabilities), words.enhanced)


class Edits:
    """What rules have changed about the EHLO list of one session, in order."""

    __slots__ = ("_edits", "_lasting")

    def __init__(self) -> None:
        self._edits: list[tuple[str, str | None]] = []
        self._lasting = 0

    def add(self, keyword: str, value: str | None, lasts: bool) -> None:
        """Change a keyword's value, or leave it out (``None``); what ``lasts`` is not forgotten at the next EHLO."""
        edit = (keyword.upper(), value)
        if edit not in self._edits[-1:]:
            self._edits.append(edit)
        if lasts:
            self._lasting = len(self._edits)

    def forget(self) -> None:
        """EHLO begins: what an earlier EHLO changed is forgotten; what was changed before it stays."""
        del self._edits[self._lasting :]

    def apply(self, lines: tuple[str, ...]) -> tuple[str, ...]:
        """The EHLO list, changed."""
        for keyword, value in self._edits:
            lines = edit_capability(lines, keyword, value)
        return lines
