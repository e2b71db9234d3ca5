"""One HTTP answer while it comes: bytes and their times in, head and body out. Pure."""

from __future__ import annotations

from collections.abc import Callable

import httptools
import orjson

from loadtests.measure.reader import Heard, Reader, code_of, read_whole

MOST_BODY_BYTES = 32 * 2**20  # of an answer that is no stream


class MalformedError(Exception):
    """It is not HTTP."""


class Incoming:
    """A body's pieces go straight from the parser, which is C, into a list: no call of ours per segment."""

    __slots__ = (
        "_body",
        "_parser",
        "_pieces",
        "_reader",
        "complete",
        "end",
        "headers",
        "headers_at",
        "keeps_alive",
        "on_body",
    )

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._body = bytearray()
        self._reader: Reader | None = None
        self.on_body: Callable[[bytes], None] = self._pieces.append
        self._parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.headers_at: float | None = None
        self.complete = False
        self.keeps_alive = False
        self.end: float | None = None  # of what has come so far

    @property
    def spoke(self) -> bool:
        return self._reader is not None and self._reader.spoke

    @property
    def status(self) -> int | None:
        return None if self.headers_at is None else int(self._parser.get_status_code())

    def feed(self, data: bytes, at: float) -> None:
        self.end = at
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise MalformedError(str(error)) from error
        if self.headers_at is None and self._reader is not None:
            self.headers_at = at
        if self._pieces:
            self._take(at)

    def closed(self) -> None:
        """The other side has sent all it will: a body without a length ends so."""
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        self.complete = self.complete or (self.headers_at is not None and not framed)

    def heard(self) -> Heard:
        if self._reader is None:
            return Heard()
        if self._is_stream:
            return self._reader.close()
        return read_whole(bytes(self._body), self.end or 0.0) if self.status == 200 else Heard(octets=len(self._body))

    def code(self) -> str | None:
        """Of an error body."""
        try:
            found = orjson.loads(self._body)
        except orjson.JSONDecodeError:
            return None
        return code_of(found) if isinstance(found, dict) else None

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() >= 200:
            self._reader = Reader()
        else:
            self.headers.clear()

    def on_message_complete(self) -> None:
        if self._reader is not None:
            self.complete = True
            self.keeps_alive = bool(self._parser.should_keep_alive())  # which it forgets afterwards

    @property
    def _is_stream(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    def _take(self, at: float) -> None:
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if self._reader is not None and self._is_stream:
            self._reader.feed(data, at)
        elif len(self._body) < MOST_BODY_BYTES:
            self._body += data
