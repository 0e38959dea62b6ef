"""What the mail servers that are used as clients have in common: how they are run and asked, and how it ends.

The exit statuses are those of sysexits.h, which a server's ``sendmail`` command has for the same fates.
"""

from __future__ import annotations

import smtplib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.personas.sandbox import USERS

from .model import Mail, Target

DEFERRED: Final = 75
"""The message, or a part of it, is kept for another try."""
RETURNED: Final = 69
"""The message, or a part of it, goes back to the sender."""
_ENTER: Final = """\
for each in "$1"/etc/*; do mount --bind "$each" "/etc/${each##*/}" || exit; done
shift
exec "$@"
"""


def inside(folder: Path, command: Sequence[str]) -> list[str]:
    """The command, run where the files in the folder's ``etc`` are those in /etc."""
    return ["unshare", "--mount", "sh", "-c", _ENTER, "sh", str(folder), *command]


def write_etc(folder: Path, *users: str, files: Mapping[str, str] | None = None) -> None:
    """Fill the folder's ``etc``: this machine's users and those whom a server has compiled in, and these files."""
    (folder / "etc").mkdir()
    for name, line in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/bin/false\n"), ("group", "{0}:x:{1}:\n")):
        ours = "".join(line.format(user, USERS[user]) for user in users)
        (folder / "etc" / name).write_text(ours + Path("/etc", name).read_text(encoding="utf-8"))
    for name, text in (files or {}).items():
        (folder / "etc" / name).write_text(text)


def mail_parameters(mail: Mail) -> tuple[str, ...]:
    """The parameters of MAIL; SMTPUTF8 is among them where an address needs it (RFC 6531 3.4)."""
    needed = not "".join((mail.reverse_path, *mail.forward_paths)).isascii()
    return (*mail.mail_parameters, *["SMTPUTF8"] * (needed and "SMTPUTF8" not in mail.mail_parameters))


def hand_over(client: smtplib.SMTP, mail: Mail, trace: bytes = b"") -> str:
    """Give a message to a relay that has greeted; ``trace`` is put before its header. Its last reply.

    :raises RuntimeError: if it does not take the message.
    """
    client.ehlo()
    replies = [client.mail(mail.reverse_path, mail_parameters(mail))]
    replies += [client.rcpt(path, mail.rcpt_parameters) for path in mail.forward_paths]
    if all(code == 250 for code, _ in replies):
        replies += [client.data(trace + mail.compose())]
    if any(code != 250 for code, _ in replies):
        raise RuntimeError(f"the relay takes no mail: {replies}")
    return replies[-1][1].decode()


def demand_plain(target: Target) -> None:
    """The relay is to do nothing that no relay here can: log in, speak LMTP, ask a name server, or look at a CRL.

    :raises ValueError: if it is.
    """
    if target.user is not None or target.lmtp or target.name_server is not None or target.crl is not None:
        raise ValueError(f"the relay cannot deliver so: {target}")
