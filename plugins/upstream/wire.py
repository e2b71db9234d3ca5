"""One HTTP/1.1 connection to a provider, as thin as Python allows.

Reading is paused except while somebody waits for bytes: what arrives meanwhile gathers in the kernel and comes with one
read, and a slow client slows its provider down instead of filling our memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import httptools


class WireError(OSError):
    """The provider broke off, or did not speak HTTP."""


@dataclass(slots=True)
class Head:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case


class Connection(asyncio.Protocol):
    """Carries one request after another; `idle` says whether it could carry the next."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._head: Head | None = None
        self._headers_complete = False
        self._parts: list[bytes] = []
        self._complete = True
        self._keep_alive = False
        self._lost: BaseException | None = None
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None
        self._answered = False  # whether a byte of the current answer has come
        self._drained = asyncio.Event()
        self._drained.set()

    @property
    def idle(self) -> bool:
        return self._complete and self._keep_alive and not self._closed

    @property
    def answered(self) -> bool:
        return self._answered

    async def send(self, request: bytes) -> Head:
        """Send a whole request and wait for the head of its answer."""
        if self._transport is None or self._closed:
            raise WireError("the connection is closed")
        self._parser = httptools.HttpResponseParser(self)
        self._head, self._headers_complete = Head(), False
        self._parts, self._complete, self._answered, self._keep_alive = [], False, False, False
        self._transport.write(request)
        await self._drained.wait()
        while not self._headers_complete:
            await self._more()
        return self._head

    async def read(self) -> bytes:
        """What has arrived of the body, at least one byte; b"" at its end."""
        while not self._parts:
            if self._complete:
                return b""
            await self._more()
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts = []
        return body

    @property
    def complete(self) -> bool:
        return self._complete and not self._parts

    def close(self) -> None:
        self._closed = True
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    async def _more(self) -> None:
        if self._closed or self._transport is None:
            raise WireError("the provider closed the connection") from self._lost
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.resume_reading()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not its subclasses

    def data_received(self, data: bytes) -> None:
        self._answered = True
        if self._parser is None or self._transport is None or self._complete:
            self.close()  # nobody asked: the provider is not in step with us
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._lost = error
            self._closed = True
            self._transport.abort()
        else:
            if not self._complete:
                self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        self._lost = self._lost or exc
        self._drained.set()
        if exc is None and self._headers_complete and not self._complete and self._ends_with_connection():
            self._complete = True
        self._wake()

    def pause_writing(self) -> None:
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    def _ends_with_connection(self) -> bool:
        head = self._head
        return head is not None and "content-length" not in head.headers and "transfer-encoding" not in head.headers

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self._complete:  # a second answer behind the one that was asked for
            raise WireError("the provider is not in step with us")

    def on_status(self, status: bytes) -> None:  # noqa: ARG002  the number is the parser's
        assert self._parser is not None and self._head is not None  # noqa: S101, PT018
        self._head.status = self._parser.get_status_code()

    def on_header(self, name: bytes, value: bytes) -> None:
        assert self._head is not None  # noqa: S101
        self._head.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        assert self._parser is not None and self._head is not None  # noqa: S101, PT018
        self._head.status = self._parser.get_status_code()
        self._headers_complete = self._head.status >= 200
        if not self._headers_complete:
            self._head = Head()  # 1xx: the real answer follows

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        assert self._parser is not None  # noqa: S101
        if self._headers_complete:
            self._complete = True
            self._keep_alive = self._parser.should_keep_alive()


def request_bytes(method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
