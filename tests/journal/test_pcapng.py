"""The blocks of a capture file, without Wireshark: a reader of our own that knows the format and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack, unpack_from

import pytest

from fakesmtp.journal.pcapng import MOST_OF_COMMENT, Packet, render_pcapng
from fakesmtp.journal.segments import Socket, TcpConnection, checksum, make_datagram

SECTION, INTERFACE, PACKET, SECRETS = 0x0A0D0D0A, 1, 6, 0x0A


def blocks(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each block; its length must stand at both ends."""
    place = 0
    while place < len(octets):
        kind, length = unpack_from("<II", octets, place)
        assert length % 4 == 0
        assert unpack_from("<I", octets, place + length - 4) == (length,)
        yield kind, octets[place + 8 : place + length - 4]
        place += length
    assert place == len(octets)


def options(octets: bytes) -> list[tuple[int, bytes]]:
    found, place = [], 0
    while octets[place:]:
        code, length = unpack_from("<HH", octets, place)
        if not code:
            assert place + 4 == len(octets)
            break
        found.append((code, octets[place + 4 : place + 4 + length]))
        place += 4 + length + -length % 4
    return found


def comments_of(octets: bytes) -> list[str]:
    body = next(body for kind, body in blocks(octets) if kind == PACKET)
    length = unpack_from("<I", body, 12)[0]
    return [value.decode() for code, value in options(body[20 + length + -length % 4 :]) if code == 1]


def render(*packets: Packet, key_log: bytes = b"") -> bytes:
    return render_pcapng(packets, application="fakesmtp 1", comment="a comment", key_log=key_log)


def test_the_section_says_who_wrote_it_and_what_it_is() -> None:
    kind, body = next(blocks(render()))
    assert kind == SECTION
    assert unpack_from("<IHHq", body) == (0x1A2B3C4D, 1, 0, -1)
    assert options(body[16:]) == [(1, b"a comment"), (4, b"fakesmtp 1")]


def test_the_interface_has_bare_ip_and_microseconds() -> None:
    (_, _), (kind, body) = blocks(render())
    assert kind == INTERFACE
    assert unpack_from("<HHI", body) == (101, 0, 0)
    assert (9, b"\x06") in options(body[8:])


@pytest.mark.parametrize("size", [20, 21, 22, 23, 24])
def test_a_packet_is_padded_and_its_length_is_not(size: int) -> None:
    at = 1_795_287_983_672_858
    kind, body = list(blocks(render(Packet(at, bytes(range(size))))))[-1]
    interface, high, low, captured, length = unpack_from("<IIIII", body)
    assert (kind, interface, high << 32 | low, captured, length) == (PACKET, 0, at, size, size)
    assert body[20 : 20 + size] == bytes(range(size))


def test_a_packet_has_all_its_comments() -> None:
    octets = render(Packet(0, b"x" * 21, ("one", "zwei, über", "三")))
    assert comments_of(octets) == ["one", "zwei, über", "三"]


def test_a_comment_too_long_for_the_format_is_cut_between_characters() -> None:
    (comment,) = comments_of(render(Packet(0, b"x", ("a" + "ü" * 70_000,))))
    assert comment.startswith("aüü") and comment.endswith("ü…")
    assert len(comment.encode()) <= MOST_OF_COMMENT + 3


def test_what_is_no_character_is_escaped() -> None:
    assert comments_of(render(Packet(0, b"x", ("a \udcff b",)))) == ["a \\udcff b"]


def test_secrets_stand_before_the_packets() -> None:
    log = b"CLIENT_RANDOM aa bb\n"
    kinds = dict(blocks(render(Packet(0, b"x"), key_log=log)))
    assert list(kinds) == [SECTION, INTERFACE, SECRETS, PACKET]
    assert kinds[SECRETS] == pack("<II", 0x544C534B, len(log)) + log


def test_without_secrets_there_is_no_block_for_them() -> None:
    assert SECRETS not in dict(blocks(render(Packet(0, b"x"))))


# ---------------------------------------------------------------------- segments


@pytest.mark.parametrize(
    ("octets", "sum_"),
    [
        (bytes.fromhex("0001f203f4f5f6f7"), 0x220D),  # the example of RFC 1071 section 3
        (bytes.fromhex("0001f203f4f5f6"), 0x2304),  # an odd number: a zero is appended
        (b"\xff\xff", 0),
    ],
)
def test_the_internet_checksum(octets: bytes, sum_: int) -> None:
    assert checksum(octets) == sum_


@pytest.mark.parametrize("text", ["127.0.0.1", "127.0.0.1:x", "mx.example.test:25", "127.0.0.1:65536", "", ":25"])
def test_what_is_no_socket(text: str) -> None:
    with pytest.raises(ValueError):
        Socket.parse(text)


@pytest.mark.parametrize("text", ["[fe80::1%eth0]:25", "[::1]:25", "192.0.2.1:0"])
def test_sockets_are_read(text: str) -> None:
    socket = Socket.parse(text)
    assert f"[{socket.address}]:{socket.port}" if ":" in str(socket.address) else str(socket.address) in text


def test_the_two_ends_are_of_one_family() -> None:
    with pytest.raises(ValueError, match="cannot talk"):
        TcpConnection(Socket.parse("127.0.0.1:1"), Socket.parse("[::1]:2"), "")


def numbers(packet: Packet) -> tuple[int, int, int]:
    """Sequence number, acknowledgement and flags of a TCP segment over IPv4."""
    sequence, acknowledged, _, flags = unpack_from("!IIBB", packet.octets, 24)
    return sequence, acknowledged, flags


def test_sequence_numbers_go_round() -> None:
    connection = TcpConnection(Socket.parse("127.0.0.1:1"), Socket.parse("127.0.0.1:2"), "")
    connection._sides["client"].sequence = 0xFFFFFFF0
    connection.open(0)
    connection.send("client", 1, b"x" * 4000)
    connection.finish("client", 2)
    fin = next(packet for packet in connection.packets if numbers(packet)[2] & 1)
    assert numbers(fin)[0] == 4000 + 1 - 16


def test_nothing_is_sent_behind_a_fin_or_an_rst() -> None:
    connection = TcpConnection(Socket.parse("127.0.0.1:1"), Socket.parse("127.0.0.1:2"), "")
    connection.open(0)
    connection.finish("client", 1)
    before = len(connection.packets)
    connection.send("client", 2, b"late")
    connection.finish("client", 2)
    assert len(connection.packets) == before
    connection.reset("server", 3)
    connection.send("server", 4, b"late")
    connection.reset("client", 4)
    connection.finish("server", 4)
    connection.end()
    assert len(connection.packets) == before + 1 and connection.is_over


def test_a_datagram_without_a_sum_has_the_other_zero() -> None:
    source = Socket.parse("0.0.0.0:0")
    # Protocol, two lengths and this word make 0xFFFF, whose complement would say that nothing was summed (RFC 768).
    octets = make_datagram(source, source, pack("!H", 0xFFFF - 17 - 10 - 10))
    assert octets[26:28] == b"\xff\xff"
