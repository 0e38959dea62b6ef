"""What is raised when a TLS setting cannot be served."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_MOST: Final = 30
"""Words that are told."""


class TlsSettingError(ValueError):
    """A TLS setting that this server cannot serve. The message says which, and what to do."""


class UnknownWordError(TlsSettingError):
    """A word that no such setting knows.

    ``what`` names the setting ("certificate kind"), ``word`` is what was written, ``choices`` are the words that
    would do, and ``suggestion`` is the nearest of them, or None.
    """

    def __init__(self, what: str, word: object, choices: Iterable[str]) -> None:
        self.what = what
        self.word = word
        self.choices = tuple(choices)
        self.suggestion = nearest(str(word), self.choices)
        super().__init__(f"unknown {what} {str(word)!r}; {self._advice()}")

    def _advice(self) -> str:
        if self.suggestion:
            return f"did you mean {self.suggestion!r}?"
        told, more = self.choices[:_MOST], len(self.choices) - _MOST
        return f"known: {', '.join(told)}{f' and {more} more' if more > 0 else ''}"


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice that reads most like ``word``, whatever its case, or None."""
    from difflib import get_close_matches

    folded = {choice.casefold(): choice for choice in choices}
    found = get_close_matches(word.casefold(), folded, n=1)
    return folded[found[0]] if found else None
