"""A real SMTP server (aiosmtpd) on loopback that keeps what it gets; with `tls` it wants STARTTLS first."""

from __future__ import annotations

import datetime
import email
import email.policy
import ipaddress
import re
import socket
import ssl
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType

import attrs
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.program import eventually

USER, PASSWORD = "wing", "p4ss word"
LINK = re.compile(r"https?://\S+/auth/email/link\?token=\S+")


@attrs.frozen
class Letter:
    """One that has come. `secure` and `user` are of the connection that it came by."""

    to: list[str]
    sender: str
    message: EmailMessage
    secure: bool
    user: str

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    @property
    def link(self) -> str:
        found = LINK.search(self.text)
        assert found is not None, self.text
        return found[0]


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mailbox:
    """To be closed, or used in a `with` statement. With a `folder` it has a certificate there, speaks
    STARTTLS and wants a login over it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.letters: list[Letter] = []
        self._folder = folder
        more: dict[str, object] = {}
        if folder is not None:
            certificate, key = make_certificate(folder)
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate, key)
            more = {
                "tls_context": context,
                "require_starttls": True,
                "auth_required": True,
                "authenticator": self._authenticate,
            }
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **more)
        self._controller.start()

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._controller.stop()

    def variables(self) -> dict[str, str]:
        """What configures a server to send by it."""
        own = {
            "WT_SMTP_HOST": "localhost" if self._folder else "127.0.0.1",
            "WT_SMTP_PORT": str(self.port),
            "WT_SMTP_FROM": "Wingthing <wing@example.org>",
        }
        if self._folder is None:
            return own
        return {
            **own,
            "WT_SMTP_SECURITY": "starttls",
            "WT_SMTP_USER": USER,
            "WT_SMTP_PASSWORD": PASSWORD,
            "SSL_CERT_FILE": str(self._folder / "certificate.pem"),
        }

    def wait(self, number: int = 1) -> Letter:
        """The letter of that number, once it has come."""
        eventually(lambda: len(self.letters) >= number, f"letter {number} has come")
        return self.letters[number - 1]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        user = session.auth_data.decode() if isinstance(session.auth_data, bytes) else ""
        self.letters.append(
            Letter(list(envelope.rcpt_tos), envelope.mail_from or "", message, session.ssl is not None, user)
        )
        return "250 OK"

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=right, auth_data=data.login if isinstance(data, LoginPassword) else None)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of `localhost` that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
