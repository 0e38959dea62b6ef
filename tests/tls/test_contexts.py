from __future__ import annotations

import ssl
from pathlib import Path

import attrs
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator

from fakesmtp.tls import VERSIONS, Authority, Chain, ServerContexts, TlsSettingError, UnknownWordError, find_version
from fakesmtp.tls.connections import server_name

from .handshake import Handshake, make_careless_client, make_client

CLIENT_VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")


def careless_client(oldest: str = "TLSv1", newest: str = "TLSv1.3") -> ssl.SSLContext:
    return make_careless_client(oldest=CLIENT_VERSIONS[oldest], newest=CLIENT_VERSIONS[newest])


def negotiate(contexts: ServerContexts, client: ssl.SSLContext, **settings: object) -> tuple[str | None, str]:
    """Shake hands and return the version and the cipher suite."""
    end = Handshake(contexts.creator(**settings), client).run().client  # type: ignore[arg-type]
    cipher = end.cipher()
    assert cipher is not None
    return end.version(), cipher[0]


def test_the_creator_is_what_twisted_asks_for(contexts: ServerContexts) -> None:
    assert IOpenSSLServerConnectionCreator.providedBy(contexts.creator())


def test_the_same_settings_share_a_context(contexts: ServerContexts) -> None:
    creator = contexts.creator(versions=["TLSv1.2", "TLSv1.3"])
    assert creator is contexts.creator("valid", ("TLSv1.3", "TLSv1.2"))
    first, second = creator.serverConnectionForTLS(None), creator.serverConnectionForTLS(None)
    assert first is not second
    assert first.get_context() is second.get_context()


def test_other_settings_have_other_contexts(contexts: ServerContexts) -> None:
    creators = [
        contexts.creator(),
        contexts.creator("expired"),
        contexts.creator(versions=["TLSv1.2"]),
        contexts.creator(ciphers="HIGH"),
        contexts.creator(client_certificate=True),
    ]
    assert len({id(creator.context) for creator in creators}) == len(creators)


def test_connections_give_their_buffers_back_and_sessions_are_not_kept(contexts: ServerContexts) -> None:
    context = contexts.creator().context
    assert context.set_mode(0) & SSL.MODE_RELEASE_BUFFERS
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_OFF


def test_hybrid_key_exchange_is_left_out(contexts: ServerContexts) -> None:
    """Its keys take 8 KiB of every connection."""
    server, client = contexts.creator().serverConnectionForTLS(None), SSL.Connection(SSL.Context(SSL.TLS_METHOD))
    server.set_accept_state()
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    server.bio_write(client.bio_read(65536))
    with pytest.raises(SSL.WantReadError):
        server.do_handshake()
    assert server.get_group_name() == "x25519"


class NoChoiceOfGroups:
    """A pyOpenSSL that cannot choose them."""


class RefusedGroups:
    """An OpenSSL that does not have them all."""

    @staticmethod
    def SSL_CTX_set1_curves_list(context: object, groups: bytes) -> int:
        return 0

    @staticmethod
    def ERR_clear_error() -> None:
        pass


@pytest.mark.parametrize("lib", [NoChoiceOfGroups, RefusedGroups])
def test_without_a_choice_of_groups_connections_are_still_served(
    contexts: ServerContexts, monkeypatch: pytest.MonkeyPatch, lib: type
) -> None:
    monkeypatch.setattr("fakesmtp.tls.connections._LIB", lib)
    assert negotiate(contexts, make_client(contexts.authority.pem))[0] == "TLSv1.3"


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_session_is_not_resumed(contexts: ServerContexts, version: str) -> None:
    creator, client = contexts.creator(versions=[version]), make_client(contexts.authority.pem)
    first = Handshake(creator, client).run()
    first.greet(b"220 hello\r\n")
    second = Handshake(creator, client)
    second.client.session = first.client.session
    assert not second.run().client.session_reused


@pytest.mark.parametrize("version", VERSIONS)
def test_a_single_version_is_served_to_a_client_that_takes_any(contexts: ServerContexts, version: str) -> None:
    assert negotiate(contexts, careless_client(), versions=[version])[0] == version


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1"])
def test_old_versions_are_refused_by_default(contexts: ServerContexts, version: str) -> None:
    with pytest.raises(SSL.Error, match="unsupported protocol"):
        negotiate(contexts, careless_client(version, version))


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_new_versions_are_served_by_default(contexts: ServerContexts, version: str) -> None:
    assert negotiate(contexts, careless_client(version, version))[0] == version


def test_a_gap_between_versions_is_kept(contexts: ServerContexts) -> None:
    versions = ["TLSv1.1", "TLSv1.3"]
    assert negotiate(contexts, careless_client("TLSv1.2", "TLSv1.3"), versions=versions)[0] == "TLSv1.3"
    assert negotiate(contexts, careless_client("TLSv1", "TLSv1.1"), versions=versions)[0] == "TLSv1.1"
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        negotiate(contexts, careless_client("TLSv1.2", "TLSv1.2"), versions=versions)


def test_one_version_may_be_written_without_a_list(contexts: ServerContexts) -> None:
    assert contexts.creator(versions="tlsv1.3") is contexts.creator(versions=["TLSv1.3"])


@pytest.mark.parametrize(("written", "meant"), [("TLSv1.0", "TLSv1"), ("tlsv1.2", "TLSv1.2"), ("TLSv1", "TLSv1")])
def test_versions_are_known_by_openssls_names(written: str, meant: str) -> None:
    assert find_version(written) == meant


def test_an_unknown_version_suggests_the_nearest(contexts: ServerContexts) -> None:
    with pytest.raises(UnknownWordError, match=r"unknown TLS version 'TLS1\.3'; did you mean 'TLSv1\.3'\?"):
        contexts.creator(versions=["TLSv1.2", "TLS1.3"])
    with pytest.raises(
        UnknownWordError, match=r"unknown TLS version 'SSLv3'; known: TLSv1, TLSv1\.1, TLSv1\.2, TLSv1\.3$"
    ):
        contexts.creator(versions=["SSLv3"])


def test_a_version_that_is_a_number_is_unknown() -> None:
    with pytest.raises(UnknownWordError, match=r"unknown TLS version '1\.2'; did you mean 'TLSv1\.2'\?"):
        find_version(1.2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ciphers", "negotiated"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")),
        ("TLS_AES_128_GCM_SHA256", ("TLSv1.3", "TLS_AES_128_GCM_SHA256")),
        ("HIGH:TLS_CHACHA20_POLY1305_SHA256", ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256")),
        ("ECDHE-RSA-AES256-GCM-SHA384", ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")),
        ("AES128-SHA", ("TLSv1.2", "AES128-SHA")),
        ("DHE-RSA-AES128-SHA", ("TLSv1.2", "DHE-RSA-AES128-SHA")),
        ("NULL-SHA256", ("TLSv1.2", "NULL-SHA256")),
        ("AECDH-AES128-SHA", ("TLSv1.2", "AECDH-AES128-SHA")),
        ("AES256-SHA, AES128-SHA", ("TLSv1.2", "AES256-SHA")),
        ("ALL:!ECDSA:!aNULL:-AES:!RC4:@STRENGTH:@SECLEVEL=0", ("TLSv1.2", "ECDHE-RSA-CHACHA20-POLY1305")),
    ],
)
def test_ciphers_are_the_whole_offer(contexts: ServerContexts, ciphers: str, negotiated: tuple[str, str]) -> None:
    client = careless_client()
    assert negotiate(contexts, client, ciphers=ciphers) == negotiated


def test_versions_that_are_named_count_for_more_than_ciphers(contexts: ServerContexts) -> None:
    version, suite = negotiate(contexts, careless_client(), ciphers="AES128-SHA", versions=["TLSv1.2", "TLSv1.3"])
    assert (version, suite[:4]) == ("TLSv1.3", "TLS_")
    assert negotiate(contexts, careless_client(), ciphers="AES128-SHA", versions=["TLSv1"]) == ("TLSv1", "AES128-SHA")
    version, suite = negotiate(contexts, careless_client(), ciphers="TLS_AES_128_GCM_SHA256", versions=["TLSv1.2"])
    assert (version, suite[:5]) == ("TLSv1.2", "ECDHE")


def test_no_shared_cipher(contexts: ServerContexts) -> None:
    client = make_client(contexts.authority.pem)
    client.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    with pytest.raises(SSL.Error, match="no shared cipher"):
        negotiate(contexts, client, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")


def test_an_rsa_certificate_for_ciphers_is_valid_too(contexts: ServerContexts) -> None:
    client = make_client(contexts.authority.pem, strict=True)
    assert negotiate(contexts, client, ciphers="ECDHE+AESGCM:!ECDSA")[0] == "TLSv1.2"


@pytest.mark.parametrize(
    ("ciphers", "message"),
    [
        (
            "AES128-SHA:AES265-SHA",
            r"unknown cipher suite \(in OpenSSL [0-9.]+\) 'AES265-SHA'; did you mean 'AES256-SHA'\?",
        ),
        ("TLS_AES_128_GCM_SHA265", r"'TLS_AES_128_GCM_SHA265'; did you mean 'TLS_AES_128_GCM_SHA256'\?"),
        ("AES128-SHÄ", r"'AES128-SHÄ'; did you mean 'AES128-SHA'\?"),
        ("", r"no cipher suite comes of ciphers ''; write an OpenSSL cipher string, or leave it out"),
        (" : ", r"no cipher suite comes of ciphers ' : '"),
        ("!AES", r"no cipher suite comes of ciphers '!AES'"),
        ("AES128-SHA:!AES", r"no cipher suite comes of"),
        ("@SECLEVEL=0", r"no cipher suite comes of"),
        ("AES128-SHA:@SECLEVEL=x", r"no cipher suite comes of"),
        ("AES128-SHA:@BOGUS", r"no cipher suite comes of"),
        ("AES128-SHA:!SEED\0:AES256-SHA", r"unknown cipher suite .* '!SEED\\x00'"),
    ],
)
def test_ciphers_that_cannot_be_served(contexts: ServerContexts, ciphers: str, message: str) -> None:
    with pytest.raises(TlsSettingError, match=message):
        contexts.creator(ciphers=ciphers)


def test_what_this_openssl_cannot_do_is_said(contexts: ServerContexts, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(context: SSL.Context, version: int) -> None:
        raise SSL.Error([("SSL routines", "", "unsupported protocol version")])

    monkeypatch.setattr(SSL.Context, "set_min_proto_version", refuse)
    expected = (
        r"^OpenSSL .* cannot serve certificate valid, versions TLSv1, ciphers default: unsupported protocol version$"
    )
    with pytest.raises(TlsSettingError, match=expected):
        contexts.creator(versions=["TLSv1"])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_server_knows_which_name_the_client_asked_for(contexts: ServerContexts, version: str) -> None:
    creator = contexts.creator(versions=[version])
    assert server_name(Handshake(creator, careless_client(), "mail.example.test").run().server) == "mail.example.test"
    assert server_name(Handshake(creator, careless_client(), None).run().server) is None


def test_the_name_is_known_although_the_client_breaks_off(contexts: ServerContexts) -> None:
    handshake = Handshake(contexts.creator("expired"), make_client(contexts.authority.pem), "localhost")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake.run()
    assert server_name(handshake.server) == "localhost"


def client_with(chain: Chain, ca: bytes, directory: Path) -> ssl.SSLContext:
    path = directory / "client.pem"
    key = chain.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(chain.certificate.public_bytes(Encoding.PEM) + key)
    client = make_client(ca)
    client.load_cert_chain(path)
    return client


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_client_certificate_is_demanded(contexts: ServerContexts, version: str) -> None:
    creator = contexts.creator(versions=[version], client_certificate=True)
    with pytest.raises(SSL.Error, match="peer did not return a certificate"):
        Handshake(creator, make_client(contexts.authority.pem)).run()


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_client_certificate_of_the_authority_will_do(contexts: ServerContexts, tmp_path: Path, version: str) -> None:
    chain = attrs.evolve(contexts.certificates.request(), names=("client.example.test",), purpose="client").issue()
    client = client_with(chain, contexts.authority.pem, tmp_path)
    server = Handshake(contexts.creator(versions=[version], client_certificate=True), client).run().server
    assert server.get_peer_certificate(as_cryptography=True) == chain.certificate
    assert str(server.get_client_ca_list()[0].commonName).startswith("fakesmtp test authority")


def test_a_client_certificate_of_a_stranger_will_not_do(contexts: ServerContexts, tmp_path: Path) -> None:
    stranger = Authority.create()
    request = attrs.evolve(contexts.certificates.request(), authority=stranger, purpose="client")
    client = client_with(request.issue(), contexts.authority.pem, tmp_path)
    with pytest.raises(SSL.Error, match="certificate verify failed"):
        Handshake(contexts.creator(client_certificate=True), client).run()
