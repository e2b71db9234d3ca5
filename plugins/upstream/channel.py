"""Bytes to and from a provider: a socket that is read only when we ask, with TLS or without.

asyncio's transports read whenever something has come, which wakes the process for every token. Here what arrives
gathers in the kernel until somebody looks, and a slow client slows its provider down instead of filling our memory.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

_LARGEST_READ = 2**16
# One for all, since it is emptied before anybody else reads.
_LANDING = bytearray(_LARGEST_READ)
_LANDED = memoryview(_LANDING)


class Channel:
    """A connected socket. OSError, of which TLS's errors are a kind, when it no longer is one."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._farewell = False  # TLS has said that nothing more will come, which the socket need not say as well
        self._waiter: asyncio.Future[None] | None = None

    @property
    def closed(self) -> bool:
        return self._socket.fileno() < 0

    def take(self) -> bytes | memoryview | None:
        """What has arrived, to be used before the next call; None when nothing has, empty at the end."""
        if self._farewell:
            return b""
        try:
            size = self._socket.recv_into(_LANDING)
        except (BlockingIOError, InterruptedError):
            # Behind the handshake's last words there may have been more.
            return self._opened(self._tls) if self._tls is not None and self._incoming.pending else None
        if self._tls is None:
            return _LANDED[:size]
        self._land(size)
        return self._opened(self._tls)

    async def arrival(self, deadline: float | None = None) -> None:
        """Wait until there is something to take: bytes, the end, or an error. TimeoutError at the deadline.

        A deadline is in the loop's time. asyncio.timeout would cost as much as the wait.
        """
        number = self._socket.fileno()
        if number < 0:
            raise ConnectionAbortedError("the connection is closed")
        if self._farewell:
            return
        self._waiter = waiter = self._loop.create_future()
        late = None if deadline is None else self._loop.call_at(deadline, _too_late, waiter)
        self._loop.add_reader(number, self._wake)
        try:
            await waiter
        finally:
            self._waiter = None
            if late is not None:
                late.cancel()
            if not self.closed:
                self._loop.remove_reader(number)

    async def send(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        await self._send(data)

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Shake hands, and check that it is the host it should be."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send(self._outgoing.read())
                await self._more()
            else:
                await self._send(self._outgoing.read())
                self._tls = tls
                return

    def close(self) -> None:
        if not self.closed:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        self._wake()

    async def _send(self, data: bytes) -> None:
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        if sent < len(data):
            await self._loop.sock_sendall(self._socket, memoryview(data)[sent:])

    async def _more(self) -> None:
        while True:
            await self.arrival()
            try:
                size = self._socket.recv_into(_LANDING)
            except (BlockingIOError, InterruptedError):
                continue
            self._land(size)
            return

    def _land(self, size: int) -> None:
        if size:
            self._incoming.write(_LANDED[:size])
        else:
            self._incoming.write_eof()

    def _opened(self, tls: ssl.SSLObject) -> bytes | None:
        parts: list[bytes] = []
        while not self._farewell:
            try:
                part = tls.read(_LARGEST_READ)
            except ssl.SSLWantReadError:
                break
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                part = b""
            self._farewell = not part
            parts.append(part)
        if answer := self._outgoing.read():
            self._socket.send(answer)  # a few bytes that TLS itself has to say, such as a new key
        return b"".join(parts) if parts else None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _too_late(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())


async def connect(host: str, port: int, tls: ssl.SSLContext | None) -> Channel:
    """To the first of the host's addresses that answers."""
    loop = asyncio.get_running_loop()
    failed: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            made = socket.socket(family, kind, protocol)
        except OSError as error:  # a kind of address that this machine does not have
            failed = error
            continue
        try:
            made.setblocking(False)
            await loop.sock_connect(made, address)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            channel = Channel(made)
            if tls is not None:
                await channel.secure(tls, host)
        except OSError as error:
            made.close()
            failed = error
        except BaseException:
            made.close()
            raise
        else:
            return channel
    raise failed
