"""TLS apart from its socket, so that a stream's segments can be read with the time of their arrival. No I/O."""

from __future__ import annotations

import ssl


class Tls:
    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._in, self._out, server_hostname=host)

    def shake(self, received: bytes) -> tuple[bytes, bool]:
        """What to send next, and whether both sides are ready."""
        self._in.write(received)
        try:
            self._inner.do_handshake()
        except ssl.SSLWantReadError:
            return self._out.read(), False
        return self._out.read(), True

    def closed(self, plain: bytes) -> bytes:
        """What goes over the wire for it."""
        self._inner.write(plain)
        return self._out.read()

    def opened(self, received: bytes) -> tuple[bytes, bool]:
        """What it held, and whether the other side says that this was all."""
        self._in.write(received)
        parts: list[bytes] = []
        try:
            while part := self._inner.read(2**16):
                parts.append(part)
        except ssl.SSLWantReadError:
            return b"".join(parts), False
        except ssl.SSLZeroReturnError:
            pass
        return b"".join(parts), True
