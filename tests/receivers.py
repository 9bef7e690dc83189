"""A webhook's receiver: a real HTTPS server on this machine, with a certificate of an authority made for the test."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "receiver.test"


@dataclass
class Receiver:
    """What came in, and what is answered: statuses in turn, the last one for ever, with headers and a body."""

    port: int = 0
    authority: str = ""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=lambda: [(204, {}, b"")])
    came: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    sent: int = 0

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}/hook?of=waymark"

    def answering(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self.answers = list(answers)


@contextmanager
def receiving(folder: Path) -> Iterator[Receiver]:
    """A receiver that runs until the end of the block."""
    receiver = Receiver(authority=str(folder / "authority.pem"))
    _make_certificates(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(receiver: Receiver) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.came.append((self.path, dict(self.headers), body))
            status, headers, reply = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(reply)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for start in range(0, len(reply), 1 << 16):
                    self.wfile.write(reply[start : start + (1 << 16)])
                    receiver.sent += 1 << 16
            except OSError:
                pass  # whoever asked has heard enough

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _make_certificates(folder: Path) -> None:
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _named("Waymark's test authority")
    now = datetime.now(UTC)

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, is_authority: bool) -> x509.Certificate:
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        return made.sign(authority_key, hashes.SHA256())

    own = certificate(authority, authority_key.public_key(), is_authority=True)
    server = certificate(_named(NAME), key.public_key(), is_authority=False)
    (folder / "authority.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
