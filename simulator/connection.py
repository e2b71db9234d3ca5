"""One client's connection: bytes become requests, one at a time, in order."""

import asyncio
import gzip
import itertools
import socket
import struct
import time
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol, cast
from urllib.parse import unquote

import httptools

from simulator.playback import Playback

MOST_BODY_BYTES = 64 * 1024 * 1024
FULL_BYTES = 256 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_numbers = itertools.count(1)


@dataclass(slots=True)
class Request:
    connection: int
    at: float
    method: str
    path: str
    query: str
    headers: dict[str, str]
    keep_alive: bool
    body: bytearray = field(default_factory=bytearray)

    def content(self) -> bytes:
        """The body as the client meant it; the API takes gzip."""
        if self.headers.get("content-encoding") != "gzip":
            return bytes(self.body)
        try:
            return gzip.decompress(self.body)
        except (OSError, EOFError, zlib.error):
            return b""


class Answering(Protocol):
    def opened(self, connection: "Connection") -> None: ...
    def closed(self, connection: "Connection") -> None: ...
    def answer(self, request: Request, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, answering: Answering) -> None:
        self.id = next(_numbers)
        self.full = False
        self.playback: Playback | None = None
        self._answering = answering
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        self._url = b""
        self._headers: dict[str, str] = {}
        self._reading: Request | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class is none of asyncio's
        self.transport.set_write_buffer_limits(high=FULL_BYTES)
        self._answering.opened(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._waiting.clear()
        if self.playback:
            self.playback.client_gone()
        self._answering.closed(self)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        if self.playback:
            self.playback.resume(time.monotonic())

    # What the parser calls.

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        path, _, query = self._url.decode("latin-1").partition("?")
        method = self._parser.get_method().decode()
        keep_alive = self._parser.should_keep_alive()
        self._reading = Request(self.id, time.monotonic(), method, unquote(path), query, self._headers, keep_alive)
        if self._headers.get("expect", "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._url, self._headers = b"", {}

    def on_body(self, body: bytes) -> None:
        if self._reading:
            self._reading.body += body
            if len(self._reading.body) > MOST_BODY_BYTES:
                self.close()

    def on_message_complete(self) -> None:
        if not self._reading:
            return
        self._reading.at = time.monotonic()
        self._waiting.append(self._reading)
        self._reading = None
        if self._current is None:
            self._next()

    # What playback and the service call.

    def write(self, data: bytes) -> None:
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def done(self) -> None:
        keep_alive = self._current is not None and self._current.keep_alive
        self.playback = self._current = None
        if not keep_alive:
            self.close()
        elif self._waiting:
            asyncio.get_running_loop().call_soon(self._next)

    def close(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        """Closes so that the client sees its connection reset, not ended."""
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def _next(self) -> None:
        if self._waiting and self._current is None and not self.transport.is_closing():
            self._current = self._waiting.popleft()
            self._answering.answer(self._current, self)
