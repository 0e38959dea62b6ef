"""A mailbox as one POP3 session sees it: what was there at the login, by number (RFC 1939 section 4)."""

from __future__ import annotations

from fakesmtp.companions.mailbox import Letter, Mailbox
from fakesmtp.journal.messages import ContentDropped


class Maildrop:
    """The letters of a session, from 1; deleted ones keep their numbers and are no more seen."""

    # No __len__: Twisted would take an empty one for none.

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._letters = dict(enumerate((letter for letter in mailbox.letters if _is_there(letter)), 1))
        self._deleted: dict[int, Letter] = {}

    def letter(self, number: int) -> Letter | None:
        """The letter of that number, if there is one."""
        return self._letters.get(number)

    def sizes(self) -> dict[int, int]:
        """Octets by number."""
        return {number: letter.size for number, letter in self._letters.items()}

    def uids(self) -> dict[int, str]:
        """What is unique to a letter, by number."""
        return {number: letter.uid for number, letter in self._letters.items()}

    def delete(self, number: int) -> bool:
        """Delete a letter when the session ends well; whether there is one."""
        letter = self._letters.pop(number, None)
        if letter is not None:
            self._deleted[number] = letter
        return letter is not None

    def undelete(self) -> None:
        """Delete nothing after all."""
        self._letters = dict(sorted((self._letters | self._deleted).items()))
        self._deleted.clear()

    def sync(self) -> None:
        """Delete now (RFC 1939 section 6)."""
        self._mailbox.remove(set(self._deleted.values()))


def _is_there(letter: Letter) -> bool:
    """Whether its content was not given up."""
    try:
        return letter.size > 0
    except ContentDropped:
        return False
