"""Octets into text: character sets and encoded words (RFC 2047), never raising, never inventing surrogates."""

import binascii
import re
from collections.abc import Iterator
from encodings import normalize_encoding
from encodings.aliases import aliases

# Only these are looked up: an unknown name costs Python an import attempt, and some codecs beyond this list are
# quadratic (punycode) or read escapes that no mail means.
_CODECS = frozenset(aliases.values())

# Names that mail uses and Python lacks, and names whose users mean the larger set that contains it.
_IN_MAIL = {
    "cp874": "cp874",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso2022_jp": "iso2022_jp_ext",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_8_i": "iso8859_8",
    "koi8_u": "koi8_u",
    "shift_jis": "cp932",
    "windows_31j": "cp932",
    "windows_874": "cp874",
    "x_sjis": "cp932",
}

_ENCODED_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)).difference(_BASE64))


def guess_text(octets: bytes) -> str:
    """Text whose character set nobody named: ISO-2022-JP by its escape sequence, else UTF-8, else Latin-1."""
    for charset in ("iso2022_jp_ext", "utf-8") if b"\x1b$" in octets else ("utf-8",):
        try:
            return octets.decode(charset)
        except UnicodeError:
            continue
    return octets.decode("latin-1")


def decode_text(octets: bytes, charset: str | None) -> str:
    """Text in a named character set, undecodable octets replaced; guessed where the name is unknown or US-ASCII."""
    codec = _find_codec(charset or "ascii")
    if codec in (None, "ascii"):
        return guess_text(octets)
    try:
        text = octets.decode(codec, "replace")
    except (LookupError, ValueError):
        return guess_text(octets)
    # UTF-7 can spell half a surrogate pair, which no journal could write down.
    return text.encode("utf-8", "replace").decode("utf-8") if codec == "utf_7" else text


def decode_words(text: str) -> str:
    """A header field's text with its encoded words decoded (RFC 2047), also where the RFC forbids them.

    White space between two encoded words disappears (section 6.2). Neighbours in one character set are joined
    before they are decoded, as many clients split them inside a character.
    """
    if "=?" not in text:
        return text
    return "".join(_join_words(text))


def _join_words(text: str) -> Iterator[str]:
    octets: list[bytes] = []
    done, charset = 0, ""
    for word in _ENCODED_WORD.finditer(text):
        between, done = text[done : word.start()], word.end()
        neighbours = bool(octets) and not between.strip()
        if not neighbours or word[1].lower() != charset:
            yield decode_text(b"".join(octets), charset)
            yield "" if neighbours else between
            octets = []
        octets.append(_decode_word(word[2], word[3]))
        charset = word[1].lower()
    yield decode_text(b"".join(octets), charset)
    yield text[done:]


def _decode_word(encoding: str, encoded: str) -> bytes:
    octets = encoded.encode("utf-8")
    if encoding in "qQ":
        return binascii.a2b_qp(octets, header=True)
    return decode_base64(octets)


def decode_base64(octets: bytes) -> bytes:
    """Base64 (RFC 2045 section 6.8) with foreign octets skipped and missing padding supplied."""
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        kept = octets.translate(None, _NOT_BASE64)
        kept = kept[: len(kept) - (len(kept) % 4 == 1)]
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def _find_codec(charset: str) -> str | None:
    if not charset.isascii():
        return None
    name = normalize_encoding(charset).lower()
    codec = aliases.get(name, name)
    return _IN_MAIL.get(name) or _IN_MAIL.get(codec) or (codec if codec in _CODECS else None)
