"""Addresses at which no provider answers, each in its own way."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.support.certificate import LOOPBACK, self_signed

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
