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
from OpenSSL import SSL, crypto

from fakesmtp.tls import (
    KINDS,
    Authority,
    Certificates,
    Chain,
    Request,
    ServerContexts,
    TlsSettingError,
    UnknownWordError,
    find_kind,
)
from fakesmtp.tls.certificates import kind as register_kind
from fakesmtp.tls.issuing import sign_root
from fakesmtp.tls.revocation import sign_list

from .conftest import HOSTNAME
from .handshake import TIMEOUT, Handshake, make_careless_client, make_client, serve_once

VERDICTS = {
    "expired": 10,  # X509_V_ERR_CERT_HAS_EXPIRED
    "not-yet-valid": 9,  # X509_V_ERR_CERT_NOT_YET_VALID
    "self-signed": 18,  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
    "untrusted-root": 19,  # X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
    "wrong-host": 62,  # X509_V_ERR_HOSTNAME_MISMATCH
    "incomplete-chain": 20,  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    "ip-only": 62,
    "wildcard-too-deep": 62,
    "weak-key": 66,  # X509_V_ERR_EE_KEY_TOO_SMALL
    "sha1": 68,  # X509_V_ERR_CA_MD_TOO_WEAK
    "not-a-ca-issuer": 79,  # X509_V_ERR_INVALID_CA
    "wrong-purpose": 26,  # X509_V_ERR_INVALID_PURPOSE
}
"""What OpenSSL finds wrong with each kind that it refuses, whatever it is told to look at."""
PASSING = ("reversed-chain", "revoked", "no-common-name", "no-subject", "cn-only", "many-names", "sni-dependent")
"""Kinds that it takes: because they are in order, or because it must be told to look closer."""
HOSTS = ["localhost", HOSTNAME, "127.0.0.1", "::1"]
HOST_CHECKS = [("-verify_ip" if host[-1] == "1" else "-verify_hostname", host) for host in HOSTS]


def demanding_client(ca: bytes, *, strict: bool = False) -> ssl.SSLContext:
    """A client that takes 112 bits of security, whatever the system's default is."""
    client = make_client(ca, strict=strict)
    client.set_ciphers("DEFAULT@SECLEVEL=2")
    return client


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
    assert sorted(KINDS) == sorted(["valid", *VERDICTS, *PASSING, "key-mismatch"])


@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
@pytest.mark.parametrize("host", HOSTS)
def test_python_finds_valid_valid(contexts: ServerContexts, host: str, strict: bool) -> None:
    client = make_client(contexts.authority.pem, strict=strict)
    assert Handshake(contexts.creator("valid"), client, host).run().greet(b"220 hello\r\n") == b"220 hello\r\n"


@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
@pytest.mark.parametrize("kind", VERDICTS)
def test_python_gives_each_bad_kind_its_verdict(contexts: ServerContexts, kind: str, strict: bool) -> None:
    client = demanding_client(contexts.authority.pem, strict=strict)
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        Handshake(contexts.creator(kind), client).run()
    assert caught.value.verify_code == VERDICTS[kind]


@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_python_takes_what_is_no_fault_to_it(contexts: ServerContexts, kind: str, version: str, strict: bool) -> None:
    client = demanding_client(contexts.authority.pem, strict=strict)
    Handshake(contexts.creator(kind, versions=[version]), client).run().greet(b"220 hello\r\n")


@pytest.mark.parametrize("check", HOST_CHECKS)
def test_openssl_finds_valid_valid(
    contexts: ServerContexts, ca_file: Path, openssl: str, check: tuple[str, str]
) -> None:
    status, output = run_s_client(openssl, contexts, "valid", ca_file, "-x509_strict", *check)
    assert "verify error" not in output
    assert "Verification: OK" in output
    assert status == 0


@pytest.mark.parametrize("kind", VERDICTS)
def test_a_bad_kind_has_no_other_fault(contexts: ServerContexts, kind: str) -> None:
    """With the one thing put right that is wrong with it, strict verification passes."""
    chain = contexts.certificates.chain(kind)
    right_roots = {
        **dict.fromkeys(("self-signed", "incomplete-chain", "not-a-ca-issuer"), (chain.certificate,)),
        "untrusted-root": chain.extra,
    }
    right_days = {"expired": -60, "not-yet-valid": 400}
    store = crypto.X509Store()
    for root in right_roots.get(kind, (contexts.authority.certificate,)):
        store.add_cert(crypto.X509.from_cryptography(root))
    store.set_time(contexts.authority.created + timedelta(days=right_days.get(kind, 0)))
    store.set_flags(crypto.X509StoreFlags.X509_STRICT | crypto.X509StoreFlags.PARTIAL_CHAIN)
    crypto.X509StoreContext(store, crypto.X509.from_cryptography(chain.certificate)).verify_certificate()


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_signature_of_another_key_fails(contexts: ServerContexts, version: str) -> None:
    client = make_client(contexts.authority.pem)
    with pytest.raises(ssl.SSLError, match="BAD_SIGNATURE"):
        Handshake(contexts.creator("key-mismatch", versions=[version]), client).run()


def test_a_key_that_does_not_match_has_a_certificate_that_is_valid(contexts: ServerContexts) -> None:
    """It is the handshake that fails."""
    chain = contexts.certificates.chain("key-mismatch")
    assert chain.certificate.public_key() != chain.key.public_key()
    chain.certificate.verify_directly_issued_by(contexts.authority.certificate)
    server = contexts.creator("key-mismatch").serverConnectionForTLS(None)
    assert server.get_certificate(as_cryptography=True) == chain.certificate


def test_revoked_is_revoked_for_who_looks_at_the_list(contexts: ServerContexts) -> None:
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(contexts.authority.certificate))
    store.add_crl(x509.load_pem_x509_crl(sign_list(contexts.authority)))
    store.set_flags(crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.X509_STRICT)
    for kind, error in (("valid", 0), ("revoked", 23)):  # X509_V_ERR_CERT_REVOKED
        leaf = crypto.X509.from_cryptography(contexts.certificates.chain(kind).certificate)
        found = 0
        try:
            crypto.X509StoreContext(store, leaf).verify_certificate()
        except crypto.X509StoreContextError as wrong:
            found = wrong.errors[0]
        assert found == error


def test_a_common_name_alone_is_no_name_for_who_follows_rfc_9525(contexts: ServerContexts) -> None:
    client = make_client(contexts.authority.pem)
    client.hostname_checks_common_name = False
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        Handshake(contexts.creator("cn-only"), client).run()
    assert caught.value.verify_code == VERDICTS["wrong-host"]


@pytest.mark.parametrize("name", [None, "stranger.example.test", "wrong.host.example"])
def test_who_does_not_ask_for_the_server_sees_another_domain(contexts: ServerContexts, name: str | None) -> None:
    client = make_careless_client(oldest=ssl.TLSVersion.TLSv1_2, newest=ssl.TLSVersion.TLSv1_3)
    shown = Handshake(contexts.creator("sni-dependent"), client, name).run().client.getpeercert(binary_form=True)
    assert shown is not None
    names = x509.load_der_x509_certificate(shown).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["wrong.host.example"]


@pytest.mark.parametrize("name", ["localhost", HOSTNAME, HOSTNAME.upper()])
def test_who_asks_for_the_server_sees_its_certificate(contexts: ServerContexts, name: str) -> None:
    Handshake(contexts.creator("sni-dependent"), make_client(contexts.authority.pem), name).run()


def test_secrets_are_told_whichever_certificate_is_shown(authority: Authority) -> None:
    creator = ServerContexts(authority, HOSTNAME, tells_secrets=True).creator("sni-dependent")
    for name in ("localhost", "stranger.example.test"):
        listener = Listener()
        client = make_careless_client(oldest=ssl.TLSVersion.TLSv1_3, newest=ssl.TLSVersion.TLSv1_3)
        Handshake(creator, client, name, listener).run()
        assert any("SERVER_TRAFFIC_SECRET_0" in line for line in listener.lines)


class Listener:
    """A protocol that is told what decrypts its connection."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def key_log(self, line: str) -> None:
        self.lines.append(line)


def test_a_chain_is_reversed(contexts: ServerContexts) -> None:
    chain = contexts.certificates.chain("reversed-chain")
    upper, lower = chain.extra
    upper.verify_directly_issued_by(contexts.authority.certificate)
    lower.verify_directly_issued_by(upper)
    chain.certificate.verify_directly_issued_by(lower)


def test_an_incomplete_chain_is_of_one_certificate(contexts: ServerContexts) -> None:
    chain = contexts.certificates.chain("incomplete-chain")
    assert chain.extra == ()
    assert chain.issuer is not None
    assert chain.certificate.issuer == chain.issuer.certificate.subject != contexts.authority.certificate.subject
    chain.issuer.certificate.verify_directly_issued_by(contexts.authority.certificate)


def test_names_stand_where_the_kind_says(contexts: ServerContexts) -> None:
    chains = {
        kind: contexts.certificates.chain(kind) for kind in ("no-common-name", "no-subject", "ip-only", "cn-only")
    }
    assert chains["no-subject"].certificate.subject == x509.Name([])
    for kind in ("no-common-name", "ip-only"):
        assert not chains[kind].certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert alternative_names(chains["ip-only"]) == [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    assert alternative_names(chains["no-subject"])[:2] == [HOSTNAME, "localhost"]
    assert common_name(chains["cn-only"]) == "localhost"
    with pytest.raises(x509.ExtensionNotFound):
        alternative_names(chains["cn-only"])


def test_of_many_names_the_servers_are_the_last(contexts: ServerContexts) -> None:
    names = alternative_names(contexts.certificates.chain("many-names"))
    assert len(names) == 1004
    assert names[1000:] == alternative_names(contexts.certificates.chain())


@pytest.mark.parametrize(
    ("hostname", "wildcard", "covers"),
    [
        ("mx.site.example.test", "*.example.test", "mx.example.test"),
        ("mx.example.test", "*.test", None),
        ("example.test", "*.example.test", "mx.example.test"),
        ("localhost", "*.localhost", None),
        ("***", "*.localhost", None),
    ],
)
def test_a_wildcard_covers_another_depth_than_the_servers(
    authority: Authority, hostname: str, wildcard: str, covers: str | None
) -> None:
    contexts = ServerContexts(authority, hostname)
    assert alternative_names(contexts.certificates.chain("wildcard-too-deep")) == [wildcard]
    client = make_client(authority.pem)
    with pytest.raises(ssl.SSLCertVerificationError):
        Handshake(contexts.creator("wildcard-too-deep"), client, hostname.replace("***", "localhost")).run()
    if covers is not None:
        Handshake(contexts.creator("wildcard-too-deep"), client, covers).run()


def test_a_weak_key_is_weak_and_sha1_is_sha1(contexts: ServerContexts) -> None:
    key = contexts.certificates.chain("weak-key").key
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 1024
    algorithm = contexts.certificates.chain("sha1").certificate.signature_hash_algorithm
    assert algorithm is not None
    assert algorithm.name == "sha1"


def test_sha1_by_an_authority_with_an_rsa_key(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = Authority.create().created
    root = attrs.evolve(Authority.create(now), certificate=sign_root("own", key, now), key=key)  # type: ignore[arg-type]
    chain = Certificates(root, HOSTNAME).chain("sha1")
    assert chain.certificate.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSA_WITH_SHA1


def test_what_this_openssl_does_not_sign_is_said(contexts: ServerContexts, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise crypto.Error([("digital envelope routines", "", "invalid digest")])

    monkeypatch.setattr(crypto.X509, "sign", refuse)
    expected = (
        r"^OpenSSL \S+ cannot make the certificate 'sha1' \(Error: .*invalid digest.*\); choose another kind, or "
    )
    with pytest.raises(TlsSettingError, match=expected):
        contexts.creator("sha1")


def test_ciphers_that_cannot_do_with_the_kinds_key_are_refused(contexts: ServerContexts) -> None:
    ecdsa = "ECDHE-ECDSA-AES128-GCM-SHA256"
    expected = rf"^the certificate 'weak-key' has an RSA key, and the ciphers '{ecdsa}' need an elliptic-curve one; add"
    with pytest.raises(TlsSettingError, match=expected):
        contexts.creator("weak-key", ciphers=ecdsa)
    contexts.creator("weak-key", ciphers=f"{ecdsa}:TLS_AES_128_GCM_SHA256")
    contexts.creator("weak-key", ciphers=f"{ecdsa}:ECDHE-RSA-AES128-GCM-SHA256")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_made_for_ciphers_that_want_rsa(contexts: ServerContexts, kind: str) -> None:
    client = make_careless_client(oldest=ssl.TLSVersion.TLSv1_2, newest=ssl.TLSVersion.TLSv1_2)
    handshake = Handshake(contexts.creator(kind, ciphers="AES128-SHA"), client)
    if kind == "key-mismatch":
        with pytest.raises((ssl.SSLError, SSL.Error)):
            handshake.run()
    else:
        cipher = handshake.run().client.cipher()
        assert cipher is not None
        assert cipher[0] == "AES128-SHA"


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

    @register_kind("ancient")
    def make_ancient(request: Request) -> Chain:
        """its time was many years ago"""
        return attrs.evolve(request, first_day=-300, last_day=-299).issue()

    assert kinds["ancient"].meaning == "its time was many years ago"
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        Handshake(contexts.creator("ancient"), make_client(contexts.authority.pem)).run()
    assert caught.value.verify_code == VERDICTS["expired"]
