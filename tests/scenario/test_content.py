"""What a rule learns about a received message, whatever the message is made of."""

from __future__ import annotations

import base64
import binascii
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fakesmtp.scenario.content import Attachment, Content
from fakesmtp.scenario.content.attachments import ATTACHMENT_LIMIT
from fakesmtp.scenario.content.fields import FIELD_LIMIT, HEADER_LIMIT
from fakesmtp.scenario.content.parameters import PARAMETER_LIMIT
from fakesmtp.scenario.content.parts import DEPTH_LIMIT, PART_LIMIT

PDF = b"%PDF-1.4\n" + bytes(range(256)) * 4
ESTIMATE = "見積書.pdf"

unhurried = settings(deadline=None)  # a busy machine is no failure


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def wrap(parts: list[str], kind: str = "mixed", boundary: str = "b1") -> str:
    """A multipart message from parts that are written out, header included."""
    inside = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{inside}--{boundary}--\n'


def part_named(fields: str) -> Content:
    """A multipart message whose second part has these header fields and four octets of content."""
    return Content(crlf(wrap(["\ntext\n", f"{fields}\n\nfour"])))


def only(content: Content) -> Attachment:
    (attachment,) = content.attachments
    return attachment


def names(content: Content) -> list[str | None]:
    return [attachment.name for attachment in content.attachments]


class TestHeader:
    def test_names_are_compared_without_case_and_all_values_given_in_order(self) -> None:
        content = Content(b"X-One: a\r\nx-ONE:b\r\nOther: c\r\n\r\nX-One: not a field\r\n")
        assert content.header("x-one") == ("a", "b")
        assert content.header("absent") == ()
        assert content.headers == (("X-One", "a"), ("x-ONE", "b"), ("Other", "c"))

    @pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
    def test_folded_lines_are_unfolded_with_either_line_end(self, line_end: bytes) -> None:
        content = Content(line_end.join([b"Subject: one", b" two", b"\tthree", b"To: x", b"", b"body"]))
        assert content.header("subject") == ("one two\tthree",)
        assert content.header("to") == ("x",)
        assert content.body == "body"

    def test_the_header_may_mix_line_ends(self) -> None:
        content = Content(b"Subject: one\nTo: x\r\nCc: y\n\r\nbody\n\nmore")
        assert [name for name, _ in content.headers] == ["Subject", "To", "Cc"]
        assert content.raw_body == "body\n\nmore"

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("=?utf-8?B?5pel5pys?=", "日本"),
            ("=?UTF-8*ja?b?5pel5pys?=", "日本"),
            ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
            ("=?shift_jis?B?k/qWew==?=", "日本"),
            ("=?iso-8859-1?Q?caf=E9_au_lait?=", "café au lait"),
            ("Re: =?utf-8?Q?a?= and =?utf-8?Q?b?=", "Re: a and b"),
            ("=?utf-8?Q?a?=\r\n =?utf-8?Q?b?=", "ab"),
            ("=?utf-8?Q?a?= \t =?iso-8859-1?Q?=E9?=", "aé"),
            ("=?utf-8?B?5pel5g==?= =?utf-8?B?nKw=?=", "日本"),
            ("=?utf-8?B?5pel?= =?iso-8859-1?Q?=E9?=", "日é"),
            ("=?csShiftJIS?B?h0A=?=", "①"),
            ("=?utf-8?B?5pel5pys", "=?utf-8?B?5pel5pys"),
            ("=?no-such-set?Q?caf=C3=A9?=", "café"),
            ("=?utf-8?B?5pel5pys!?=", "日本"),
            ("=?utf-8?B?5?=", ""),
            ("=?punycode?Q?abc-def?=", "abc-def"),
            ("=?utf-7?Q?+2AA-?=", "?"),
        ],
    )
    def test_encoded_words_are_decoded(self, written: str, read: str) -> None:
        assert Content(f"Subject: {written}\r\n\r\n".encode()).header("Subject") == (read,)

    @pytest.mark.parametrize(
        ("octets", "read"),
        [("日本".encode(), "日本"), (b"caf\xe9", "café"), ("日本".encode("iso-2022-jp"), "日本")],
    )
    def test_raw_text_is_read_as_what_it_must_be(self, octets: bytes, read: str) -> None:
        assert Content(b"Subject: " + octets + b"\r\n\r\n").header("Subject") == (read,)

    def test_a_message_without_a_blank_line_is_all_header(self) -> None:
        content = Content(b"Subject: x\r\nTo: y")
        assert content.header("to") == ("y",)
        assert content.body == content.raw_body == ""

    def test_a_line_that_is_no_field_begins_the_body(self) -> None:
        content = Content(b"Subject: x\r\nhello there\r\nTo: y\r\n\r\nmore")
        assert content.headers == (("Subject", "x"),)
        assert content.body == "hello there\nTo: y\n\nmore"

    @pytest.mark.parametrize("data", [b"", b"\r\n", b"\n", b"just text", b" \r\nSubject: x\r\n\r\n", b": x\r\n\r\n"])
    def test_a_message_need_not_have_a_header(self, data: bytes) -> None:
        assert Content(data).headers == ()
        assert Content(data).header("subject") == ()

    def test_fields_are_counted_up_to_a_limit(self) -> None:
        content = Content(b"a:\n" * (FIELD_LIMIT + 1) + b"\nbody")
        assert len(content.headers) == FIELD_LIMIT
        assert content.body == "body"

    def test_a_header_is_read_up_to_a_limit(self) -> None:
        content = Content(b"a: " + b"x" * HEADER_LIMIT + b"\nb: y\n\nbody")
        assert (content.header("b"), content.body) == ((), "body")

    @unhurried
    @given(st.dictionaries(st.from_regex(r"X-[A-Za-z]{1,8}", fullmatch=True), st.text(), max_size=4))
    def test_what_the_email_package_writes_is_read(self, fields: dict[str, str]) -> None:
        message = EmailMessage(policy=SMTP)
        written = {name: " ".join(value.split()) for name, value in fields.items() if name not in message}
        for name, value in written.items():
            message[name] = "".join(char for char in value if char.isprintable())
        content = Content(bytes(message))
        for name in written:
            assert content.header(name)[0].split() == str(message[name]).split()


class TestLaziness:
    def test_nothing_is_read_until_something_is_asked(self) -> None:
        reads: list[int] = []

        def read() -> bytes:
            reads.append(1)
            return b"Subject: x\r\n\r\nbody"

        content = Content(read)
        assert reads == []
        assert content.header("subject") == ("x",)
        assert content.body == "body"
        assert content.longest_line == 10
        assert reads == [1]

    def test_a_header_of_a_large_message_is_read_without_its_body(self) -> None:
        """In a process of its own, as another test may have imported the modules already."""
        script = (
            "import sys\n"
            "from fakesmtp.scenario.content import Content\n"
            "content = Content(lambda: b'Subject: =?utf-8?Q?a?=\\r\\nReceived: b\\r\\n\\r\\n' + b'x' * 20_000_000)\n"
            "assert content.header('subject') == ('a',) and content.hops == 1 and content.message_id is None\n"
            "assert content.longest_line == 20_000_000 and not content.bare_lf and not content.eight_bit\n"
            "loaded = [name for name in sys.modules if name.partition('.')[0] == 'email' or name.endswith('.parts')]\n"
            "assert not loaded, loaded\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    def test_the_mime_structure_is_walked_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from fakesmtp.scenario.content import parts

        walks: list[bytes] = []
        walk = parts.walk_parts

        def count(data: bytes) -> Iterator[parts.Part]:
            walks.append(data)
            return walk(data)

        monkeypatch.setattr(parts, "walk_parts", count)
        content = part_named("Content-Type: application/pdf")
        assert content.headers
        assert walks == []
        assert content.attachments is content.attachments
        assert content.body == "text\n"
        assert len(walks) == 1


class TestBody:
    def test_a_simple_message_is_its_text(self) -> None:
        content = Content(b"Subject: x\r\n\r\none\r\ntwo\r\n")
        assert content.body == "one\ntwo\n"
        assert content.raw_body == "one\r\ntwo\r\n"
        assert content.texts == ("one\ntwo\n", "one\r\ntwo\r\n")

    def test_one_form_is_enough_where_both_are_the_same(self) -> None:
        assert Content(b"\r\none").texts == ("one",)

    @pytest.mark.parametrize("encoding", ["7bit", "8bit", "base64", "quoted-printable"])
    @pytest.mark.parametrize("charset", ["utf-8", "iso-2022-jp", "shift_jis", "euc-jp"])
    def test_text_is_decoded(self, encoding: str, charset: str) -> None:
        octets = "バックアップに失敗しました\r\n".encode(charset)
        encodings: dict[str, Callable[[bytes], bytes]]
        encodings = {"base64": base64.encodebytes, "quoted-printable": binascii.b2a_qp}
        encode = encodings.get(encoding, bytes)
        fields = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        assert Content(fields.encode() + encode(octets)).body.rstrip() == "バックアップに失敗しました"

    def test_text_without_a_character_set_is_guessed(self) -> None:
        for octets in ("日本".encode(), "日本".encode("iso-2022-jp")):
            assert Content(b"Subject: x\r\n\r\n" + octets).body == "日本"
        assert Content(b"\r\ncaf\xe9").body == "café"

    @pytest.mark.parametrize("charset", ["no-such", "base64", "rot13", "punycode", "undefined", "é", "x" * 9999, "''"])
    def test_an_impossible_character_set_is_guessed_too(self, charset: str) -> None:
        content = Content(f"Content-Type: text/plain; charset={charset}\r\n\r\ncafé".encode())
        assert content.body == "café"

    def test_undecodable_octets_are_replaced(self) -> None:
        assert Content(b"Content-Type: text/plain; charset=utf-8\n\na\xffb").body == "a\ufffdb"

    def test_text_parts_are_joined_and_attachments_left_out(self) -> None:
        message = EmailMessage(policy=SMTP)
        message.set_content("見積もり", charset="utf-8", cte="base64")
        message.add_alternative("<b>Estimate</b>", subtype="html")
        message.add_attachment("secret", filename="notes.txt")
        content = Content(bytes(message))
        assert "見積もり" in content.body
        assert "<b>Estimate</b>" in content.body
        assert "secret" not in content.body
        assert "secret" in content.raw_body
        assert "見積もり" not in content.raw_body

    def test_a_forwarded_messages_text_belongs_to_it(self) -> None:
        content = Content(
            crlf(wrap(["\nsee below", "Content-Type: message/rfc822\n\nSubject: inner\n\nthe inner text"]))
        )
        assert content.body.split() == ["see", "below", "the", "inner", "text"]

    def test_what_stands_between_the_parts_is_not_text(self) -> None:
        written = wrap(["\nshown"]).replace("--b1\n", "preamble\n--b1\n") + "epilogue\n"
        assert Content(crlf(written)).body == "shown"


class TestAttachments:
    def test_what_the_email_package_attaches_is_found(self) -> None:
        message = EmailMessage(policy=SMTP)
        message.set_content("text")
        message.add_attachment(PDF, maintype="application", subtype="pdf", filename="report.PDF")
        message.add_attachment("a,b\r\n", subtype="csv", filename="table.csv", cte="quoted-printable")
        assert Content(bytes(message)).attachments == (
            Attachment(name="report.PDF", type="application/pdf", size=len(PDF)),
            Attachment(name="table.csv", type="text/csv", size=5),
        )
        assert [found.extension for found in Content(bytes(message)).attachments] == ["pdf", "csv"]

    def test_a_message_of_text_has_none(self) -> None:
        message = EmailMessage(policy=SMTP)
        message.set_content("text")
        assert Content(bytes(message)).attachments == ()
        message.add_alternative("<b>text</b>", subtype="html")
        assert Content(bytes(message)).attachments == ()
        assert Content(b"Subject: notification\r\n\r\ndone\r\n").attachments == ()

    @pytest.mark.parametrize(
        ("fields", "name"),
        [
            ("Content-Disposition: attachment", None),
            ("Content-Disposition: attachment; filename=", None),
            ("Content-Disposition: attachment; filename=a.txt", "a.txt"),
            ('Content-Disposition: attachment; filename="a b;c.txt"', "a b;c.txt"),
            ("Content-Disposition: attachment; filename=my file.txt; size=3", "my file.txt"),
            (r'Content-Disposition: attachment; filename="a\"b\\c.txt"', r'a"b\c.txt'),
            (r'Content-Disposition: attachment; filename="C:\dir\a.txt"', r"C:\dir\a.txt"),
            ('Content-Disposition: attachment; filename="no end', "no end"),
            ('CONTENT-DISPOSITION: ATTACHMENT;\n\tFILENAME="a.txt"', "a.txt"),
            ("Content-Disposition: attachment; filename*0*=''%41; filename*1=%41.txt", "A%41.txt"),
            ("Content-Disposition: inline; filename=a.txt", "a.txt"),
            ('Content-Type: application/pdf; name=" "', None),
            (f"Content-Type: application/pdf{'; a=b' * PARAMETER_LIMIT}; name=a.txt", None),
            ("Content-Disposition: unheard-of", None),
            ('Content-Type: text/plain; name="a.txt"', "a.txt"),
            ("Content-Type: text/plain; name=b.txt\nContent-Disposition: inline; filename=a.txt", "a.txt"),
            ("Content-Type: image/png; name=logo.png\nContent-Disposition: inline", "logo.png"),
            ("Content-Type: image/png", None),
            ("Content-Type: audio/ogg", None),
            ("Content-Type: video/mp4", None),
            ("Content-Type: APPLICATION/octet-stream", None),
            ("Content-Type: application/pdf\nContent-Disposition: inline", None),
            ("Content-Type: font/woff2", None),
            ("Content-Type: message/rfc822", None),
            ("Content-Type: message/delivery-status", None),
        ],
    )
    def test_these_count(self, fields: str, name: str | None) -> None:
        assert only(part_named(fields)).name == name

    @pytest.mark.parametrize(
        "fields",
        [
            "Content-Type: text/html",
            "Content-Type: text/calendar; method=REQUEST",
            "Content-Type: text/plain\nContent-Disposition: inline",
            "Content-Type: image/png\nContent-ID: <logo>\nContent-Disposition: inline",
            "Content-Type: nonsense",
            "X-Note: filename=a.txt",
        ],
    )
    def test_these_do_not(self, fields: str) -> None:
        assert part_named(fields).attachments == ()

    @pytest.mark.parametrize(
        "parameter",
        [
            f'filename="{ESTIMATE}"',
            f"filename={ESTIMATE}",
            'filename="=?UTF-8?B?6KaL56mN5pu4LnBkZg==?="',
            "filename==?UTF-8?B?6KaL56mN5pu4LnBkZg==?=",
            'filename="=?ISO-2022-JP?B?GyRCOCtAUT1xGyhCLnBkZg==?="',
            'filename="=?utf-8?B?6KaL56mN?=\n =?utf-8?B?5pu4LnBkZg==?="',
            "filename*=UTF-8''%E8%A6%8B%E7%A9%8D%E6%9B%B8.pdf",
            "filename*=utf-8'ja'%e8%a6%8b%e7%a9%8d%e6%9b%b8.pdf",
            "filename*=iso-2022-jp''%1B$B8+@Q=q%1B(B.pdf",
            "filename*0*=UTF-8''%E8%A6%8B;\n filename*1*=%E7%A9%8D%E6;\n filename*2*=%9B%B8;\n filename*3=.pdf",
            "filename*1*=%E7%A9%8D%E6%9B%B8;\n filename*0*=UTF-8''%E8%A6%8B; filename*2=\".pdf\"",
            "filename=ascii.pdf; filename*=UTF-8''%E8%A6%8B%E7%A9%8D%E6%9B%B8.pdf",
        ],
    )
    def test_japanese_names_are_decoded(self, parameter: str) -> None:
        for field in (f"Content-Disposition: attachment; {parameter}", ""):
            field = field or f"Content-Type: application/pdf; {parameter.replace('filename', 'name')}"
            attachment = only(part_named(field))
            assert attachment.name == ESTIMATE
            assert attachment.extension == "pdf"

    @pytest.mark.parametrize("charset", ["utf-8", "iso-2022-jp", "shift_jis"])
    def test_names_that_the_email_package_encodes_are_decoded(self, charset: str) -> None:
        message = EmailMessage(policy=SMTP)
        message.set_content(PDF, "application", "pdf", disposition="attachment", filename=(charset, "ja", ESTIMATE))
        assert names(Content(bytes(message))) == [ESTIMATE]

    @pytest.mark.parametrize(
        ("name", "extension"),
        [
            ("a.tar.GZ", "gz"),
            ("README", None),
            (".exe", "exe"),
            ("a.exe. ", "exe"),
            (r"C:\v1.2\setup", None),
            ("/v1.2/setup.exe", "exe"),
            ("...", None),
            (None, None),
        ],
    )
    def test_an_extension_is_what_follows_the_last_dot(self, name: str | None, extension: str | None) -> None:
        assert Attachment(name=name, type="text/plain", size=0).extension == extension

    @pytest.mark.parametrize("kind", ["application/pdf", "image/png", "audio/ogg"])
    def test_the_message_itself_may_be_one(self, kind: str) -> None:
        data = f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n".encode() + base64.encodebytes(PDF)
        assert only(Content(data)) == Attachment(name=None, type=kind, size=len(PDF))
        assert Content(data).body == ""

    def test_nested_containers_are_opened(self) -> None:
        inner = wrap(["\ntext", "Content-Type: image/png; name=logo.png\n\nx"], "related", "b2")
        content = Content(crlf(wrap([inner, "Content-Type: application/pdf; name=a.pdf\n\nx"])))
        assert names(content) == ["logo.png", "a.pdf"]
        assert content.body == "text"

    def test_a_boundary_may_begin_like_another(self) -> None:
        inner = wrap(["Content-Type: image/png; name=logo.png\n\nx"], "related", "b1b")
        content = Content(crlf(wrap([inner, "Content-Type: application/pdf; name=a.pdf\n\nxyz"])))
        assert [(found.name, found.size) for found in content.attachments] == [("logo.png", 1), ("a.pdf", 3)]

    def test_a_forwarded_message_counts_and_so_does_what_it_carries(self) -> None:
        inner = wrap(["\ninner", "Content-Type: application/pdf; name=inner.pdf\n\nfour"], boundary="b2")
        content = Content(crlf(wrap(["\nouter", f"Content-Type: message/rfc822\n\n{inner}"])))
        assert content.attachments == (
            Attachment(name=None, type="message/rfc822", size=len(crlf(inner))),
            Attachment(name="inner.pdf", type="application/pdf", size=4),
        )

    def test_a_forwarded_message_may_wrongly_be_encoded(self) -> None:
        inner = base64.encodebytes(crlf(wrap(["Content-Type: application/pdf; name=a.pdf\n\nx"]))).decode()
        fields = "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        assert names(Content(crlf(wrap([fields + inner])))) == [None, "a.pdf"]

    def test_only_one_such_encoding_is_undone(self) -> None:
        inner = wrap(["Content-Type: application/pdf; name=a.pdf\n\nx"])
        for _ in range(2):
            encoded = base64.encodebytes(crlf(inner)).decode()
            inner = f"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{encoded}"
        assert names(Content(crlf(inner))) == [None, None]

    def test_the_parts_of_a_digest_are_messages(self) -> None:
        content = Content(crlf(wrap(["\nSubject: one\n\ntext", "\nSubject: two\n\ntext"], "digest")))
        assert [found.type for found in content.attachments] == ["message/rfc822"] * 2

    def test_of_a_report_only_the_returned_message_counts(self) -> None:
        parts = [
            "\nFailed.",
            "Content-Type: message/delivery-status\n\nAction: failed",
            "Content-Type: message/rfc822\n\nA: b",
        ]
        content = Content(crlf(wrap(parts, "report")))
        assert [found.type for found in content.attachments] == ["message/rfc822"]
        assert "Action: failed" in content.body

    @pytest.mark.parametrize(
        ("encoding", "encoded", "size"),
        [
            ("", "QUJD=3D\n", 9),
            ("7bit", "QUJD=3D", 7),
            ("no-such", "QUJD=3D", 7),
            ("BASE64", "QUJD\nQUJD\n", 6),
            ("base64 (a comment)", "QUJD", 3),
            ("Quoted-Printable", "QUJD=3D=\n", 5),
        ],
    )
    def test_sizes_are_of_the_decoded_octets(self, encoding: str, encoded: str, size: int) -> None:
        fields = f"Content-Type: application/pdf\nContent-Transfer-Encoding: {encoding}\n\n"
        assert only(Content(crlf(wrap([fields + encoded])))).size == size

    def test_damaged_base64_is_decoded_as_far_as_it_goes(self) -> None:
        for encoded, size in (("QUJD", 3), ("QUJ", 2), ("QUJDQ", 3), ("QU*JD", 3), ("", 0), ("=", 0)):
            data = f"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n{encoded}"
            assert only(Content(data.encode())).size == size, encoded

    def test_a_last_part_without_an_end_counts(self) -> None:
        data = crlf(wrap(["\ntext", "Content-Type: application/pdf; name=a.pdf\n\nfour"]))
        assert only(Content(data.removesuffix(b"\r\n--b1--\r\n"))).size == 4
        assert names(Content(data[: data.index(b"\r\n\r\nfour")])) == ["a.pdf"]

    @pytest.mark.parametrize("rest", ["", "\r\n", " \t\r\n", "\n"])
    def test_the_closing_delimiter_is_no_content(self, rest: str) -> None:
        data = crlf(wrap(["\ntext", "Content-Type: application/pdf\n\nfour"])).removesuffix(b"\r\n")
        assert only(Content(data + rest.encode())).size == 4

    def test_an_empty_part_ends_where_the_next_begins(self) -> None:
        data = crlf(wrap(["Content-Type: application/pdf\n\nfour"])).replace(b"--b1\r\n", b"--b1\r\n--b1\r\n")
        assert only(Content(data)).size == 4

    def test_white_space_behind_a_boundary_is_no_part_of_it(self) -> None:
        data = crlf(wrap(["Content-Type: application/pdf\n\nfour\n--b2"]).replace('"b1"', '"b1 "'))
        assert only(Content(data)).size == len("four\r\n--b2")

    def test_a_part_behind_the_closing_delimiter_counts(self) -> None:
        data = crlf(wrap(["\ntext"]) + wrap(["Content-Type: application/pdf; name=a.pdf\n\nx"]))
        assert names(Content(data)) == ["a.pdf"]


class TestUuencoded:
    @staticmethod
    def encode(name: str, octets: bytes) -> bytes:
        lines = [binascii.b2a_uu(octets[at : at + 45]) for at in range(0, len(octets), 45)]
        return b"begin 644 " + name.encode() + b"\n" + b"".join(lines) + b"`\nend\n"

    def test_files_in_plain_text_are_found(self) -> None:
        text = b"see below\n\n" + self.encode("report 1.pdf", PDF) + b"\n" + self.encode("empty", b"") + b"bye\n"
        for data in (text, text.replace(b"\n", b"\r\n")):
            assert Content(b"Subject: x\r\n\r\n" + data).attachments == (
                Attachment(name="report 1.pdf", type="application/octet-stream", size=len(PDF)),
                Attachment(name="empty", type="application/octet-stream", size=0),
            )

    def test_files_in_encoded_text_are_found(self) -> None:
        fields = b"Content-Transfer-Encoding: base64\r\n\r\n"
        assert only(Content(fields + base64.encodebytes(self.encode("a.pdf", PDF)))).size == len(PDF)

    def test_a_part_may_be_in_that_encoding(self) -> None:
        fields = b"Content-Type: application/pdf; name=b.pdf\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n"
        assert only(Content(fields + self.encode("a.pdf", PDF))) == Attachment("b.pdf", "application/pdf", len(PDF))

    def test_an_empty_file_may_have_no_line_at_all(self) -> None:
        assert only(Content(b"\nbegin 644 empty\nend\n")).size == 0

    @pytest.mark.parametrize(
        "text",
        [
            b"begin 644 a.pdf\nM",
            b"begin 644 the story\nit was so\nend\n",
            b"begin 644 x\n\nend of it\nend\n",
            b"I begin 644 x\n`\nend\n",
            b"begin the day\n`\nend\n",
        ],
    )
    def test_prose_is_no_file(self, text: bytes) -> None:
        assert Content(b"\n" + text).attachments == ()


class TestHostileMessages:
    """Each of these would be slow or would fail if it were followed wherever it leads."""

    def test_containers_within_containers(self) -> None:
        written = "Content-Type: application/pdf; name=deep.pdf\n\nx"
        for depth in range(1000):
            written = wrap([written], boundary=f"b{depth}")
        assert names(Content(crlf(written))) == ["deep.pdf"]

    def test_messages_within_messages(self) -> None:
        data = b"Content-Type: message/rfc822\n\n" * 200_000 + b"Content-Type: image/png; name=x.png\n\n"
        content = Content(data)
        assert DEPTH_LIMIT < len(content.attachments) <= DEPTH_LIMIT + PART_LIMIT + 1

    def test_a_million_parts(self) -> None:
        data = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: image/png\n\n" * 1_000_000
        assert PART_LIMIT <= len(Content(data).attachments) <= ATTACHMENT_LIMIT

    def test_a_name_behind_very_many_parts(self) -> None:
        written = "Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\n" * 100_000
        written += "--b\nContent-Type: application/pdf;\n name=a.pdf\nContent-Transfer-Encoding: base64\n\nQUJD\n--b--"
        assert Content(crlf(written)).attachments == (Attachment("a.pdf", "application/pdf", 3),)

    def test_delimiters_that_are_none(self) -> None:
        data = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--bb\n" * 1_000_000 + b"Content-Type: image/png\n\n"
        assert only(Content(data)).type == "image/png"

    @pytest.mark.parametrize(
        "content_type", ["multipart/mixed", 'multipart/mixed; boundary=""', "multipart/mixed; boundary=c"]
    )
    def test_a_container_without_a_boundary_is_searched_for_content_lines(self, content_type: str) -> None:
        parts = wrap(
            ["\ntext", "Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nfour\n"]
        )  # the last line end is the delimiter's
        data = parts.replace('multipart/mixed; boundary="b1"', content_type)
        assert Content(crlf(data)).attachments == (Attachment("a.txt", "text/plain", 6),)

    def test_each_part_is_found_once_where_the_structure_is_lost(self) -> None:
        inner = wrap(["Content-Type: application/pdf; name=a.pdf\n\nfour"])
        picture = "Content-Type: image/png\n\nfive5\n"
        lost = f"Content-Type: multipart/mixed\n\n{picture}Content-Type: message/rfc822\n\n{inner}"
        assert [(found.name, found.size) for found in Content(lost.encode()).attachments] == [
            (None, len("five5\n")),
            (None, 0),
            ("a.pdf", 4),
        ]

    def test_a_message_within_is_read_where_the_structure_is_lost(self) -> None:
        lost = b"Content-Type: multipart/mixed\n\nContent-Type: message/rfc822\n\nSubject: inner\n\nthe inner text"
        assert Content(lost).body == "the inner text"

    def test_all_that_is_scanned_has_one_limit(self) -> None:
        lost = "Content-Type: multipart/mixed\n\n" + "Content-Type: image/png\n\n" * (PART_LIMIT // 2)
        assert len(Content(crlf(wrap([lost] * 3))).attachments) == PART_LIMIT

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"Subject: " + b"=?utf-8?Q?a?= " * 200_000, id="encoded words"),
            pytest.param(b"Subject: " + b"=?" * 2_000_000, id="beginnings of encoded words"),
            pytest.param(b"a:\n" * 2_000_000, id="fields"),
            pytest.param(b"a:" + b"\n " * 2_000_000, id="folds"),
            pytest.param(b"x" * 5_000_000, id="one line"),
            pytest.param(b"\n" * 5_000_000, id="empty lines"),
            pytest.param(b"\r" * 5_000_000, id="carriage returns"),
            pytest.param(b"\nbegin 644 x\n!!!!!" * 200_000, id="beginnings of files"),
            pytest.param(b"\n" + b"begin 644 x\n`\nend\n" * 100_000, id="files"),
            pytest.param(b"Content-Type: text/plain" + b";a*0=b" * 300_000, id="parameters"),
            pytest.param(b'Content-Type: text/plain; name="' + b"\\" * 2_000_000, id="escapes"),
            pytest.param(
                b"Content-Type: multipart/mixed\n\n" + b"Content-Type: message/rfc822\n\n" * 50_000, id="scan"
            ),
        ],
    )
    def test_every_question_has_an_answer(self, data: bytes) -> None:
        ask_everything(Content(data))


class TestMeasures:
    @pytest.mark.parametrize(
        ("data", "eight_bit", "bare_lf", "longest_line"),
        [
            (b"", False, False, 0),
            (b"\n", False, True, 0),
            (b"\r\n", False, False, 0),
            (b"A: b\r\n\r\nabc\r\n", False, False, 4),
            (b"A: b\r\n\r\nabcde", False, False, 5),
            (b"A: b\r\n\r\nabcde\nf\r\n", False, True, 5),
            (b"A: \xe9\r\n\r\n", True, False, 4),
            (b"a\rb\r\n", False, False, 3),
            (b"\r\n" + b"x" * 200_000 + b"\r\ny\r\n", False, False, 200_000),
        ],
    )
    def test_of_lines_and_octets(self, data: bytes, eight_bit: bool, bare_lf: bool, longest_line: int) -> None:
        content = Content(data)
        assert (content.eight_bit, content.bare_lf, content.longest_line) == (eight_bit, bare_lf, longest_line)

    @unhurried
    @given(st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"ab", b"x" * 70_000]), max_size=12).map(b"".join))
    def test_the_longest_line_is_the_one_that_splitting_finds(self, data: bytes) -> None:
        assert Content(data).longest_line == max(map(len, data.replace(b"\r\n", b"\n").split(b"\n")))

    def test_hops_are_received_fields(self) -> None:
        assert Content(b"Received: a\r\nRECEIVED: b\r\n\tc\r\nReceived-SPF: d\r\n\r\nReceived: e").hops == 2
        assert Content(b"").hops == 0

    @pytest.mark.parametrize(
        ("written", "date"),
        [
            ("Sat, 21 Nov 2026 10:05:00 +0900", datetime(2026, 11, 21, 10, 5, tzinfo=timezone(timedelta(hours=9)))),
            ("21 Nov 2026 10:05 GMT (a comment)", datetime(2026, 11, 21, 10, 5, tzinfo=UTC)),
            ("Sat, 21 Nov 2026\r\n 10:05:00 -0000", datetime(2026, 11, 21, 10, 5, tzinfo=UTC)),
            ("Sat, 21 Nov 2026 10:05:00", datetime(2026, 11, 21, 10, 5, tzinfo=UTC)),
            ("yesterday", None),
            ("", None),
            ("Sat, 31 Feb 2026 10:05:00 +0900", None),
            ("Sat, 21 Nov 2026 10:05:00 +9999", None),
            ("Fri, 31 Dec 9999 23:59:59 -0900", None),
            ("1 " * 2_000_000, None),
        ],
    )
    def test_the_date_is_aware(self, written: str, date: datetime | None) -> None:
        found = Content(f"Date: {written}\r\n\r\n".encode()).date
        assert found == date
        assert (found and found.utcoffset()) == (date and date.utcoffset())
        assert Content(b"Subject: x\r\n\r\n").date is None

    def test_the_message_id_keeps_its_brackets(self) -> None:
        assert Content(b"message-id:\r\n <a@b> \r\n\r\n").message_id == "<a@b>"
        assert Content(b"Message-ID: \r\n\r\n").message_id is None
        assert Content(b"").message_id is None


def ask_everything(content: Content) -> None:
    """Ask every question and check that each answer has the type that it promises, in text that can be stored."""
    texts = [content.body, content.raw_body, *content.texts, *content.header("Subject"), content.message_id or ""]
    assert all(isinstance(text, str) for text in texts)
    for name, value in content.headers:
        texts += [name, value]
    for attachment in content.attachments:
        texts += [attachment.type, attachment.name or "", attachment.extension or ""]
        assert attachment.name != ""
        assert 0 <= attachment.size <= 63 * len(content.data)  # a uuencoded line states its length, up to 63
    for text in texts:
        text.encode("utf-8")
    assert type(content.eight_bit) is bool
    assert type(content.bare_lf) is bool
    assert 0 <= content.longest_line <= len(content.data)
    assert content.hops == len(content.header("received"))
    assert content.date is None or content.date.utcoffset() is not None


FRAGMENTS = [
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b";", b"=", b'"', b"\\", b"--", b"--b", b"--b--", b"\n--b\n", b"\n\n",
    b"Subject:", b"Date:", b"Date: Sat, 21 Nov 2026 10:05:00 +0900", b"Message-ID:", b"Received: x\n",
    b"Content-Type:", b"multipart/mixed", b"multipart/digest", b"message/rfc822", b"text/plain", b"application/pdf",
    b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: message/rfc822\n", b"; boundary=", b"b",
    b"Content-Disposition: attachment", b"; filename", b"; name", b"*", b"*0*", b"*1", b"utf-8''%E3", b"%8",
    b"; charset=", b"utf-7", b"iso-2022-jp", b"utf-16", b"hz", b"idna", b"unicode_escape", b"big5",
    b"Content-Transfer-Encoding: ", b"base64\n", b"quoted-printable\n", b"x-uuencode\n", b"QUJD", b"=3D", b"+2AA-",
    b"=?utf-8?B?", b"=?iso-2022-jp?q?", b"?=", b"\x1b$B", b"\xff", b"\xe3\x81\x82", b"\x00", b"\nbegin 644 x\n",
    b"#0V%T\n", b"`\n", b"\nend\n",
]  # fmt: skip


class TestAnyOctets:
    @unhurried
    @given(st.binary(max_size=2000))
    def test_noise_is_answered(self, data: bytes) -> None:
        ask_everything(Content(data))

    @settings(unhurried, max_examples=1000)
    @example([b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Transfer-Encoding: ", b"base64\n", b"\n"])
    @given(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=4), max_size=60))
    def test_what_looks_like_mail_is_answered(self, fragments: list[bytes]) -> None:
        ask_everything(Content(b"".join(fragments)))

    @unhurried
    @given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.sampled_from(["base64", "7bit"]))
    def test_any_attachment_has_its_size(self, payloads: list[bytes], encoding: str) -> None:
        parts = []
        for payload in payloads:
            encoded = base64.encodebytes(payload) if encoding == "base64" else payload.hex().encode()
            fields = f"Content-Type: image/png\nContent-Transfer-Encoding: {encoding}\n\n".encode()
            parts.append(b"--b\n" + fields + encoded + b"\n")
        data = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"".join(parts) + b"--b--\n"
        factor = 1 if encoding == "base64" else 2
        assert [found.size for found in Content(data).attachments] == [len(payload) * factor for payload in payloads]
