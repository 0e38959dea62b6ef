"""Cipher strings: what a scenario's ``ciphers`` offers, taken apart and checked word by word.

OpenSSL keeps the suites of TLS 1.3 apart from the others, and passes over an unknown word without a sound as long as
another one is known. A scenario has one string for both, and an unknown word is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import attrs
from OpenSSL import SSL

from fakesmtp.tls.errors import TlsSettingError, UnknownWordError

SECURITY_LEVEL: Final = "@SECLEVEL=0"
"""What the server itself finds safe enough is no test of a client: nothing that a scenario names is held back."""

_SEPARATORS: Final = re.compile(r"[:;,\s]+")
_TLS13_SUITES: Final = (  # RFC 9846 appendix B.4
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
)


@attrs.frozen
class CipherOffer:
    """Cipher suites by the versions that use them: OpenSSL strings for TLS 1.2 and before, and for TLS 1.3.

    None stands for OpenSSL's own choice.
    """

    older: str | None = None
    tls13: str | None = None

    @property
    def versions(self) -> frozenset[str]:
        """The versions on offer where a scenario names none: TLS 1.2 and 1.3, as far as there are suites for them."""
        if self.older is None and self.tls13 is None:
            return frozenset({"TLSv1.2", "TLSv1.3"})
        offered = {"TLSv1.2": self.older, "TLSv1.3": self.tls13}
        return frozenset(version for version, suites in offered.items() if suites)

    @property
    def older_names(self) -> tuple[str, ...]:
        """The names of the suites for TLS 1.2 and before, in order of preference."""
        return _suite_names(self.older or "DEFAULT")

    @property
    def needs_rsa(self) -> bool:
        """Whether no suite of `older` can do with an ECDSA certificate."""
        return self.older is not None and not any("ECDSA" in name for name in self.older_names)

    @property
    def needs_ecdsa(self) -> bool:
        """Whether no suite of `older` can do with an RSA certificate."""
        return self.older is not None and all("ECDSA" in name for name in self.older_names)

    def apply(self, context: SSL.Context) -> None:
        """Set this offer in ``context``. Raises OpenSSL.SSL.Error."""
        older = self.older or "DEFAULT"
        level = "" if "@SECLEVEL" in older else f":{SECURITY_LEVEL}"
        context.set_cipher_list(f"{older}{level}".encode())
        if self.tls13 is not None:
            context.set_tls13_ciphersuites(self.tls13.encode())


def read_ciphers(text: str | None) -> CipherOffer:
    """Take a cipher string apart; None is OpenSSL's own choice. Raises TlsSettingError for what offers nothing."""
    if text is None:
        return CipherOffer()
    words = [word for word in _SEPARATORS.split(text) if word]
    tls13 = [word for word in words if word.startswith("TLS_")]
    older = [word for word in words if word not in tls13]
    _check(words, lambda word: word.isascii() and word.isprintable())
    _check(tls13, lambda word: _accepts(SSL.Context.set_tls13_ciphersuites, word))
    _check((word for word in older if word[0] not in "!-+@"), lambda word: _accepts(SSL.Context.set_cipher_list, word))
    offer = CipherOffer(":".join(older) or None, ":".join(tls13) or None)
    if not words or (older and not offer.older_names):
        raise TlsSettingError(
            f"no cipher suite comes of ciphers {text!r}; write an OpenSSL cipher string, or leave it out"
        )
    return offer


def _check(words: Iterable[str], is_known: Callable[[str], bool]) -> None:
    for word in words:
        if not is_known(word):
            raise UnknownWordError(f"cipher suite (in {openssl_name()})", word, _known_names())


def _accepts(select: Callable[[SSL.Context, bytes], None], word: str) -> bool:
    try:
        select(SSL.Context(SSL.TLS_METHOD), word.encode())
    except SSL.Error:
        return False
    return True


def _suite_names(older: str) -> tuple[str, ...]:
    context = SSL.Context(SSL.TLS_METHOD)
    try:
        context.set_cipher_list(older.encode())
    except SSL.Error:
        return ()
    return tuple(name for name in SSL.Connection(context).get_cipher_list() if not name.startswith("TLS_"))


def _known_names() -> tuple[str, ...]:
    return _TLS13_SUITES + _suite_names("ALL:COMPLEMENTOFALL")


def openssl_name() -> str:
    """Return the name and version of the OpenSSL that serves, which need not be the one on the command line."""
    return " ".join(SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode().split()[:2])
