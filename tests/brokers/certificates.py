"""Certificates for the tests, made on the spot: a good one for loopback, and one for each way of being wrong."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

KEYSTORE_PASSWORD = "changeit"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DAY = datetime.timedelta(days=1)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Credential:
    """A certificate with its key, and the certificates that its owner sends along with it."""

    certificate: x509.Certificate
    key: Key
    sent_along: tuple[x509.Certificate, ...] = ()

    def write(self, folder: Path, name: str = "server") -> tuple[Path, Path]:
        """(chain, key) as PEM files."""
        folder.mkdir(parents=True, exist_ok=True)
        chain, key = folder / f"{name}.crt", folder / f"{name}.key"
        chain.write_bytes(b"".join(_pem(c) for c in (self.certificate, *self.sent_along)))
        key.write_bytes(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return chain, key

    def write_keystore(self, path: Path) -> Path:
        """As Java reads it: PKCS #12 with KEYSTORE_PASSWORD."""
        encryption = serialization.BestAvailableEncryption(KEYSTORE_PASSWORD.encode())
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"hivemq", self.key, self.certificate, list(self.sent_along), encryption))
        return path

    def server_context(self, folder: Path, client_authority: Authority | None = None) -> ssl.SSLContext:
        """A server with this certificate; with ``client_authority`` it demands one from the client, too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # a server may offer what a client must refuse
        context.load_cert_chain(*self.write(folder))
        if client_authority is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_authority.write(folder / "client-ca.crt"))
        return context


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests. One made by ``intermediate()`` is signed by this one, and is sent along."""

    certificate: x509.Certificate
    key: Key
    sent_along: tuple[x509.Certificate, ...] = field(default=())

    @staticmethod
    def create(common_name: str = "honeyframe test authority") -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        return Authority(_sign(_name(common_name), key, None, key, authority=True), key)

    def write(self, path: Path) -> Path:
        """As a client's ``ca_file``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_pem(self.certificate))
        return path

    def intermediate(self) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(_name("honeyframe test intermediate"), key, self.certificate.subject, self.key, authority=True)
        return Authority(certificate, key, (certificate, *self.sent_along))

    def server(
        self,
        hosts: Sequence[str] = LOOPBACK,
        *,
        valid_from: datetime.datetime | None = None,
        valid_until: datetime.datetime | None = None,
        key_bits: int = 2048,
        send_intermediate: bool = True,
    ) -> Credential:
        key = rsa.generate_private_key(public_exponent=65537, key_size=key_bits)
        certificate = _sign(
            _name(hosts[0]), key, self.certificate.subject, self.key, hosts=hosts, valid_from=valid_from, valid_until=valid_until
        )
        return Credential(certificate, key, self.sent_along if send_intermediate else ())

    def client(self, common_name: str = "honeyframe test client") -> Credential:
        key = ec.generate_private_key(ec.SECP256R1())
        return Credential(_sign(_name(common_name), key, self.certificate.subject, self.key, client=True), key, self.sent_along)

    def expired(self) -> Credential:
        return self.server(valid_from=_now() - 30 * _DAY, valid_until=_now() - _DAY)

    def not_yet_valid(self) -> Credential:
        return self.server(valid_from=_now() + _DAY, valid_until=_now() + 30 * _DAY)

    def wrong_host(self) -> Credential:
        return self.server(["broker.example"])

    def missing_intermediate(self) -> Credential:
        return self.intermediate().server(send_intermediate=False)

    def weak_key(self) -> Credential:
        return self.server(key_bits=1024)


def self_signed(hosts: Sequence[str] = LOOPBACK) -> Credential:
    key = ec.generate_private_key(ec.SECP256R1())
    return Credential(_sign(_name(hosts[0]), key, None, key, hosts=hosts), key)


def _sign(
    subject: x509.Name,
    key: Key,
    issuer: x509.Name | None,
    issuer_key: Key,
    *,
    hosts: Sequence[str] = (),
    authority: bool = False,
    client: bool = False,
    valid_from: datetime.datetime | None = None,
    valid_until: datetime.datetime | None = None,
) -> x509.Certificate:
    """``issuer`` None: signed by itself."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid_from or _now() - _DAY)
        .not_valid_after(valid_until or _now() + 365 * _DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    usage |= {"digital_signature": not authority, "key_cert_sign": authority, "crl_sign": authority}
    usage["key_encipherment"] = isinstance(key, rsa.RSAPrivateKey)
    builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative_name(host) for host in hosts]), critical=False)
    if not authority:
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
