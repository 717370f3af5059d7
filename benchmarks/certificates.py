"""A certificate for 127.0.0.1, and the authority that signed it: rustls refuses one that is its own authority.

From 3.13 on Python is strict: an authority says what its key is for, and a certificate names its key and its authority's.
"""

from __future__ import annotations

import ipaddress
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

KEPT_SECONDS = 12 * 3600


def make_certificates(directory: Path) -> tuple[Path, Path, Path]:
    """PEM files of the authority, the certificate and its key, good for a day; made anew after twelve hours."""
    directory.mkdir(parents=True, exist_ok=True)
    authority_path, certificate_path, key_path = (directory / f"{name}.pem" for name in ("authority", "certificate", "key"))
    if certificate_path.exists() and time.time() - certificate_path.stat().st_mtime < KEPT_SECONDS:
        return authority_path, certificate_path, key_path

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name, name = _name("Benchmark authority"), _name("127.0.0.1")
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    authority = _builder(authority_name, authority_name, authority_key.public_key())
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    authority = authority.add_extension(_signs_certificates(), critical=True)
    server = _builder(name, authority_name, key.public_key()).add_extension(here, critical=False)
    server = server.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    server = server.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)

    key_path.unlink(missing_ok=True)
    key_path.touch(mode=0o600)
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    authority_path.write_bytes(authority.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    certificate_path.write_bytes(server.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return authority_path, certificate_path, key_path


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _signs_certificates() -> x509.KeyUsage:
    unused = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(key_cert_sign=True, crl_sign=False, **dict.fromkeys(unused, False))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number()).add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key), critical=False
    )
    return builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=1))
