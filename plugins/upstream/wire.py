"""One HTTP/1.1 connection to a provider, as thin as Python allows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httptools

from plugins.upstream.channel import Channel
from plugins.upstream.eager import Done, started

MOST_HEAD_BYTES = 2**16
ONE_MORE_HEAD = 2**10  # what a 1xx counts for, however short
MOST_IN_A_ROW = 2


class WireError(OSError):
    """The provider broke off, or did not speak HTTP."""


class Head:
    """Of an answer. Its headers are kept as they came: of some twenty, one or two are ever looked at."""

    __slots__ = ("fields", "status")

    def __init__(self) -> None:
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []

    def get(self, name: bytes) -> str | None:
        """By its name in lower case."""
        return next((value.decode("latin-1") for key, value in self.fields if key.lower() == name), None)

    def as_dict(self) -> dict[str, str]:
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.fields}


class Connection:
    """Carries one request after another; `idle` says whether it could carry the next."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._parser: httptools.HttpResponseParser | None = None
        self._head = Head()
        self._headers_complete = False
        self._parts: list[bytes] = []
        self.on_body = self._parts.append  # what httptools calls for each part, past any code of ours
        self._bodiless = False  # whether the answer ends with its head, as one to HEAD does
        self._keep_alive = False
        self._broken: BaseException | None = None
        self.over = True  # the answer has ended, well or badly; what came of it may still wait to be read
        self.answered = False  # whether a byte of the current answer has come
        self._in_a_row = 0  # reads that did not have to wait
        self._head_bytes = 0

    @property
    def idle(self) -> bool:
        return self.over and self._keep_alive and not self._channel.closed

    @property
    def complete(self) -> bool:
        return self.over and not self._parts

    async def send(self, request: bytes, deadline: float | None = None) -> Head:
        """Send a whole request and wait for the head of its answer. TimeoutError at a deadline in the loop's time."""
        self._bodiless = request.startswith(b"HEAD ")
        self.on_body = self._uncalled_for if self._bodiless else self._parts.append
        self._parser = httptools.HttpResponseParser(self)
        self._head, self._headers_complete = Head(), False
        self._parts.clear()
        self.over, self.answered, self._keep_alive, self._broken = False, False, False, None
        self._head_bytes = 0
        try:
            sending = started(self._channel.send(request))
            if not isinstance(sending, Done):
                async with asyncio.timeout_at(deadline):
                    await sending
        except TimeoutError:
            raise  # an OSError as well
        except OSError as error:
            self.pull()  # it may have said why before it closed
            if not self._headers_complete:
                self._break(error)
        while not self._headers_complete:
            await self._more(deadline)
        return self._head

    def pull(self) -> bytes | None:
        """Take in what has arrived, without waiting: its last part, empty if it holds no body, None if nothing came.

        Errors are told by `read_parts`.
        """
        if self.over:
            return None
        try:
            data = self._channel.take()
        except OSError as error:
            self._break(error)
            return b""
        if data is None:
            return None
        if not data:
            self._end_of_stream()
            return b""
        assert self._parser is not None  # noqa: S101  send made it
        self.answered = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, WireError) as error:
            self._break(error)
        return self._parts[-1] if self._parts else b""

    def parts(self) -> list[bytes]:
        """What was pulled and not read yet, in the parts it was sent in."""
        parts = self._parts.copy()
        self._parts.clear()  # the same list: the parser appends to it
        return parts

    async def read_parts(self, deadline: float | None = None) -> list[bytes]:
        """The body's next parts, at least one; none at its end; WireError when the provider broke off."""
        while not self._parts:
            if self.over and self._broken is None:
                return []
            await self._more(deadline)
        return self.parts()

    def silent(self) -> bool:
        """Whether the provider has kept quiet since its last answer, as one does that is still there."""
        try:
            return self._channel.take() is None
        except OSError:
            return False

    def close(self) -> None:
        self._keep_alive = False
        if not self.over:
            self._break(ConnectionAbortedError("closed by us"))
        self._channel.close()

    async def _more(self, deadline: float | None) -> None:
        while self._broken is None:
            if self.pull() is not None:
                await self._let_others_live(deadline)
                break
            self._in_a_row = 0
            try:
                await self._channel.arrival(deadline)
            except TimeoutError:
                raise
            except OSError as error:
                self._break(error)
        if self._broken is not None and not self._parts:
            raise WireError("the provider closed the connection") from self._broken

    async def _let_others_live(self, deadline: float | None) -> None:
        """A provider that sends faster than we read never makes us wait, and clocks are only looked at while we do."""
        self._in_a_row += 1
        if self._in_a_row < MOST_IN_A_ROW:
            return
        self._in_a_row = 0
        await asyncio.sleep(0)
        if deadline is not None and asyncio.get_running_loop().time() >= deadline:
            raise TimeoutError

    def _end_of_stream(self) -> None:
        head = self._head
        self._channel.close()
        if self._headers_complete and head.get(b"content-length") is head.get(b"transfer-encoding") is None:
            self.over = True
        else:
            self._break(ConnectionResetError("the connection ended early"))

    def _break(self, error: BaseException) -> None:
        if not self.over:  # what comes behind the end of an answer cannot break it any more
            self._broken = error
        self.over, self._keep_alive = True, False
        self._channel.close()

    def _uncalled_for(self, body: bytes) -> None:
        raise WireError(f"{len(body)} bytes behind an answer that has none")

    # What httptools calls, beside on_body.

    def on_message_begin(self) -> None:
        if self.over:  # a second answer behind the one that was asked for
            raise WireError("the provider is not in step with us")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        self._head.fields.append((name, value))

    def _count(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > MOST_HEAD_BYTES:
            raise WireError("the provider's head is too large")

    def on_headers_complete(self) -> None:
        assert self._parser is not None  # noqa: S101
        self._head.status = self._parser.get_status_code()
        self._headers_complete = self._head.status >= 200
        if not self._headers_complete:
            self._count(ONE_MORE_HEAD)
            self._head = Head()  # 1xx: the real answer follows
        elif self._bodiless:  # its length, if it names one, is that of an answer to GET
            self.over = True
            self._keep_alive = (self._head.get(b"connection") or "").lower() != "close"

    def on_message_complete(self) -> None:
        assert self._parser is not None  # noqa: S101
        if self._headers_complete and not self._bodiless:
            self.over = True
            self._keep_alive = self._parser.should_keep_alive()


def request_bytes(method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
