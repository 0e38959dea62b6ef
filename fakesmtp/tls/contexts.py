"""Which TLS a server speaks: its settings, checked, and one context for all connections that share them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs

from fakesmtp.tls.authority import Authority
from fakesmtp.tls.certificates import Certificates, find_kind
from fakesmtp.tls.errors import UnknownWordError

if TYPE_CHECKING:
    from fakesmtp.tls.connections import ConnectionCreator

VERSIONS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""The protocol versions that a scenario can name, oldest first, as OpenSSL writes them."""


def find_version(name: str) -> str:
    """Return the version of that name as `VERSIONS` has it. Raises UnknownWordError, with the nearest name."""
    known = {version.casefold(): version for version in VERSIONS} | {"tlsv1.0": "TLSv1"}
    try:
        return known[name.casefold()]
    except (KeyError, AttributeError):
        raise UnknownWordError("TLS version", name, VERSIONS) from None


@attrs.frozen
class Settings:
    """The settings of one context: a certificate kind, versions (none: the default) and an OpenSSL cipher string."""

    kind: str
    versions: frozenset[str]
    ciphers: str | None
    client_certificate: bool

    def __str__(self) -> str:
        versions = ", ".join(sorted(self.versions)) or "as the ciphers need"
        return f"certificate {self.kind}, versions {versions}, ciphers {self.ciphers or 'default'}"


@attrs.define
class ServerContexts:
    """The TLS contexts of one server, each made when it is first asked for, and shared.

    ``hostname`` and ``aliases`` are the names by which clients know the server; see `Certificates`. With
    ``tells_secrets`` each connection's protocol is told what decrypts it; see `ConnectionCreator`.
    """

    authority: Authority
    hostname: str
    aliases: Sequence[str] = ()
    tells_secrets: bool = False
    certificates: Certificates = attrs.field(init=False)
    _creators: dict[Settings, ConnectionCreator] = attrs.field(factory=dict, init=False, repr=False)

    @certificates.default
    def _make_certificates(self) -> Certificates:
        return Certificates(self.authority, self.hostname, self.aliases)

    def creator(
        self,
        kind: str = "valid",
        versions: Sequence[str] = (),
        ciphers: str | None = None,
        client_certificate: bool = False,
    ) -> ConnectionCreator:
        """Return an IOpenSSLServerConnectionCreator for these settings, the same one for the same settings.

        ``kind`` is one of `KINDS`. ``versions`` are those on offer, of `VERSIONS`; there may be gaps between them.
        ``ciphers`` is an OpenSSL cipher string in which the suites of TLS 1.3 may stand beside the others
        (``ECDHE+AESGCM:TLS_AES_128_GCM_SHA256``). Where ``versions`` is empty, TLS 1.2 and 1.3 are on offer, but with
        ``ciphers`` only the one, if any, for which it names suites; a version that ``versions`` does name has
        OpenSSL's own suites then. Where the ciphers can only do with an RSA key, the certificate gets one.
        ``client_certificate`` demands a certificate which the authority has issued.

        Raises TlsSettingError for what is unknown, or not in the OpenSSL at hand.
        """
        settings = Settings(find_kind(kind).name, _read_versions(versions), ciphers, bool(client_certificate))
        if settings not in self._creators:
            self._creators[settings] = self._make_creator(settings)
        return self._creators[settings]

    def _make_creator(self, settings: Settings) -> ConnectionCreator:
        from fakesmtp.tls.connections import ConnectionCreator, make_context

        context = make_context(settings, self.certificates, tells_secrets=self.tells_secrets)
        return ConnectionCreator(context, self.tells_secrets)


def _read_versions(versions: Sequence[str]) -> frozenset[str]:
    names = (versions,) if isinstance(versions, str) else versions
    return frozenset(find_version(name) for name in names)
