"""Addresses at which no provider answers, each in its own way."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"
UNRESOLVED = "http://no-such-provider.invalid/v1"  # a name that never has an address, by RFC 6761


@contextmanager
def refusing() -> Iterator[str]:
    """A port that is taken and does not listen."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        yield f"http://{LOOPBACK}:{taken.getsockname()[1]}/v1"


@contextmanager
def not_accepting() -> Iterator[str]:
    """A queue of connections that is full, so that those who knock hear nothing."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind((LOOPBACK, 0))
        full.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield f"http://{LOOPBACK}:{full.getsockname()[1]}/v1"


@contextmanager
def not_vouched_for(directory: Path) -> Iterator[str]:
    """TLS with a certificate that is signed by itself. Whoever shakes hands all the same is heard and not answered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(directory))
    with socket.create_server((LOOPBACK, 0)) as door:
        thread = threading.Thread(target=_shake_hands, args=(door, context), daemon=True)
        thread.start()
        yield f"https://{LOOPBACK}:{door.getsockname()[1]}/v1"
        door.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _shake_hands(door: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            line, _ = door.accept()
            with line, suppress(OSError), context.wrap_socket(line, server_side=True) as spoken:
                spoken.recv(1)


def self_signed(directory: Path) -> Path:
    """A certificate of 127.0.0.1, key and all in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "provider.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path
