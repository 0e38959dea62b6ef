"""The run's own test authority, every bad certificate, and the server's TLS contexts.

Importing this package is cheap: keys, certificates and OpenSSL come when they are first used.
"""

from fakesmtp.tls.authority import Authority
from fakesmtp.tls.certificates import KINDS, Certificates, Chain, Kind, Request, find_kind
from fakesmtp.tls.contexts import VERSIONS, ServerContexts, find_version
from fakesmtp.tls.errors import TlsSettingError, UnknownWordError

__all__ = [
    "KINDS",
    "VERSIONS",
    "Authority",
    "Certificates",
    "Chain",
    "Kind",
    "Request",
    "ServerContexts",
    "TlsSettingError",
    "UnknownWordError",
    "find_kind",
    "find_version",
]
