"""Who signs: a certificate of the user's own, made on first use, or one that is given."""

from __future__ import annotations

import contextlib
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import SignError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Name

FOLDER = "LONGTAKE_HOME"
"""Environment variable that names the folder of the user's own certificate."""
NAMED = "LONGTAKE_CERTIFICATE", "LONGTAKE_KEY"
"""Environment variables that name PEM files to sign with instead."""
YEARS = 10
CHAIN, KEY, ROOT = "certificate.pem", "key.pem", "root.pem"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
"""Extended key usage of which C2PA wants one, and the only one in its list that anybody may give themselves."""
CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
INSTALL = "pip install comfyui-longtake[sign]"


class Identity(NamedTuple):
    """A certificate chain, leaf first, and the leaf's key, as PEM; the algorithm as C2PA calls it; whose it is."""

    chain: bytes
    key: bytes
    algorithm: str
    name: str


def user_folder() -> Path:
    """Where this user's certificate lies: the folder of LONGTAKE_HOME, else the system's usual one for settings."""
    if given := os.environ.get(FOLDER):
        return Path(given)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or home / "AppData/Roaming") / "longtake"
    if sys.platform == "darwin":
        return home / "Library/Application Support/longtake"
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "longtake"


def usual_identity() -> Identity:
    """The identity that LONGTAKE_CERTIFICATE and LONGTAKE_KEY name, for those who host; else the user's own. Raises SignError."""
    named = [os.environ.get(variable, "") for variable in NAMED]
    if any(named):
        if not all(named):
            raise SignError(f"{' and '.join(NAMED)} belong together: set both, or none")
        return given_identity(*map(Path, named))
    return own_identity()


def own_identity() -> Identity:
    """The user's own identity, made on first use, mode 0600. Raises SignError: folder not writable, files damaged, expired."""
    from filelock import FileLock

    folder = user_folder()
    try:
        if not (folder / CHAIN).exists():
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock"):
                if not (folder / CHAIN).exists():
                    _make(folder)
        chain, key = (folder / CHAIN).read_bytes(), (folder / KEY).read_bytes()
    except OSError as error:
        raise SignError(f"the certificate in {folder}: {error.strerror or error}; make the folder writable") from error
    return _checked(chain, key, str(folder / CHAIN), f"delete {folder}, and another is made")


def given_identity(certificate: Path, key: Path) -> Identity:
    """An identity of PEM files, the chain leaf first. Raises SignError: unreadable, expired, of another key, with a passphrase."""
    try:
        chain, secret = certificate.read_bytes(), key.read_bytes()
    except OSError as error:
        raise SignError(f"{error.filename}: {error.strerror or error}; give PEM files") from error
    return _checked(chain, secret, str(certificate), "give one that is", str(key))


def own_root() -> bytes | None:
    """The root that the user's own certificate leads to; None before it was made."""
    try:
        return (user_folder() / ROOT).read_bytes()
    except OSError:
        return None


def own_name() -> str | None:
    """Whose name the user's own certificate bears; None before it was made."""
    try:
        from cryptography import x509

        return _common_name(x509.load_pem_x509_certificates((user_folder() / CHAIN).read_bytes())[0])
    except (ImportError, OSError, ValueError):
        return None


def _checked(chain: bytes, key: bytes, shown: str, remedy: str, shown_key: str = "") -> Identity:
    """The identity of PEM files, once the key is that of the certificate, which is valid now."""
    try:
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise SignError(f"to sign, {INSTALL}") from None
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
    except ValueError as error:
        raise SignError(f"{shown}: it holds no certificate; give a PEM file, the signer's certificate first") from error
    try:
        secret = serialization.load_pem_private_key(key, None)
    except TypeError as error:
        raise SignError(f"{shown_key or shown}: the key has a passphrase; give one without") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignError(f"{shown_key or shown}: it holds no private key; give a PEM file") from error
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if leaf.public_key().public_bytes(*form) != secret.public_key().public_bytes(*form):
        raise SignError(f"{shown}: the key is that of another certificate; give the two that belong together")
    now = datetime.now(timezone.utc)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        span = f"valid from {leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}"
        raise SignError(f"{shown}: {span}, and this machine's clock says {now:%Y-%m-%d}; set the clock, or {remedy}")
    return Identity(chain, key, _algorithm(secret, shown), _common_name(leaf))


def _algorithm(key: Any, shown: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise SignError(f"{shown}: C2PA signs with P-256, P-384, P-521, RSA and Ed25519 keys; give a certificate of one of these")


def _common_name(certificate: Certificate) -> str:
    from cryptography.x509.oid import NameOID

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def _make(folder: Path) -> None:
    """A root and a leaf of it, in `folder`; the chain comes last: without it nothing is used. Raises OSError, SignError."""
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise SignError(f"to sign, {INSTALL}") from None
    leaf, root, key = _certificates()
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
    for name, data in (
        (ROOT, root.public_bytes(pem)),
        (KEY, secret),
        (CHAIN, leaf.public_bytes(pem) + root.public_bytes(pem)),
    ):
        _store(folder / name, data)


def _store(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _certificates() -> tuple[Certificate, Certificate, Any]:
    """Leaf, root and the leaf's key: P-256, as the profile of C2PA asks. The root's key is kept nowhere."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ObjectIdentifier

    now = datetime.now(timezone.utc) - timedelta(minutes=5)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    serial = f"{x509.random_serial_number() & 0xFFFFFF:06x}"  # a second root of the same name would not be told from this one
    issuer, subject = _name(f"LongTake root {serial} of this machine"), _name(f"LongTake user {serial}")

    def begun(name: Name, public: Any) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now)
        builder = builder.not_valid_after(now + timedelta(days=365 * YEARS))
        return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)

    root = begun(issuer, root_key.public_key())
    root = root.add_extension(x509.BasicConstraints(True, 0), True).add_extension(_usage(signs_certificates=True), True)
    leaf = begun(subject, key.public_key())
    leaf = leaf.add_extension(x509.BasicConstraints(False, None), True).add_extension(_usage(signs_certificates=False), True)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(EMAIL_PROTECTION)]), False)
    leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
    return leaf.sign(root_key, hashes.SHA256()), root.sign(root_key, hashes.SHA256()), key


def _name(common: str) -> Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = (NameOID.ORGANIZATION_NAME, "LongTake user"), (NameOID.COMMON_NAME, common)
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])


def _usage(*, signs_certificates: bool) -> Any:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
