"""One message as it is expected, with the places where the server's own words stand in it."""

from __future__ import annotations

import re
import warnings
from typing import Final

import attrs

from fakesmtp.scenario.model import Place

VALUES: Final = ("code", "text", "reply")
"""What may stand in braces: the reply code, the server's text, and both as in the reply's first line."""
IN_BRACES: Final = re.compile(r"\{([a-z][a-z-]*)\}")
"""A word in braces, as in ``{code}``; a count of a regular expression is none."""
NOWHERE: Final = Place()


@attrs.frozen
class Wording:
    """One message as it is expected: text, or a regular expression that is looked for in what is shown."""

    text: str
    language: str | None = None
    """``None``: it is not told."""
    is_pattern: bool = False
    place: Place = NOWHERE

    def speaks(self, language: str | None) -> bool:
        """Whether it is in the language, or may be: ``ja`` is meant by ``ja-JP`` too."""
        if language is None or self.language is None:
            return True
        mine, theirs = (each.casefold().replace("_", "-").partition("-") for each in (self.language, language))
        return mine[0] == theirs[0] and (not mine[2] or not theirs[2] or mine[2] == theirs[2])


def fill(text: str, reply: str | None, *, escape: bool = False) -> str | None:
    """The text with the values of a reply in place of the braces; ``None`` where there is no reply."""
    if not any(name in VALUES for name in IN_BRACES.findall(text)):
        return text
    if reply is None:
        return None
    code, words = reply[:3], reply[4:]
    given = {"code": code, "text": words, "reply": f"{code} {words}"}
    if escape:  # of a reply of several lines the first one has a hyphen, and clients may show it
        code, words = re.escape(code), re.escape(words)
        given = {"code": code, "text": words, "reply": f"{code}[ -]{words}"}
    return IN_BRACES.sub(lambda found: given.get(found[1], found[0]), text)


def compile_pattern(expression: str) -> re.Pattern[str]:
    """A regular expression as messages are matched: without regard to case; ``^`` and ``$`` are a line's.

    :raises re.error: if it is none; OverflowError and RecursionError come too.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(expression, re.IGNORECASE | re.MULTILINE)
