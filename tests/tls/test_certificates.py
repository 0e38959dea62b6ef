from __future__ import annotations

import ipaddress
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import crypto

from fakesmtp.tls import KINDS, Authority, Certificates, Chain, Request, ServerContexts, UnknownWordError, find_kind
from fakesmtp.tls.certificates import kind as register_kind

from .conftest import HOSTNAME
from .handshake import TIMEOUT, Handshake, make_client, serve_once

VERDICTS = {
    "expired": 10,  # X509_V_ERR_CERT_HAS_EXPIRED
    "not-yet-valid": 9,  # X509_V_ERR_CERT_NOT_YET_VALID
    "self-signed": 18,  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
    "untrusted-root": 19,  # X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
    "wrong-host": 62,  # X509_V_ERR_HOSTNAME_MISMATCH
}
HOSTS = ["localhost", HOSTNAME, "127.0.0.1", "::1"]
HOST_CHECKS = [("-verify_ip" if host[-1] == "1" else "-verify_hostname", host) for host in HOSTS]


def run_s_client(openssl: str, contexts: ServerContexts, kind: str, ca_file: Path, *options: str) -> tuple[int, str]:
    with serve_once(contexts.creator(kind)) as port:
        command = [openssl, "s_client", "-brief", "-connect", f"127.0.0.1:{port}", "-CAfile", str(ca_file)]
        run = subprocess.run(
            [*command, "-verify_return_error", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            check=False,
        )
    return run.returncode, run.stdout.decode()


def common_name(chain: Chain) -> object:
    return chain.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def alternative_names(chain: Chain) -> list[object]:
    names = chain.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [name.value for name in names]


def usages(chain: Chain) -> list[x509.ObjectIdentifier]:
    return list(chain.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_every_kind_but_valid_has_a_verdict() -> None:
    assert KINDS.keys() == {"valid", *VERDICTS}


@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
@pytest.mark.parametrize("host", HOSTS)
def test_python_finds_valid_valid(contexts: ServerContexts, host: str, strict: bool) -> None:
    client = make_client(contexts.authority.pem, strict=strict)
    assert Handshake(contexts.creator("valid"), client, host).run().greet(b"220 hello\r\n") == b"220 hello\r\n"


@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
@pytest.mark.parametrize("kind", VERDICTS)
def test_python_gives_each_bad_kind_its_verdict(contexts: ServerContexts, kind: str, strict: bool) -> None:
    client = make_client(contexts.authority.pem, strict=strict)
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        Handshake(contexts.creator(kind), client).run()
    assert caught.value.verify_code == VERDICTS[kind]


@pytest.mark.parametrize("check", HOST_CHECKS)
def test_openssl_finds_valid_valid(
    contexts: ServerContexts, ca_file: Path, openssl: str, check: tuple[str, str]
) -> None:
    status, output = run_s_client(openssl, contexts, "valid", ca_file, "-x509_strict", *check)
    assert "verify error" not in output
    assert "Verification: OK" in output
    assert status == 0


@pytest.mark.parametrize("kind", VERDICTS)
def test_openssl_gives_each_bad_kind_its_verdict(
    contexts: ServerContexts, ca_file: Path, openssl: str, kind: str
) -> None:
    status, output = run_s_client(openssl, contexts, kind, ca_file, "-verify_hostname", "localhost")
    assert f"verify error:num={VERDICTS[kind]}:" in output
    assert status != 0


@pytest.mark.parametrize("kind", VERDICTS)
def test_a_bad_kind_has_no_other_fault(contexts: ServerContexts, kind: str) -> None:
    """With the one thing put right that is wrong with it, strict verification passes."""
    chain = contexts.certificates.chain(kind)
    right_roots = {"self-signed": (chain.certificate,), "untrusted-root": chain.extra}
    right_days = {"expired": -60, "not-yet-valid": 400}
    store = crypto.X509Store()
    for root in right_roots.get(kind, (contexts.authority.certificate,)):
        store.add_cert(crypto.X509.from_cryptography(root))
    store.set_time(contexts.authority.created + timedelta(days=right_days.get(kind, 0)))
    store.set_flags(crypto.X509StoreFlags.X509_STRICT | crypto.X509StoreFlags.PARTIAL_CHAIN)
    crypto.X509StoreContext(store, crypto.X509.from_cryptography(chain.certificate)).verify_certificate()


def test_cryptography_finds_valid_valid(contexts: ServerContexts) -> None:
    builder = verification.PolicyBuilder().store(verification.Store([contexts.authority.certificate]))
    leaf = contexts.certificates.chain().certificate
    assert builder.build_server_verifier(x509.DNSName(HOSTNAME)).verify(leaf, [])[0] == leaf


def test_valid_carries_the_servers_names_and_the_loopback_ones(contexts: ServerContexts) -> None:
    chain = contexts.certificates.chain()
    loopback = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    assert common_name(chain) == HOSTNAME
    assert alternative_names(chain) == [HOSTNAME, "localhost", *loopback]
    assert usages(chain) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_aliases_are_names_too(authority: Authority) -> None:
    chain = Certificates(authority, HOSTNAME, ["mail.example.test", "192.0.2.7", "localhost"]).chain()
    names = alternative_names(chain)
    assert names[:4] == [HOSTNAME, "localhost", "mail.example.test", ipaddress.ip_address("192.0.2.7")]
    assert len(names) == len(set(names)) == 6


@pytest.mark.parametrize(
    ("hostname", "name"),
    [
        ("bücher.example.test", "xn--bcher-kva.example.test"),
        ("mx.example.test.", "mx.example.test"),
        ("[192.0.2.7]", ipaddress.ip_address("192.0.2.7")),
        ("under_score.example.test", "under_score.example.test"),
    ],
)
def test_a_hostname_stands_in_the_certificate_as_clients_compare_it(
    authority: Authority, hostname: str, name: object
) -> None:
    chain = Certificates(authority, hostname).chain()
    assert alternative_names(chain)[0] == name
    assert common_name(chain) == str(name)


@pytest.mark.parametrize("hostname", ["", "a b", "***", "a..b", "mx\r\n", "x\0y", "x" * 300, "日" * 80])
def test_a_malformed_hostname_is_left_out(authority: Authority, hostname: str) -> None:
    chain = Certificates(authority, hostname).chain()
    assert common_name(chain) == "localhost"
    assert alternative_names(chain)[0] == "localhost"
    client = make_client(authority.pem, strict=True)
    Handshake(ServerContexts(authority, hostname).creator(), client).run()


def test_a_name_too_long_for_the_common_name_is_still_a_name(authority: Authority) -> None:
    hostname = "very-long-label." * 5 + "example.test"
    chain = Certificates(authority, hostname).chain()
    assert common_name(chain) == "localhost"
    assert alternative_names(chain)[0] == hostname


def test_wrong_host_has_none_of_the_servers_names(contexts: ServerContexts) -> None:
    chain = contexts.certificates.chain("wrong-host")
    assert alternative_names(chain) == ["wrong.host.example"]
    assert common_name(chain) == "wrong.host.example"


def test_the_untrusted_root_is_another_one_and_is_sent(contexts: ServerContexts) -> None:
    chain = contexts.certificates.chain("untrusted-root")
    (root,) = chain.extra
    assert root.subject != contexts.authority.certificate.subject
    chain.certificate.verify_directly_issued_by(root)


def test_certificates_are_kept(contexts: ServerContexts) -> None:
    certificates = contexts.certificates
    assert certificates.chain("expired") is certificates.chain("expired")
    assert certificates.chain("expired") is not certificates.chain("valid")


def test_a_certificate_has_the_key_type_that_is_asked_for(contexts: ServerContexts) -> None:
    assert isinstance(contexts.certificates.chain().key, ec.EllipticCurvePrivateKey)
    rsa_chain = contexts.certificates.chain("valid", "rsa")
    assert isinstance(rsa_chain.key, rsa.RSAPrivateKey)
    assert rsa_chain.certificate.public_key() == rsa_chain.key.public_key()


def test_keys_are_not_shown(contexts: ServerContexts) -> None:
    assert "PrivateKey" not in repr(contexts.certificates.chain())
    assert "PrivateKey" not in repr(contexts)


@pytest.mark.parametrize(
    ("written", "meant"), [("expird", "expired"), ("Valid", "valid"), ("selfsigned", "self-signed")]
)
def test_an_unknown_kind_suggests_the_nearest(written: str, meant: str) -> None:
    with pytest.raises(UnknownWordError) as caught:
        find_kind(written)
    assert caught.value.suggestion == meant
    assert str(caught.value) == f"unknown certificate kind {written!r}; did you mean {meant!r}?"


def test_a_kind_unlike_any_other_lists_them_all(contexts: ServerContexts) -> None:
    with pytest.raises(
        UnknownWordError, match="unknown certificate kind '42'; known: valid, expired, not-yet-valid, self-"
    ):
        contexts.creator("42")


def test_every_kind_says_in_one_line_what_it_means() -> None:
    for name, entry in KINDS.items():
        assert entry.name == name
        assert 10 < len(entry.meaning) < 90


def test_a_further_kind_is_one_function(contexts: ServerContexts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fakesmtp.tls.certificates.KINDS", kinds := dict(KINDS))

    @register_kind("bad-purpose")
    def make_bad_purpose(request: Request) -> Chain:
        """for clients only"""
        return attrs.evolve(request, purpose="client").issue()

    assert kinds["bad-purpose"].meaning == "for clients only"
    assert usages(contexts.certificates.chain("bad-purpose")) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        Handshake(contexts.creator("bad-purpose"), make_client(contexts.authority.pem)).run()
    assert caught.value.verify_code == 26  # X509_V_ERR_INVALID_PURPOSE
