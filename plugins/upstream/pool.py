"""Connections to providers, opened once and kept: rebuilding one per request doubles the first-token time."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from plugins.upstream.beat import Beat
from plugins.upstream.channel import connect
from plugins.upstream.wire import Connection, Head, WireError, request_bytes

USER_AGENT = "waferline/0.1"
IDLE_SECONDS = 110  # below what proxies in front of providers grant
DRAIN_SECONDS = 1.0
MOST_BODY_BYTES = 2**26  # of an answer that is read whole


class ConnectError(WireError):
    """No connection came about, so the provider saw nothing of the request."""


class UnresolvedError(ConnectError):
    """Its name has no address."""


class UntrustedError(ConnectError):
    """Nobody vouches for whoever answered."""


_KINDS: dict[type[Exception], type[ConnectError]] = {
    socket.gaierror: UnresolvedError,
    UnicodeError: UnresolvedError,
    ssl.SSLCertVerificationError: UntrustedError,
}


@dataclass(frozen=True, slots=True)
class Origin:
    scheme: str
    host: str
    port: int

    @staticmethod
    @lru_cache(maxsize=256)
    def of(url: str) -> tuple[Origin, str]:
        """The origin, and the request target on it."""
        parts = urlsplit(url)
        default = 443 if parts.scheme == "https" else 80
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        return Origin(parts.scheme, parts.hostname or "", parts.port or default), target

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


class Exchange:
    """One request and its answer. Whoever opened it gives it back."""

    def __init__(self, pool: Pool, origin: Origin, connection: Connection, head: Head) -> None:
        self._pool = pool
        self._origin = origin
        self.connection = connection
        self.beat = pool.beat
        self.status = head.status
        self.head = head
        self._over = False  # from then on the connection may be carrying somebody else's request

    async def read(self, seconds: float | None = None) -> list[bytes]:
        """The body's next parts, none at its end; WireError when the provider broke off, TimeoutError in time."""
        deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        return await self.connection.read_parts(deadline)

    async def read_all(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while more := await self.read():
            parts += more
            size += sum(map(len, more))
            if size > MOST_BODY_BYTES:
                raise WireError("the provider's answer is too large")
        return b"".join(parts)

    def abort(self) -> None:
        if not self._over:
            self._over = True
            self.connection.close()

    def give_back(self, *, finished: bool) -> None:
        """Keep the connection if the answer is over but for its last bytes; otherwise close it to stop the provider."""
        if not self._over:
            self._over = True
            self._pool.take_back(self._origin, self.connection, finished=finished)


class Pool:
    """All connections of the process, by origin; the one used last is used first."""

    def __init__(self) -> None:
        self.beat = Beat()
        self._idle: dict[Origin, list[tuple[Connection, float]]] = {}
        self._draining: set[asyncio.Task[None]] = set()
        self._tls: ssl.SSLContext | None = None

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect_seconds: float,
        answer_seconds: float,
    ) -> Exchange:
        """The answer's status and headers; TimeoutError when they are too late."""
        origin, target = Origin.of(url)
        message = request_bytes(method, target, {"host": origin.host_header, "user-agent": USER_AGENT, **headers}, body)
        deadline = asyncio.get_running_loop().time() + answer_seconds
        connection = self._kept(origin)
        if connection is not None:
            try:
                return await self._exchange(origin, connection, message, deadline)
            except WireError:
                if connection.answered:
                    raise  # otherwise it was closed while it waited, and the request is sent anew, once
        async with asyncio.timeout_at(deadline):
            connection = await self._connect(origin, connect_seconds)
        return await self._exchange(origin, connection, message, deadline)

    async def _exchange(self, origin: Origin, connection: Connection, message: bytes, deadline: float) -> Exchange:
        try:
            head = await connection.send(message, deadline)
        except BaseException:
            connection.close()
            raise
        return Exchange(self, origin, connection, head)

    def _kept(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin, [])
        now = asyncio.get_running_loop().time()
        while idle:
            connection, since = idle.pop()
            if connection.idle and now - since < IDLE_SECONDS and connection.silent():
                return connection
            connection.close()
        return None

    async def _connect(self, origin: Origin, seconds: float) -> Connection:
        tls = self._tls_context() if origin.scheme == "https" else None
        try:
            async with asyncio.timeout(seconds):
                return Connection(await connect(origin.host, origin.port, tls))
        except TimeoutError as error:
            raise ConnectError("no connection in time") from error
        except (OSError, UnicodeError) as error:  # a name may be none that can be written down
            raise _KINDS.get(type(error), ConnectError)(f"no connection, {type(error).__name__}") from error

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def take_back(self, origin: Origin, connection: Connection, *, finished: bool) -> None:
        if finished:
            connection.pull()  # the last bytes, which are no news, have mostly come by now
        if connection.idle:
            self._keep(origin, connection)
        elif finished and not connection.complete:
            task = asyncio.ensure_future(self._drain(origin, connection))
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)
        else:
            connection.close()

    def _keep(self, origin: Origin, connection: Connection) -> None:
        now = asyncio.get_running_loop().time()
        idle = self._idle.setdefault(origin, [])
        idle.append((connection, now))
        while now - idle[0][1] > IDLE_SECONDS:  # nobody has needed them for so long
            idle.pop(0)[0].close()

    async def _drain(self, origin: Origin, connection: Connection) -> None:
        """[DONE] was read; what closes the message is about to come."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while await connection.read_parts():
                    pass
        except (TimeoutError, WireError):
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise
        else:
            self.take_back(origin, connection, finished=True)

    async def close(self) -> None:
        for task in self._draining:
            task.cancel()
        for idle in self._idle.values():
            for connection, _ in idle:
                connection.close()
        self._idle.clear()
