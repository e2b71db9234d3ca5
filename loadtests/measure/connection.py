"""One HTTP/1.1 connection under gevent, which asks and hears, one request at a time."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from dataclasses import dataclass
from time import perf_counter

import gevent.socket
from gevent.monkey import get_original

from loadtests.measure.incoming import Incoming, MalformedError
from loadtests.measure.pump import Pump
from loadtests.measure.reply import Reply
from loadtests.measure.request import Address
from loadtests.measure.tls import Tls

READ_BYTES = 2**16  # beyond 128 KB each read would be a mapping of its own
READS_AT_ONCE = 8  # of one stream, before the others have their turn
_STAMP = 35  # SO_TIMESTAMPNS, which the socket module does not name
_STAMP_SPACE = socket.CMSG_SPACE(16)
_TIMESPEC = struct.Struct("qq")
_new_socket = get_original("socket", "socket")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a user waits."""

    connect: float = 10.0
    first_token: float = 30.0
    stall: float = 15.0
    total: float = 300.0


class Connection:
    def __init__(self, address: Address, pump: Pump, context: ssl.SSLContext | None, patience: Patience) -> None:
        self._address = address
        self._pump = pump
        self._context = context
        self._patience = patience
        self._socket: socket.socket | None = None
        self._tls: Tls | None = None
        self._incoming = Incoming()
        self._skew = 0.0  # from the kernel's clock to ours
        self._heard_at = 0.0
        self._deadline = 0.0
        self._trouble: str | None = None

    def ask(self, request: bytes) -> Reply:
        """All of one exchange. Whatever goes wrong is in the reply."""
        began = perf_counter()
        self._incoming, self._trouble = Incoming(), None
        self._skew = time.time() - began
        self._heard_at, self._deadline = began, began + self._patience.total
        reused = self.is_open()
        try:
            if not reused:
                self.open()
            self._send(request)
            self._hear()
        except OSError as error:
            self._trouble = self._trouble or _named(error)
        except MalformedError:
            self._trouble = "malformed_http"
        except BaseException:
            self.close()  # we were told to stop in the middle of it
            raise
        return self._reply(began, reused)

    def open(self) -> None:
        self.close()
        address = self._address
        found = gevent.socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        self._socket = _new_socket(family, kind, protocol)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
        if self._socket.connect_ex(place):
            gevent.socket.wait_write(self._socket.fileno(), timeout=self._patience.connect)
            if failed := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(failed, "connect")
        if self._context is not None:
            self._tls = Tls(self._context, address.host)
            self._shake_hands()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._tls = None

    def is_open(self) -> bool:
        """A server may have closed it while it was idle."""
        if self._socket is None:
            return False
        try:
            alive = bool(self._socket.recv(1, socket.MSG_PEEK)) and self._tls is not None
        except BlockingIOError:
            return True
        except OSError:
            alive = False
        if not alive:
            self.close()
        return alive

    def drain(self, now: float) -> bool:
        """The pump's turn: take what has come, and say whether that was all."""
        try:
            for _ in range(READS_AT_ONCE):
                if self._receive() < READ_BYTES or self._incoming.complete:
                    break
        except OSError as error:
            self._trouble = _named(error)
        except MalformedError:
            self._trouble = "malformed_http"
        if self._incoming.complete or self._trouble:
            return True
        if now > self._deadline:
            self._trouble = "total_timeout"
        elif now - self._heard_at > self._patience.stall:
            self._trouble = "stall"
        return self._trouble is not None

    def _hear(self) -> None:
        """To the first token as soon as the kernel says so, then with the others."""
        incoming = self._incoming
        until = perf_counter() + self._patience.first_token
        while not (incoming.complete or incoming.spoke or self._trouble):
            if self._receive() < 0:
                left = min(until, self._deadline) - perf_counter()
                if left <= 0:
                    self._trouble = "first_token_timeout"
                    return
                self._wait_to_read(left)
        if not (incoming.complete or self._trouble):
            self._pump.carry(self)

    def _wait_to_read(self, seconds: float) -> None:
        try:
            gevent.socket.wait_read(self._open_socket.fileno(), timeout=seconds)
        except TimeoutError:
            self._trouble = "first_token_timeout"

    def _receive(self) -> int:
        """How many bytes came, -1 when none are there yet. Their time is that of their last segment's arrival."""
        try:
            data, notes, _, _ = self._open_socket.recvmsg(READ_BYTES, _STAMP_SPACE)
        except BlockingIOError:
            return -1
        now = perf_counter()
        at = now
        for level, kind, value in notes:
            if level == socket.SOL_SOCKET and kind == _STAMP:
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                # Whatever somebody does to the wall clock, it came after what we read before.
                at = min(max(seconds + nanoseconds / 1e9 - self._skew, self._heard_at), now)
        self._heard_at = at
        octets = len(data)
        if data and self._tls is not None:
            data, over = self._tls.opened(data)
        else:
            over = not data
        if data:
            self._incoming.feed(data, at)
        if over and not self._incoming.complete:
            self._incoming.closed()
            self._trouble = None if self._incoming.complete else "cut"
        return octets

    def _send(self, data: bytes) -> None:
        left = memoryview(data if self._tls is None else self._tls.closed(data))
        while left:
            try:
                left = left[self._open_socket.send(left) :]
            except BlockingIOError:
                gevent.socket.wait_write(self._open_socket.fileno(), timeout=self._patience.connect)

    def _shake_hands(self) -> None:
        assert self._tls is not None  # noqa: S101
        until = perf_counter() + self._patience.connect
        told, over = b"", False
        while not over:
            said, over = self._tls.shake(told)
            left = memoryview(said)
            while left:
                left = left[self._open_socket.send(left) :]
            if not over:
                gevent.socket.wait_read(self._open_socket.fileno(), timeout=max(until - perf_counter(), 0.001))
                told = self._open_socket.recv(READ_BYTES)
                if not told:
                    raise ConnectionResetError("the connection was closed within the handshake")

    @property
    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionResetError("the connection is closed")
        return self._socket

    def _reply(self, began: float, reused: bool) -> Reply:
        incoming = self._incoming
        if not incoming.keeps_alive:
            self.close()
        return Reply(
            sent=began,
            end=perf_counter() if self._trouble or incoming.end is None else incoming.end,
            reused=reused,
            heard=incoming.heard(),
            headers=incoming.headers,
            headers_at=incoming.headers_at,
            status=incoming.status,
            trouble=self._trouble,
            code=incoming.code() if incoming.status not in (None, 200) else None,
        )


def _named(error: OSError) -> str:
    kinds: tuple[tuple[type[OSError], str], ...] = (
        (ssl.SSLError, "tls"),
        (socket.gaierror, "dns"),
        (ConnectionRefusedError, "refused"),
        (ConnectionResetError, "reset"),
        (BrokenPipeError, "reset"),
        (TimeoutError, "connect_timeout"),
    )
    return next((name for kind, name in kinds if isinstance(error, kind)), error.strerror or type(error).__name__)
