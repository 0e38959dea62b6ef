"""``bounce``: accepted, and a notification comes back."""

from typing import Literal

from fakesmtp.faults.registry import effect, setting
from fakesmtp.faults.settings import RefusalName, Seconds
from fakesmtp.protocol.handling import Notification, NotificationKind, mark, paths_at
from fakesmtp.protocol.policy import Turn
from fakesmtp.protocol.reply import Reply

_DELAYED = Reply.parse("451 4.4.1 No answer from the next mail server")


@effect("bounce")
class Bounce:
    """Answers as on success; later a notification comes back to the sender, from `<>`.

    It goes into the sender's POP3 mailbox and to `bounce-to`. `dsn` says that the message was not delivered (RFC 3464),
    or with `action: delayed` that it waits; `complaint` is a recipient's report of spam (RFC 5965), `out-of-office` an
    absence note (RFC 3834), and `never` loses the message without the notification that is owed. Products whose sender
    address nobody reads never learn of any; some take an absence note for a failure. At rcpt it is about one recipient.
    """

    kind: NotificationKind = setting("dsn, complaint, out-of-office or never", "dsn")
    after: Seconds = setting("how long after the acceptance", Seconds(0.0))
    action: Literal["failed", "delayed"] = setting("of a dsn: the message has failed, or waits", "failed")
    refusal: RefusalName = setting("why: a refusal in the persona's words", RefusalName("unknown-user"))
    reply: Reply = setting("why, word for word, in place of a refusal: CODE [ENHANCED] TEXT", None)

    def __attrs_post_init__(self) -> None:
        wanted = (4,) if self.action == "delayed" else (4, 5)
        if self.reply is not None and self.reply.kind not in wanted:
            raise ValueError(f"a {self.action} message has a reply of 4xx{'' if len(wanted) == 1 else ' or 5xx'}")

    def apply(self, turn: Turn) -> None:
        """Mark the message, or its recipient."""
        replies = {path: self._reply(turn, path) for path in paths_at(turn)}
        usual = self._reply(turn, turn.session.forward_path)
        mark(turn, f"bounce ({self.kind})", Notification(self.kind, self.after, self.action, usual, replies))

    def _reply(self, turn: Turn, path: str | None) -> Reply:
        if self.reply is not None or self.action == "delayed":
            return self.reply or _DELAYED
        session = turn.session
        asked, session.forward_path = session.forward_path, path
        try:
            return turn.refusal(self.refusal).reply
        finally:
            session.forward_path = asked
