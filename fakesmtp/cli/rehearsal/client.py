"""A client that does all right: it reads whole replies, believes their first digit, and waits as long as it must."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import attrs

from fakesmtp.cli.rehearsal.credentials import decode, encode, responses
from fakesmtp.cli.rehearsal.handshake import Handshake, alert_in
from fakesmtp.cli.rehearsal.loopback import Clock, ConnectionLost, Loopback, OutOfPatience
from fakesmtp.cli.rehearsal.part import Part
from fakesmtp.cli.rehearsal.replies import Garbled, Heard, read_reply
from fakesmtp.protocol.events import TlsEstablished, TlsFailed
from fakesmtp.protocol.units import show_duration
from fakesmtp.scenario.model import Outcome

PATIENCE: Final = {"DATA": 120.0, ".": 600.0}
"""Seconds by command; RFC 5321 sections 4.5.3.2.4 and 4.5.3.2.6."""
ORDINARY: Final = 300.0
"""Seconds for everything else; RFC 5321 sections 4.5.3.2.1 to 4.5.3.2.3."""
SHORT: Final = 30.0
"""Seconds for a reply that changes nothing, and for a handshake."""
IDLE: Final = 400.0
EXTENSIONS: Final = {
    "RET": "DSN",
    "ENVID": "DSN",
    "NOTIFY": "DSN",
    "ORCPT": "DSN",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "REQUIRETLS": "REQUIRETLS",
    "BY": "DELIVERBY",
    "MT-PRIORITY": "MT-PRIORITY",
    "HOLDFOR": "FUTURERELEASE",
    "SIZE": "SIZE",
    "RRVS": "RRVS",
}
"""By parameter: the keyword that offers it."""
CONNECTION: Final = "the connection"
_HELLO: Final = b"\x16\x03\x01\x00\x05(TLS)"
"""What stands for a ClientHello where nobody answers it in TLS."""


class Setback(Exception):
    """The client can go no further: what it must tell its user."""

    def __init__(self, outcome: Outcome, words: str) -> None:
        super().__init__(words)
        self.outcome: Outcome = outcome


@attrs.frozen
class Told:
    """What the client tells its user of one try."""

    outcome: Outcome
    words: str


class Client:
    """One connection's conversation.

    :param negotiate: how its handshake with a kind of certificate goes.
    :param meanwhile: what happens elsewhere once the server has greeted it.
    """

    def __init__(
        self,
        loopback: Loopback,
        clock: Clock,
        part: Part,
        negotiate: Callable[[str], Handshake],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._loopback, self._clock, self._part = loopback, clock, part
        self._negotiate, self._meanwhile = negotiate, meanwhile
        self._offered: dict[str, str] = {}

    def deliver(self) -> Told:
        """Do the whole errand, and leave."""
        try:
            told = self._go()
        except Setback as setback:
            told = Told(setback.outcome, str(setback))
        except ConnectionLost:
            how = "reset" if self._loopback.closing == "rst" else "closed"
            told = Told("deferred", f"the connection was {how} before the reply")
        except Garbled as error:
            told = Told("deferred", f"that is no reply: {error}")
        self._loopback.leave()
        return told

    def _go(self) -> Told:
        errand = self._part.errand
        if errand.tls == "implicit":
            self._shake_hands()
        self._greet()
        self._meanwhile()
        if errand.tls == "starttls":
            self._start_tls()
        if errand.account is not None:
            self._log_in(*errand.account)
        for line in self._part.questions:
            self._ask(line)
        told = [self._transact() for _ in range(self._part.messages)][-1]
        self._quit()
        return told

    # ------------------------------------------------------------------ one command

    def _say(self, line: str) -> None:
        self._loopback.send(line.encode("utf-8", "surrogateescape") + b"\r\n")

    def _hear(self, what: str) -> Heard:
        """The reply. :raises Setback: if it does not come in time."""
        patience = PATIENCE.get(what, ORDINARY)
        deadline = self._clock() + patience
        try:
            return read_reply(lambda: self._loopback.read_line(deadline))
        except OutOfPatience:
            outcome: Outcome = "unreachable" if what == CONNECTION else "deferred"
            raise Setback(outcome, f"no reply to {_named(what)} within {show_duration(patience)}") from None

    def _ask(self, line: str) -> Heard:
        self._say(line)
        return self._hear(line.partition(" ")[0])

    def _demand(self, line: str) -> Heard:
        """A command without whose success the client cannot go on. :raises Setback: if it fails."""
        return self._need(self._ask(line), line.partition(" ")[0])

    def _need(self, reply: Heard, what: str) -> Heard:
        if reply.severity in (2, 3):
            return reply
        self._quit(after=reply)
        raise Setback("deferred" if reply.severity == 4 else "refused", f"{_named(what)} was answered with {reply}")

    def _quit(self, after: Heard | None = None) -> None:
        """Take leave; what is answered changes nothing."""
        if after is not None and after.code == 421:
            return
        if self._part.idles:
            self._loopback.wait_for(lambda: self._loopback.has_unread, self._clock() + IDLE)
        self._say("QUIT")
        deadline = self._clock() + SHORT
        try:
            read_reply(lambda: self._loopback.read_line(deadline))
        except (ConnectionLost, OutOfPatience, Garbled):
            return
        self._loopback.wait_for(lambda: self._loopback.closing, deadline)

    # ------------------------------------------------------------------ before the mail

    def _greet(self) -> None:
        try:
            reply = self._hear(CONNECTION)
        except ConnectionLost:
            raise Setback("unreachable", "the connection ends before the greeting") from None
        except Garbled as error:
            raise Setback("unreachable", f"that is no mail server: {error}") from None
        self._need(reply, CONNECTION)
        self._hello()

    def _hello(self) -> None:
        verb = "LHLO" if self._part.lmtp else "EHLO"
        reply = self._ask(f"{verb} {self._part.helo_name}")
        if reply.code in (500, 502) and verb == "EHLO":  # RFC 5321 3.2
            reply = self._ask(f"HELO {self._part.helo_name}")
            self._offered = {}
            self._need(reply, "HELO")
            return
        self._need(reply, verb)
        lines = (line.partition(" ") for line in reply.lines[1:])
        self._offered = {keyword.upper(): value for keyword, _, value in lines}

    def _start_tls(self) -> None:
        if not self._may_use("STARTTLS"):
            self._do_without_tls("STARTTLS is not offered")
            return
        reply = self._ask("STARTTLS")
        if reply.code != 220:
            self._do_without_tls(f"STARTTLS was answered with {reply}", reply)
            return
        if self._loopback.has_unread:
            raise Setback("insecure", "octets in the clear follow the reply to STARTTLS")
        self._shake_hands()
        before = self._offered
        try:
            self._hello()
        except (ConnectionLost, Garbled, Setback) as error:
            if isinstance(error, Setback) and error.outcome == "refused":
                raise
            raise Setback("insecure", "the handshake is done, and then EHLO is not answered") from None
        if self._part.remembers:
            self._offered = before

    def _do_without_tls(self, words: str, after: Heard | None = None) -> None:
        if not self._part.opportunistic:
            self._quit(after)
            raise Setback("insecure", words)

    def _shake_hands(self) -> None:
        """:raises Setback: if the handshake fails, or what it shows is not to be trusted."""
        loopback = self._loopback
        deadline = self._clock() + SHORT
        if loopback.certificate is None:
            loopback.send(_HELLO)
            loopback.wait_for(lambda: loopback.certificate or loopback.raw, deadline)
        if loopback.certificate is None or loopback.raw:
            raise Setback("insecure", f"the TLS handshake fails: {self._no_handshake()}")
        result = self._negotiate(loopback.certificate)
        if result.trouble:
            loopback.happen(TlsFailed(result.trouble))
            raise Setback("insecure", f"the TLS handshake fails: {result.trouble}")
        loopback.happen(TlsEstablished(result.version, result.cipher, result.server_name))
        if loopback.raw:
            raise Setback("insecure", "what comes after the handshake is no TLS record")

    def _no_handshake(self) -> str:
        if alert := alert_in(self._loopback.raw):
            return f"the server sends the alert {alert}"
        if self._loopback.raw or self._loopback.has_unread:
            return "what the server answers is no handshake"
        return "the server closes the connection" if self._loopback.closing else "the server says nothing"

    # ------------------------------------------------------------------ AUTH

    def _log_in(self, user: str, password: str) -> None:
        offered = self._offered.get("AUTH", self._offered.get("AUTH=", "")).upper().split()
        mechanism = next((each for each in self._preferred() if each in offered), None)
        if mechanism is None:
            return
        password = "not this one" if self._part.wrong_password else password
        for _ in range(self._part.guesses):
            reply = self._authenticate(mechanism, user, password)
            if reply.severity == 2 or reply.code == 421:
                break
        self._need(reply, "AUTH")

    def _authenticate(self, mechanism: str, user: str, password: str) -> Heard:
        """One dialogue, and its verdict."""
        answers = responses(mechanism, user, password)
        initial = "" if self._part.prompted or mechanism == "CRAM-MD5" else f" {encode(next(answers)(b''))}"
        reply = self._ask(f"AUTH {mechanism}{initial}")
        for respond in answers:
            if reply.code != 334:
                break
            reply = self._ask(encode(respond(decode(reply.lines[-1]))))
        if reply.code == 334:
            reply = self._ask("*")
        if reply.code == 334:
            raise Setback("deferred", "the AUTH dialogue has no end")
        return reply

    def _preferred(self) -> tuple[str, ...]:
        return ("LOGIN", "PLAIN", "CRAM-MD5") if self._part.prompted else ("PLAIN", "LOGIN", "CRAM-MD5")

    # ------------------------------------------------------------------ the transaction

    def _transact(self) -> Told:
        part, errand = self._part, self._part.errand
        mail = self._envelope_line("MAIL FROM", errand.reverse_path, part.mail_parameters)
        rcpts = [self._envelope_line("RCPT TO", path, part.rcpt_parameters) for path in errand.forward_paths]
        chunked = part.chunked and self._may_use("CHUNKING")
        if part.pipelines and self._may_use("PIPELINING"):
            replies = self._ask_together([mail, *rcpts, *([] if chunked else ["DATA"])])
            refused = self._judge_envelope(replies[0], replies[1 : len(rcpts) + 1])
            if not chunked:
                self._need(replies[-1], "DATA")
        else:
            self._demand(mail)
            refused = self._judge_envelope(None, [self._ask_recipient(line) for line in rcpts])
            if not chunked:
                self._need_go_ahead(self._ask("DATA"))
        return self._send_message(chunked, refused)

    def _envelope_line(self, command: str, path: str, wanted: Iterable[str]) -> str:
        """MAIL or RCPT, with those parameters whose extension may be used."""
        parameters = [each for each in wanted if self._may_use(EXTENSIONS[each.partition("=")[0]])]
        return " ".join([f"{command}:<{path}>" if self._part.brackets else f"{command}:{path}", *parameters])

    def _may_use(self, keyword: str) -> bool:
        return keyword in self._offered or self._part.insists

    def _ask_together(self, lines: list[str]) -> list[Heard]:
        """Several commands in one segment (RFC 2920 section 3.1)."""
        self._loopback.send("".join(f"{line}\r\n" for line in lines).encode())
        return [self._hear(line.partition(" ")[0]) for line in lines]

    def _ask_recipient(self, line: str) -> Heard:
        reply = self._ask(line)
        if reply.code == 421:
            raise Setback("deferred", f"RCPT was answered with {reply}")
        return reply

    def _judge_envelope(self, mail: Heard | None, rcpts: list[Heard]) -> list[Heard]:
        """The recipients that were refused. :raises Setback: if nobody is left."""
        if mail is not None:
            self._need(mail, "MAIL")
        refused = [reply for reply in rcpts if reply.severity != 2]
        if len(refused) == len(rcpts):
            self._need(refused[0], "RCPT")
        return refused

    def _need_go_ahead(self, reply: Heard) -> None:
        self._need(reply, "DATA")
        if reply.severity != 3:
            raise Setback("deferred", f"DATA was answered with {reply}: the replies are out of step")

    def _send_message(self, chunked: bool, refused: list[Heard]) -> Told:
        accepted = len(self._part.errand.forward_paths) - len(refused)
        message = self._part.errand.message
        if chunked:
            self._send_chunks(message)
        else:
            sent = _stuff(message) if self._part.stuffs else message
            self._loopback.send((sent if sent.endswith(b"\r\n") else sent + b"\r\n") + b".\r\n")
        replies = [self._hear(".") for _ in range(accepted if self._part.lmtp else 1)]
        return self._judge_message(replies, refused)

    def _send_chunks(self, message: bytes) -> None:
        half = len(message) // 2
        self._loopback.send(b"BDAT %d\r\n" % half + message[:half])
        self._need(self._hear("BDAT"), "BDAT")
        self._loopback.send(b"BDAT %d LAST\r\n" % (len(message) - half) + message[half:])

    def _judge_message(self, replies: list[Heard], refused: list[Heard]) -> Told:
        bad = [reply for reply in replies if reply.severity != 2]
        if len(bad) == len(replies):
            self._need(bad[0], "the message")
        failed = [*refused, *bad]
        if not failed:
            return Told("delivered", f"delivered: {replies[-1]}")
        told = "; ".join(str(reply) for reply in failed)
        outcome: Outcome = "refused" if any(reply.severity == 5 for reply in failed) else "deferred"
        return Told(outcome, f"delivered, but not to everybody: {told}")


def _stuff(message: bytes) -> bytes:
    """With dots doubled that begin a line (RFC 5321 section 4.5.2)."""
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in message.split(b"\r\n"))


def _named(what: str) -> str:
    return {".": "the message", "*": "AUTH"}.get(what, what if what.isupper() or " " in what else "AUTH")
