"""Names: a client that asks the scenario's name server, as dnspython and smtplib do together, and as dig does."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence

import dns.exception
import dns.name
import dns.resolver
import pytest

from tests.clients.model import HELO_NAME, Mail, installed
from tests.clients.running import run

from .serving import FAST, PATIENCE, UNHURRIED, Serve, Served, send


def resolver_of(server: Served, patience: float = PATIENCE) -> dns.resolver.Resolver:
    """A resolver that asks the scenario's name server and nobody else."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [server.ready["dns"]["host"]]
    resolver.port = server.ready["dns"]["port"]
    resolver.lifetime = resolver.timeout = patience
    return resolver


def addresses(server: Served, name: str, patience: float = PATIENCE) -> list[str]:
    """The addresses of a name. Raises what dnspython raises."""
    return [record.address for record in resolver_of(server, patience).resolve(name, "A")]


def exchanges(server: Served, domain: str) -> list[str]:
    """The hosts to try for a domain, in order (RFC 5321 5.1). Raises what dnspython raises."""
    records = sorted(resolver_of(server).resolve(domain, "MX"), key=lambda record: record.preference)
    return [record.exchange.to_text(omit_final_dot=True) for record in records]


def deliver_to(server: Served, hosts: Sequence[str]) -> str:
    """Deliver to the first host that can be connected to; its name. Raises ConnectionRefusedError if there is none."""
    for host in hosts:
        for address in addresses(server, host):
            try:
                client = smtplib.SMTP(address, server.port, HELO_NAME, PATIENCE)
            except ConnectionRefusedError:
                continue
            with client:
                client.sendmail("sender@example.test", ["recipient@example.test"], Mail().compose())
            return host
    raise ConnectionRefusedError(f"none of {hosts}")


def dig(server: Served, *words: str) -> str:
    """What dig shows."""
    door = server.ready["dns"]
    outcome = run([installed("dig"), f"@{door['host']}", "-p", str(door["port"]), "+tries=1", "+time=5", *words])
    return outcome.stdout


@pytest.mark.parametrize(
    ("scenario", "error", "shown"),
    [
        ("server-name-nodata", dns.resolver.NoAnswer, "status: NOERROR"),
        ("server-name-servfail", dns.resolver.NoNameservers, "status: SERVFAIL"),
    ],
)
def test_the_servers_name_does_not_resolve(serve: Serve, scenario: str, error: type[Exception], shown: str) -> None:
    server = serve(scenario)
    assert server.host == "mail.example.test"
    with pytest.raises(error):
        addresses(server, server.host)
    said = dig(server, server.host)
    assert shown in said and "ANSWER: 0" in said
    assert send(server, listener="smtp") == {}, "by the address it works"


def test_a_name_that_is_not_there_at_all(serve: Serve) -> None:
    server = serve("server-name-nodata")
    with pytest.raises(dns.resolver.NXDOMAIN):
        addresses(server, "mial.example.test")


def test_the_name_server_does_not_answer(serve: Serve) -> None:
    server = serve("server-name-unanswered")
    with pytest.raises(dns.exception.Timeout):
        addresses(server, server.host, patience=0.3)
    assert send(server, listener="smtp") == {}


def test_the_short_name_is_another_name(serve: Serve) -> None:
    server = serve("short-name-unknown")
    assert server.host == "mail"
    with pytest.raises(dns.resolver.NXDOMAIN):
        addresses(server, "mail.")
    assert deliver_to(server, ["mail.example.test"]) == "mail.example.test"
    resolver = resolver_of(server)
    resolver.domain = dns.name.from_text("example.test")
    assert resolver.resolve("mail", "A", search=True)[0].address == "127.0.0.1", "the resolver adds the domain"


def test_the_dns_is_out_of_date_for_a_minute(serve: Serve) -> None:
    server = serve("stale-dns")
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            deliver_to(server, [server.host])
    later = serve("stale-dns", speed=FAST, set=[UNHURRIED])
    assert addresses(later, later.host) == ["127.0.0.2"]
    assert deliver_to(later, [later.host]) == later.host
    assert "mail.example.test.\t60\tIN\tA\t127.0.0.1" in dig(later, later.host)


def test_the_second_exchange_takes_the_mail(serve: Serve) -> None:
    server = serve("mx-failover")
    assert exchanges(server, "example.test") == ["mx1.example.test", "mx2.example.test"]
    with pytest.raises(ConnectionRefusedError):
        deliver_to(server, exchanges(server, "example.test")[:1])
    assert deliver_to(server, exchanges(server, "example.test")) == "mx2.example.test"
    assert "10 mx1.example.test." in dig(server, "+short", "MX", "example.test")


def test_the_certificate_is_the_exchanges(serve: Serve) -> None:
    server = serve("mx-failover")
    command = [installed("curl"), "--disable", "--silent", "--show-error", "--max-time", "6", "--ssl-reqd"]
    command += ["--cacert", str(server.ca), "--mail-from", "a@example.test", "--mail-rcpt", "b@example.test"]

    def deliver(host: str) -> int:
        """By the host's name in the certificate, at the address that the DNS gives for it."""
        address = addresses(server, host)[0] if host.startswith("mx2") else "127.0.0.1"
        at = ["--resolve", f"{host}:{server.port}:{address}"]
        url = f"smtp://{host}:{server.port}/{HELO_NAME}"
        return run([*command, *at, "--upload-file", "-", url], Mail().compose()).status

    assert deliver("mx2.example.test") == 0
    assert deliver("example.test") == 60


@pytest.mark.parametrize(
    ("scenario", "shown"), [("mx-points-elsewhere", "10 old-mx.example.test."), ("mx-missing", "")]
)
def test_mail_for_the_domain_never_comes(serve: Serve, scenario: str, shown: str) -> None:
    server = serve(scenario)
    assert dig(server, "+short", "MX", "example.test").strip() == shown
    with pytest.raises((ConnectionRefusedError, dns.resolver.NoAnswer)):
        deliver_to(server, exchanges(server, "example.test"))
    with pytest.raises((ConnectionRefusedError, dns.resolver.NoAnswer)):
        deliver_to(server, ["old-mx.example.test"] if shown else ["example.test"])
    assert "connected" not in [entry.kind for entry in server.since(0, 0)], "the server sees nothing at all"


def test_mail_for_another_domain_comes(serve: Serve) -> None:
    server = serve("mx-points-elsewhere")
    assert deliver_to(server, exchanges(server, "elsewhere.example")) == "mx.example.test"
    assert len(server.messages()) == 1


def test_the_address_is_told_over_tcp_only(serve: Serve) -> None:
    server = serve("dns-truncated")
    assert "flags: qr aa tc" in dig(server, "+ignore", server.host)
    assert "127.0.0.1" in dig(server, "+short", server.host)
    assert deliver_to(server, [server.host]) == server.host


def test_dig_is_told_of_the_block_list(serve: Serve) -> None:
    listed, unlisted = serve("dnsbl-listed"), serve("dnsbl-not-listed")
    name = "1.0.0.127.dnsbl.example"
    assert dig(listed, "+short", name).strip() == "127.0.0.2"
    assert "see https://dnsbl.example/" in dig(listed, "+short", "TXT", name)
    assert "status: NXDOMAIN" in dig(unlisted, name)
