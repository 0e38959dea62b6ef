"""Who may ask: no page of another site, nobody by another name, and elsewhere than on loopback only with the token.

A browser lets any page send requests to loopback. Three things give such a page away: ``Origin`` and
``Sec-Fetch-Site``, which pages cannot set, and ``Host``, which is the page's own name where it has let that name
resolve to loopback (DNS rebinding). With a token no page can ask anyway; then ``Host`` may be any name of this machine.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

import attrs

from fakesmtp.journal.addresses import join_address
from fakesmtp.server.control.problem import Problem

Headers = Mapping[str, Sequence[str]]


@attrs.frozen
class Guard:
    """Checks each request's headers. :param token: what must be shown; ``None`` where nothing need be."""

    host: str
    port: int
    token: str | None = attrs.field(default=None, repr=False)

    def check(self, headers: Headers, *, is_public: bool) -> None:
        """Let the request pass. :raises Problem: 400, 401, 403 or 421."""
        host = self._check_host(headers)
        _check_site(headers, host)
        if self.token is not None and not is_public:
            self._check_token(headers, self.token)

    def _check_host(self, headers: Headers) -> str:
        named = headers.get("host", ())
        if len(named) != 1:
            raise Problem(400, "a request has one Host header")
        host = named[0].strip().lower()
        if self.token is None and host not in self._names():
            told = join_address(self.host, self.port)
            raise Problem(421, f"this is not {host[:100]!r}; ask http://{told}/")
        return host

    def _names(self) -> set[str]:
        hosts = {self.host, "localhost", "127.0.0.1", "::1"}
        names = {join_address(host, self.port) for host in hosts}
        return names | {name.rpartition(":")[0] for name in names} if self.port == 80 else names

    def _check_token(self, headers: Headers, token: str) -> None:
        given = headers.get("authorization", ())
        scheme, _, shown = given[0].strip().partition(" ") if len(given) == 1 else ("", "", "")
        # Both are compared as octets, in a time that does not tell how much of them is right.
        right = hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), token.encode("utf-8"))
        if scheme.lower() != "bearer" or not right:
            told = "this needs the token of the control interface; send Authorization: Bearer TOKEN"
            raise Problem(401, told, headers={"WWW-Authenticate": 'Bearer realm="fakesmtp"'})


def _check_site(headers: Headers, host: str) -> None:
    if any(site.strip().lower() not in ("same-origin", "none") for site in headers.get("sec-fetch-site", ())):
        raise Problem(403, "a page of another site asks; only this server's own page may")
    for origin in headers.get("origin", ()):
        if origin.strip().lower() not in (f"http://{host}", f"https://{host}"):
            raise Problem(403, f"a page of {origin[:100]!r} asks; only this server's own page may")
