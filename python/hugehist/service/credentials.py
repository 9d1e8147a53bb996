"""Who may call an accumulator: a token, and by TLS certificates beside it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..optional import needed
from .errors import ServiceError

VALID_DAYS = 30
_FILES = ("authority.pem", "server.pem", "server.key", "client.pem", "client.key")


@dataclass(frozen=True)
class Access:
    """How to reach an accumulator: address, token, and a client's certificates (PEM; see `Remote`)."""

    address: str
    token: str = field(repr=False)
    tls: dict[str, str] = field(default_factory=dict, repr=False)
    pid: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone: on this machine, where its socket is."""
        return self.address.startswith("grpc+unix:") and not Path(f"/proc/{self.pid}").exists()

    def save(self, path: Path) -> None:
        """For this user alone, and whole at any moment. Raises OSError."""
        _write_private(path, json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Access:
        """Raises ServiceError, saying what to do, where there is none."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise ServiceError(
                f"no accumulator is at work for '{path.with_suffix('')}': start one by `hugehist serve`"
            ) from None
        except (OSError, ValueError, TypeError) as problem:
            raise ServiceError(f"'{path}' does not say how to reach an accumulator: {problem}") from None


def access_file(path: str | os.PathLike[str]) -> Path:
    """Where an accumulator says how to reach it: beside its file."""
    return Path(f"{os.fspath(path)}.service")


def _write_private(path: Path, text: str) -> None:
    """A file of this user, never one that somebody else has put there, nor where his link points to."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def checked_token(token: str) -> str:
    """It goes in the header of a call. Raises ValueError, which does not repeat it."""
    if not (token.isascii() and token.isprintable()):
        raise ValueError("a token is of printable ASCII characters")
    return token


def new_token() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Certificates:
    """PEM texts: one authority, and certificates of it for the accumulator and for those who call it."""

    authority: str
    server: tuple[str, str] = field(repr=False)  # certificate, key
    client: tuple[str, str] | None = field(default=None, repr=False)

    def of_client(self) -> dict[str, str]:
        """What `Remote` takes."""
        own = {} if self.client is None else {"certificate": self.client[0], "key": self.client[1]}
        return {"root": self.authority} | own

    def of_server(self) -> dict[str, Any]:
        """The keywords of Flight's server: it takes calls of the authority's certificates alone."""
        return {
            "tls_certificates": [(self.server[0].encode(), self.server[1].encode())],
            "verify_client": True,
            "root_certificates": self.authority.encode(),
        }

    def name_for(self, host: str) -> str:
        """What callers know an accumulator by that listens there: the host, or the first name it is certified for."""
        needed("cryptography", "an accumulator with certificates", "service")
        from cryptography import x509

        certificate = x509.load_pem_x509_certificate(self.server[0].encode())
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(each.value) for each in found]
        return host if host in names else names[0]

    def save(self, folder: Path) -> None:
        """As files of this user: authority.pem, server.pem, server.key, client.pem, client.key."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        texts = dict(zip(_FILES, (self.authority, *self.server, *(self.client or ())), strict=False))
        for name, text in texts.items():
            _write_private(folder / name, text)

    @classmethod
    def load(cls, folder: Path) -> Certificates:
        """Of what `save` wrote; the client's may be missing. Raises OSError."""
        authority, certificate, key = ((folder / name).read_text(encoding="ascii") for name in _FILES[:3])
        own = [folder / name for name in _FILES[3:]]
        client = (own[0].read_text(), own[1].read_text()) if all(path.exists() for path in own) else None
        return cls(authority, (certificate, key), client)

    @classmethod
    def temporary(cls, hosts: Sequence[str]) -> Certificates:
        """Made now, of an authority whose key nobody keeps; valid for these names or addresses, for 30 days."""
        needed("cryptography", "a temporary certificate", "service")
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        now = dt.datetime.now(dt.timezone.utc)
        root_key = ec.generate_private_key(ec.SECP256R1())
        root_name = _name(x509, "hugehist authority")

        def certificate(subject: Any, key: Any, *extensions: Any) -> Any:
            builder = (
                x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(root_name)
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - dt.timedelta(hours=1))
                .not_valid_after(now + dt.timedelta(days=VALID_DAYS))
            )
            for extension in extensions:
                builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            return builder.sign(root_key, hashes.SHA256())

        def pem(subject: str, *extensions: Any) -> tuple[str, str]:
            key = ec.generate_private_key(ec.SECP256R1())
            made = certificate(_name(x509, subject), key, *extensions)
            private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            return made.public_bytes(Encoding.PEM).decode(), private.decode()

        root = certificate(root_name, root_key, x509.BasicConstraints(ca=True, path_length=0))
        names = x509.SubjectAlternativeName([_alternative(x509, host) for host in hosts])
        return cls(
            root.public_bytes(Encoding.PEM).decode(),
            pem("hugehist accumulator", names),
            pem("hugehist client"),
        )


def _name(x509: Any, common: str) -> Any:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _alternative(x509: Any, host: str) -> Any:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
