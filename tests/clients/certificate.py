"""A throw-away authority and server certificate for the raw servers, made without the code under test."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """Write ``ca.pem`` and ``server.pem`` (certificate and key), and return their paths."""
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("raw server test authority")
    authority = _draft(issuer, issuer, ca_key.public_key()).add_extension(x509.BasicConstraints(True, 0), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = _draft(_name("localhost"), issuer, server_key.public_key()).add_extension(names, critical=False)
    key = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    ca_file, server_file = directory / "ca.pem", directory / "server.pem"
    ca_file.write_bytes(authority.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM))
    server_file.write_bytes(server.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM) + key)
    return ca_file, server_file


def make_context(server_file: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file)
    return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _draft(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    draft = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    return draft.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
