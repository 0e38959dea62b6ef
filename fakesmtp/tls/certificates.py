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
from fakesmtp.tls.errors import UnknownWordError

if TYPE_CHECKING:
    from cryptography import x509

    from fakesmtp.tls.issuing import PrivateKey

KeyType = Literal["p256", "rsa"]
Purpose = Literal["server", "client"]


@attrs.frozen
class Chain:
    """What the server presents: its certificate, the key to it, and the certificates that are sent after it."""

    certificate: x509.Certificate
    key: PrivateKey = attrs.field(repr=False)
    extra: tuple[x509.Certificate, ...] = ()


@attrs.frozen(kw_only=True)
class Request:
    """A certificate to be signed by ``authority``; with the defaults, a valid one.

    ``names`` are the host names and addresses that it is for, the first of them its common name; it is valid from
    ``first_day`` to ``last_day``, in days from the authority's creation. The 397 days of the default are what Apple's
    clients still take.
    """

    authority: Authority
    names: tuple[str, ...]
    first_day: int = -30
    last_day: int = 367
    key_type: KeyType = "p256"
    purpose: Purpose = "server"

    def issue(self, *, self_signed: bool = False, extra: tuple[x509.Certificate, ...] = ()) -> Chain:
        """Make a key, sign, and return the chain, with ``extra`` sent after the certificate."""
        from fakesmtp.tls import issuing

        key = issuing.KEY_MAKERS[self.key_type]()
        return Chain(issuing.sign_leaf(self, key, self_signed=self_signed), key, extra)


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
        """Return the chain of that kind. Raises UnknownWordError."""
        wanted = (find_kind(name).name, key_type)
        if wanted not in self._made:
            self._made[wanted] = KINDS[name].make(self.request(key_type))
        return self._made[wanted]

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
    return attrs.evolve(request, names=("wrong.host.example",)).issue()
