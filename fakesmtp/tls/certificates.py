"""The kinds of certificate that the server can show, in badssl.com's words.

A kind is one function below with ``@kind``: the first line of its docstring is the meaning that
``fakesmtp vocabulary`` prints, and it turns a ``Request`` (a valid certificate, not yet signed) into a ``Chain``,
usually by changing one thing in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal

import attrs

from fakesmtp.tls.authority import Authority
from fakesmtp.tls.errors import TlsSettingError, UnknownWordError

if TYPE_CHECKING:
    from cryptography import x509

    from fakesmtp.tls.issuing import PrivateKey

KeyType = Literal["p256", "rsa", "weak"]
Purpose = Literal["server", "client"]
Subject = Literal["common-name", "organization", "empty"]

_MANY: Final = 1000
_ELSEWHERE: Final = ("wrong.host.example",)


@attrs.frozen
class Chain:
    """What the server presents: its certificate, a key, and the certificates that are sent after it.

    The key is the certificate's, but for the kind whose fault it is that it is not. ``issuer``, where somebody has
    issued the certificate, is who says of it that it is good or revoked (OCSP). Where there is a chain ``unasked``, it
    is shown in place of this one to a client that does not ask for one of this certificate's names (SNI).
    """

    certificate: x509.Certificate
    key: PrivateKey = attrs.field(repr=False)
    extra: tuple[x509.Certificate, ...] = ()
    issuer: Authority | None = None
    unasked: Chain | None = None


@attrs.frozen(kw_only=True)
class Request:
    """A certificate to be signed by ``authority``; with the defaults, a valid one.

    ``names`` are the host names and addresses that it is for, the first of them its common name; it is valid from
    ``first_day`` to ``last_day``, in days from the authority's creation. The 397 days of the default are what Apple's
    clients still take. ``subject`` says what stands in its place: a common name, an organization, or nothing; and
    ``alternative_names`` whether the names stand where they belong.
    """

    authority: Authority
    names: tuple[str, ...]
    first_day: int = -30
    last_day: int = 367
    key_type: KeyType = "p256"
    purpose: Purpose = "server"
    subject: Subject = "common-name"
    alternative_names: bool = True
    serial_number: int | None = None

    def issue(self, *, self_signed: bool = False, extra: tuple[x509.Certificate, ...] = ()) -> Chain:
        """Make a key, sign, and return the chain, with ``extra`` sent after the certificate."""
        from fakesmtp.tls import issuing

        key = issuing.KEY_MAKERS[self.key_type]()
        certificate = issuing.sign_leaf(self, key, self_signed=self_signed)
        return Chain(certificate, key, extra, None if self_signed else self.authority)


@attrs.frozen
class Kind:
    """A kind of certificate: its ``name``, its ``meaning`` in one line, and how it is made."""

    name: str
    meaning: str
    make: Callable[[Request], Chain] = attrs.field(repr=False)


KINDS: Final[dict[str, Kind]] = {}


def kind(name: str) -> Callable[[Callable[[Request], Chain]], Callable[[Request], Chain]]:
    """Register the decorated function as the kind of that name; its docstring's first line is the meaning."""

    def register(make: Callable[[Request], Chain]) -> Callable[[Request], Chain]:
        meaning = (make.__doc__ or "").partition("\n")[0].strip()
        KINDS[name] = Kind(name, meaning, make)
        return make

    return register


def find_kind(name: str) -> Kind:
    """Return the kind of that name. Raises UnknownWordError, with the nearest name."""
    try:
        return KINDS[name]
    except (KeyError, TypeError):
        raise UnknownWordError("certificate kind", name, KINDS) from None


@attrs.define
class Certificates:
    """The certificates of one server, made when they are first asked for, and kept.

    They are for ``hostname``, ``localhost``, both loopback addresses, and ``aliases``: whatever else clients connect
    to. ``localhost`` is there because several real clients match no address in a certificate.
    """

    authority: Authority
    hostname: str
    aliases: Sequence[str] = ()
    _made: dict[tuple[str, KeyType], Chain] = attrs.field(factory=dict, init=False, repr=False)

    def chain(self, name: str = "valid", key_type: KeyType = "p256") -> Chain:
        """Return the chain of that kind.

        Raises UnknownWordError, and TlsSettingError where the OpenSSL at hand cannot make it.
        """
        wanted = (find_kind(name).name, key_type)
        if wanted not in self._made:
            self._made[wanted] = self._make(name, key_type)
        return self._made[wanted]

    def _make(self, name: str, key_type: KeyType) -> Chain:
        from cryptography.exceptions import InternalError, UnsupportedAlgorithm
        from OpenSSL.crypto import Error

        try:
            return KINDS[name].make(self.request(key_type))
        except (ValueError, InternalError, UnsupportedAlgorithm, Error) as error:
            from fakesmtp.tls.ciphers import openssl_name

            why = f"{type(error).__name__}: {error}"
            raise TlsSettingError(
                f"{openssl_name()} cannot make the certificate {name!r} ({why}); choose another kind, or run fakesmtp"
                " where OpenSSL is not confined to strong algorithms (FIPS)"
            ) from error

    def request(self, key_type: KeyType = "p256") -> Request:
        """Return a request for a valid certificate of this server."""
        names = (self.hostname, "localhost", *self.aliases, "127.0.0.1", "::1")
        return Request(authority=self.authority, names=names, key_type=key_type)


@kind("valid")
def make_valid(request: Request) -> Chain:
    """issued by the test authority for the server's name, localhost, 127.0.0.1 and ::1"""
    return request.issue()


@kind("expired")
def make_expired(request: Request) -> Chain:
    """as valid, but its time was over a month ago"""
    return attrs.evolve(request, first_day=-120, last_day=-30).issue()


@kind("not-yet-valid")
def make_not_yet_valid(request: Request) -> Chain:
    """as valid, but its time begins in a year"""
    return attrs.evolve(request, first_day=365, last_day=365 + 397).issue()


@kind("self-signed")
def make_self_signed(request: Request) -> Chain:
    """signed by nobody but itself"""
    return request.issue(self_signed=True)


@kind("untrusted-root")
def make_untrusted_root(request: Request) -> Chain:
    """issued by a root that no client has been given; that root is sent along"""
    stranger = Authority.create(request.authority.created, name="fakesmtp untrusted root")
    return attrs.evolve(request, authority=stranger).issue(extra=(stranger.certificate,))


@kind("wrong-host")
def make_wrong_host(request: Request) -> Chain:
    """as valid, but for another host, wrong.host.example"""
    return attrs.evolve(request, names=_ELSEWHERE).issue()


@kind("incomplete-chain")
def make_incomplete_chain(request: Request) -> Chain:
    """issued by an intermediate authority, which is not sent along"""
    between = request.authority.delegate("fakesmtp intermediate")
    return attrs.evolve(request, authority=between).issue()


@kind("reversed-chain")
def make_reversed_chain(request: Request) -> Chain:
    """issued by the second of two intermediate authorities, which come in the wrong order"""
    upper = request.authority.delegate("fakesmtp upper intermediate")
    lower = upper.delegate("fakesmtp lower intermediate")
    return attrs.evolve(request, authority=lower).issue(extra=(upper.certificate, lower.certificate))


@kind("revoked")
def make_revoked(request: Request) -> Chain:
    """as valid, but revoked: by ca.crl.pem beside ca.pem, and by the stapled OCSP response"""
    from fakesmtp.tls.revocation import revoked_serial

    use = f"{request.names[0]} {request.key_type}"
    return attrs.evolve(request, serial_number=revoked_serial(request.authority, use)).issue()


@kind("no-common-name")
def make_no_common_name(request: Request) -> Chain:
    """as valid, with no common name in its subject; a correct client takes it"""
    return attrs.evolve(request, subject="organization").issue()


@kind("no-subject")
def make_no_subject(request: Request) -> Chain:
    """as valid, with an empty subject; a correct client takes it"""
    return attrs.evolve(request, subject="empty").issue()


@kind("ip-only")
def make_ip_only(request: Request) -> Chain:
    """as valid, but for the addresses alone: who connects to a name must refuse it"""
    from fakesmtp.tls.issuing import addresses

    return attrs.evolve(request, names=addresses(request.names), subject="organization").issue()


@kind("cn-only")
def make_cn_only(request: Request) -> Chain:
    """for localhost, which stands as the common name alone, as before 2000"""
    return attrs.evolve(request, names=("localhost",), alternative_names=False).issue()


@kind("wildcard-too-deep")
def make_wildcard_too_deep(request: Request) -> Chain:
    """for a wildcard that would have to stand for two labels of the server's name"""
    from fakesmtp.tls.issuing import host_names

    labels = host_names(request.names)[0].split(".")
    return attrs.evolve(request, names=(".".join(["*", *(labels[2:] or labels)]),)).issue()


@kind("many-names")
def make_many_names(request: Request) -> Chain:
    """as valid, behind a thousand other names, 25 KB in all; a correct client takes it"""
    others = tuple(f"host{number:04}.example.test" for number in range(1, _MANY + 1))
    return attrs.evolve(request, names=(*others, *request.names)).issue()


@kind("weak-key")
def make_weak_key(request: Request) -> Chain:
    """as valid, but with an RSA key of 1024 bits"""
    return attrs.evolve(request, key_type="weak").issue()


@kind("sha1")
def make_sha1(request: Request) -> Chain:
    """as valid, but signed with SHA-1"""
    from fakesmtp.tls.issuing import sign_with_sha1

    chain = request.issue()
    return attrs.evolve(chain, certificate=sign_with_sha1(chain.certificate, request.authority))


@kind("not-a-ca-issuer")
def make_not_a_ca_issuer(request: Request) -> Chain:
    """issued with the key of a server's certificate, which is no authority's and is sent along"""
    server = attrs.evolve(request, names=("not-a-ca.example.test",), key_type="p256").issue()
    posing = Authority(server.certificate, server.key, request.authority.created)
    return attrs.evolve(request, authority=posing).issue(extra=(server.certificate,))


@kind("wrong-purpose")
def make_wrong_purpose(request: Request) -> Chain:
    """as valid, but for clients to show (extended key usage)"""
    return attrs.evolve(request, purpose="client").issue()


@kind("key-mismatch")
def make_key_mismatch(request: Request) -> Chain:
    """as valid, but the server has the key of another certificate"""
    return attrs.evolve(request.issue(), key=request.issue().key)


@kind("sni-dependent")
def make_sni_dependent(request: Request) -> Chain:
    """valid for who asks for one of its names (SNI), wrong-host for everybody else"""
    return attrs.evolve(request.issue(), unasked=make_wrong_host(request))
