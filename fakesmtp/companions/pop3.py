"""POP3 (RFC 1939) over the post office's mailboxes: USER and PASS, APOP, STLS (RFC 2595) and TLS from the first octet.

The protocol is :class:`twisted.mail.pop3.POP3`. What is different here, and why:

- it has no STLS, and tells every refused login "Authentication failed": both are added, with the scenario's own words;
- it takes each command at any time and writes tracebacks for wrong ones: commands and their arguments are a table here;
- it turns CRLF into CRCRLF, and stuffs no dot at the border of two chunks: letters are stuffed whole before they leave;
- it counts and lists what is deleted: STAT, LIST and UIDL leave it out (RFC 1939 section 5);
- its capabilities are partly jokes: CAPA says what there is (RFC 2449);
- what was pipelined behind STLS is dropped (as with STARTTLS in SMTP), and a bare LF ends a line, as it does there.

A login from an address opens the fact ``pop-login`` for it: POP before SMTP. Importing this module is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import md5
from hmac import compare_digest
from typing import Final, cast

from fakesmtp.companions.logins import Login, LoginRefused
from fakesmtp.companions.maildrop import Maildrop
from fakesmtp.companions.pop3_wire import Wire
from fakesmtp.journal.messages import ContentDropped

MOST_WAITING: Final = 1000
"""Commands pipelined behind one that takes its time."""
BEFORE: Final = frozenset({b"USER", b"PASS", b"APOP", b"STLS", b"AUTH"})
"""Commands before the login."""
EVER: Final = frozenset({b"CAPA", b"QUIT"})
"""Commands before and after it; all others come after it."""
ARGUMENTS: Final = {
    b"USER": (1, 1), b"PASS": (1, 1000), b"APOP": (2, 2), b"STLS": (0, 0), b"AUTH": (0, 2), b"CAPA": (0, 0),
    b"QUIT": (0, 0), b"STAT": (0, 0), b"LIST": (0, 1), b"RETR": (1, 1), b"DELE": (1, 1), b"NOOP": (0, 0),
    b"RSET": (0, 0), b"TOP": (2, 2), b"UIDL": (0, 1),
}  # fmt: skip
"""Each command, with its fewest and most arguments."""


class Conversation(Wire):
    """One client's commands."""

    def processCommand(self, command: bytes, *args: bytes) -> None:
        """Obey a command, now or behind one that takes its time."""
        if self.blocked is not None:
            self.blocked.append((command, args))
            if len(self.blocked) > MOST_WAITING:
                self.server.clock.call_later_real(0, self.abort)
            return
        name = command.upper()
        given = args if name == b"PASS" else tuple(word for word in args if word)
        if (problem := self._find_problem(name, len(given))) is not None:
            self.blunder(problem)
        else:
            getattr(self, f"do_{name.decode('ascii')}")(*given)

    def _find_problem(self, name: bytes, given: int) -> str | None:
        bounds = ARGUMENTS.get(name)
        if bounds is None:
            return "unknown command"
        if self.mbox is None and name not in BEFORE | EVER:
            return "log in first"
        if self.mbox is not None and name in BEFORE:
            return "already logged in"
        return None if bounds[0] <= given <= bounds[1] else f"{name.decode('ascii')} has other arguments"

    # ------------------------------------------------------------------ before the login

    def listCapabilities(self) -> list[bytes]:
        """What there is (RFC 2449)."""
        stls = [b"STLS"] if self._offers_tls() else []
        return [b"TOP", b"UIDL", b"USER", *stls, b"PIPELINING", b"RESP-CODES", b"AUTH-RESP-CODE"]

    def _offers_tls(self) -> bool:
        return self.server.settings.tls.mode == "starttls" and not self.secure and self.mbox is None

    def do_STLS(self) -> None:
        """RFC 2595 section 4: what was said before is forgotten."""
        if not self._offers_tls():
            self.blunder("TLS is on already" if self.secure else "there is no TLS here")
            return
        self.successResponse("begin the TLS negotiation")
        self._userIs = None
        self.switching = True

    def do_AUTH(self, *args: bytes) -> None:
        """No SASL."""
        self.blunder("[AUTH] there is no AUTH here: use USER and PASS")

    def do_USER(self, user: bytes) -> None:
        """The first half of a login."""
        try:
            self.server.doorkeeper.hear_user(user.decode("utf-8", "replace"))
        except LoginRefused as refused:
            self.blunder(str(refused))
        else:
            self._userIs = user
            self.successResponse("now PASS")

    def do_PASS(self, *words: bytes) -> None:
        """The second half; a password may have spaces."""
        user, self._userIs = self._userIs, None
        if user is None:
            self.blunder("USER comes first")
        else:
            password = b" ".join(words)
            self._log_in(user, lambda known: compare_digest(known.encode(), password))

    def do_APOP(self, user: bytes, digest: bytes) -> None:
        """Both at once, by a digest of the challenge and the password (RFC 1939 section 7)."""
        if not self.server.settings.apop:
            self.blunder("there is no APOP here")
            return
        challenge = cast(bytes, self.magic)

        def proves(known: str) -> bool:
            expected = md5(challenge + known.encode(), usedforsecurity=False).hexdigest()
            return compare_digest(expected.encode(), digest.lower())

        self._log_in(user, proves)

    def _log_in(self, user: bytes, proves: Callable[[str], bool]) -> None:
        login = Login(user.decode("utf-8", "replace"), self.peer, proves)
        try:
            mailbox = self.server.doorkeeper.admit(login)
        except LoginRefused as refused:
            self.tell("login-refused", f'login of "{login.user}" refused: {refused}')
            self.blunder(str(refused))
            return
        self.user = login.user
        self._onLogout = mailbox.unlock
        self.mbox = Maildrop(mailbox)
        self.tell("login", f'login of "{login.user}"')
        self.server.logged_in(self.peer)
        sizes = self._maildrop.sizes()
        self.successResponse(f"{mailbox.name}'s maildrop has {len(sizes)} messages ({sum(sizes.values())} octets)")

    # ------------------------------------------------------------------ after it

    def do_STAT(self) -> None:
        """How many letters there are, and how many octets."""
        sizes = self._maildrop.sizes()
        self.successResponse(f"{len(sizes)} {sum(sizes.values())}")

    def do_LIST(self, i: bytes | None = None) -> None:
        """The size of a letter, or of each."""
        self._tell_of(i, {n: str(size) for n, size in self._maildrop.sizes().items()})

    def do_UIDL(self, i: bytes | None = None) -> None:
        """What is unique to a letter, or to each."""
        self._tell_of(i, self._maildrop.uids())

    def _tell_of(self, i: bytes | None, found: Mapping[int, str]) -> None:
        if i is None:
            lines = (f"{n} {word}".encode("ascii", "backslashreplace") for n, word in found.items())
            self.send_lines(f"{len(found)} messages", lines)
        elif (number := _number(i)) in found:
            self.successResponse(f"{number} {found[number]}")
        else:
            self.blunder("no such message")

    def do_RETR(self, i: bytes) -> None:
        """A letter."""
        if (octets := self._find(i)) is not None:
            self.send_letter(f"{len(octets)} octets", octets)

    def do_TOP(self, i: bytes, size: bytes) -> None:
        """A letter's header, and so many lines of its body."""
        if not size.isdigit() or len(size) > 9:
            self.blunder("TOP takes a message's number, and a number of lines")
        elif (octets := self._find(i)) is not None:
            head, blank, body = octets.partition(b"\r\n\r\n")
            lines = body.split(b"\r\n")[:-1][: int(size)]
            self.send_letter("the top of the message", head + blank + b"".join(line + b"\r\n" for line in lines))

    def do_DELE(self, i: bytes) -> None:
        """Delete a letter at the end."""
        if self._maildrop.delete(_number(i)):
            self.successResponse("deleted")
        else:
            self.blunder("no such message")

    def do_RSET(self) -> None:
        """Delete nothing after all."""
        self._maildrop.undelete()
        self.successResponse("nothing is deleted")

    def do_QUIT(self) -> None:
        """The end: now what was deleted is gone."""
        if self._onLogout is not None:
            self._maildrop.sync()
            self._onLogout()  # the next session need not wait for the end of this connection
            self._onLogout = None
        self.successResponse(f"{self.server.hostname} says goodbye")
        self.close()

    @property
    def _maildrop(self) -> Maildrop:
        return cast(Maildrop, self.mbox)

    def _find(self, i: bytes) -> bytes | None:
        """The octets of a letter; ``None``, and it is said, if there are none."""
        letter = self._maildrop.letter(_number(i))
        if letter is None:
            self.blunder("no such message")
            return None
        try:
            return letter.read()
        except ContentDropped as why:
            self.failResponse(f"[SYS/TEMP] {why}")
            return None


def _number(written: bytes) -> int:
    """A message's number; 0, which none has, if it is no number."""
    return int(written) if written.isdigit() and len(written) <= 9 else 0
