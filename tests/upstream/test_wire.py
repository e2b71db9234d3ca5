"""One connection, against providers that do not speak HTTP quite as they should."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest

from plugins.upstream.pool import Origin, Pool
from plugins.upstream.wire import Connection, WireError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@asynccontextmanager
async def speaking(*answers: bytes, close: bool = False) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that says these bytes, one per request it hears, whatever was asked; and how many connections it had."""
    connections: list[int] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while left and await reader.read(2**16):
            writer.write(left.pop(0))
            await writer.drain()
        if close:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", connections
    finally:
        server.close()


async def ask(pool: Pool, url: str) -> tuple[int, bytes]:
    exchange = await pool.request("POST", url, {}, b"{}", connect_seconds=5, answer_seconds=5)
    try:
        body = await exchange.read_all()
    finally:
        exchange.give_back(finished=True)
    return exchange.status, body


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (OK, 200, b"hi"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", 200, b"hi"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"hi"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, 200, b"hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", 503, b""),
    ],
)
async def test_every_form_of_an_answer_is_read_and_its_connection_kept(raw: bytes, status: int, body: bytes) -> None:
    pool = Pool()
    async with speaking(raw, raw) as (url, connections):
        assert (status, body) == await ask(pool, url)
        assert (status, body) == await ask(pool, url)
        assert len(connections) == 1
        await pool.close()


@pytest.mark.parametrize(
    ("head", "connections_used"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 207\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 405 No\r\ncontent-length: 9\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", 2),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody", 2),
    ],
    ids=["bare", "length", "chunked", "continued", "closing", "with a body all the same"],
)
async def test_an_answer_to_head_ends_with_its_head(head: bytes, connections_used: int) -> None:
    pool = Pool()
    async with speaking(head, OK) as (url, connections):
        exchange = await pool.request("HEAD", url, {}, b"", connect_seconds=5, answer_seconds=5)
        await exchange.read_all()
        exchange.give_back(finished=True)
        assert await ask(pool, url) == (200, b"hi")
        assert len(connections) == connections_used
        await pool.close()


async def test_an_answer_may_end_with_its_connection() -> None:
    pool = Pool()
    async with speaking(b"HTTP/1.1 200 OK\r\n\r\nhi", close=True) as (url, _):
        assert await ask(pool, url) == (200, b"hi")
        assert not any(pool._idle.values())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-len",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhi",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhi",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
async def test_half_an_answer_is_no_answer(raw: bytes) -> None:
    pool = Pool()
    async with speaking(raw, close=True) as (url, _):
        with pytest.raises(WireError):
            await ask(pool, url)
        assert not any(pool._idle.values())


async def test_a_second_answer_behind_the_first_is_nobodys() -> None:
    """Whoever sends it is out of step: the next request must not be answered by what was meant for another."""
    pool = Pool()
    async with speaking(OK + OK.replace(b"hi", b"yo"), OK) as (url, connections):
        assert await ask(pool, url) == (200, b"hi")
        assert await ask(pool, url) == (200, b"hi")
        assert len(connections) == 2
        await pool.close()


async def test_what_a_provider_says_unasked_ends_its_connection() -> None:
    pool = Pool()
    writers: list[asyncio.StreamWriter] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(ConnectionResetError):
            while await reader.read(2**16):
                writer.write(OK)
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    first = await ask(pool, url)
    writers[0].write(OK.replace(b"hi", b"yo"))
    second = await ask(pool, url)
    await asyncio.wait_for(ended.wait(), 5)
    await pool.close()
    server.close()

    assert [first, second] == [(200, b"hi")] * 2
    assert len(writers) == 2


@contextmanager
def flooding(*before: bytes, flood: bytes) -> Iterator[str]:
    """A provider in a thread of its own, which says this for ever and as fast as it can."""
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connected, _ = listening.accept()
        with connected, suppress(OSError):
            connected.recv(2**16)
            connected.sendall(b"".join(before))
            while not over.is_set():
                connected.sendall(flood)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        over.set()
        thread.join(5)
        listening.close()


async def to_the_end(connection: Connection, deadline: float) -> None:
    while await connection.read_parts(deadline):
        pass


@pytest.mark.parametrize("flood", [b"HTTP/1.1 100 Continue\r\n\r\n" * 500, b"x-more: of the same\r\n" * 500])
async def test_a_head_without_end_is_no_head(flood: bytes) -> None:
    before = b"" if flood.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n"
    with flooding(before, flood=flood) as url, pytest.raises(WireError):
        await Pool().request("POST", url, {}, b"{}", connect_seconds=5, answer_seconds=5)


async def test_a_flood_neither_outlives_its_deadline_nor_stops_the_others() -> None:
    lived = 0

    async def others() -> None:
        nonlocal lived
        while True:
            lived += 1
            await asyncio.sleep(0)

    chunk = b"6\r\n: on\n\n\r\n"
    with flooding(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", flood=chunk * 5000) as url:
        exchange = await Pool().request("POST", url, {}, b"{}", connect_seconds=5, answer_seconds=5)
        beside = asyncio.ensure_future(others())
        deadline = asyncio.get_running_loop().time() + 0.05
        with pytest.raises(TimeoutError):
            await to_the_end(exchange.connection, deadline)
        exchange.abort()
        beside.cancel()

    assert lived > 1


async def test_a_refusal_of_a_request_that_was_not_read_to_its_end_is_heard() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.write_eof()
        while await reader.read(2**16):
            pass
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    exchange = await Pool().request("POST", url, {}, bytes(2**23), connect_seconds=5, answer_seconds=5)
    server.close()

    assert exchange.status == 413


async def test_a_provider_that_does_not_take_the_request_is_not_waited_for_any_longer_than_its_answer() -> None:
    over = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.transport.abort()

    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    with pytest.raises(TimeoutError):
        await Pool().request("POST", url, {}, bytes(2**25), connect_seconds=5, answer_seconds=0.02)
    over.set()
    server.close()


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://api.cerebras.ai/v1/x", "api.cerebras.ai", "/v1/x"),
        ("http://h:80", "h", "/"),
        ("http://h:8000/v1?a=b", "h:8000", "/v1?a=b"),
        ("https://[::1]:8443/v1", "[::1]:8443", "/v1"),
    ],
)
def test_an_address_becomes_a_host_header_and_a_target(url: str, host: str, target: str) -> None:
    origin, found = Origin.of(url)

    assert (host, target) == (origin.host_header, found)
