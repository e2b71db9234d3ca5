"""Over TLS as without it: every byte, connections that are kept, and nobody trusted who cannot prove who he is."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from plugins.upstream.pool import ConnectError, Pool
from plugins.upstream.wire import WireError
from tests.support.certificate import self_signed

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def secured(
    talk: Talk, certificate: Path, host: str = "127.0.0.1", newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that shakes hands and then talks, and how many connections it had."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        with suppress(ConnectionError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.maximum_version = newest
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://{host}:{server.sockets[0].getsockname()[1]}/v1", connections
    finally:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    return await reader.readexactly(length)


async def ask(pool: Pool, url: str, body: bytes = b"{}") -> bytes:
    exchange = await pool.request("POST", url, {}, body, connect_seconds=5, answer_seconds=5)
    try:
        return await exchange.read_all()
    finally:
        exchange.give_back(finished=True)


@pytest.fixture
async def pool(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    made = Pool()
    yield made
    await made.close()


async def test_ten_requests_over_tls_use_one_connection(pool: Pool, certificate: Path) -> None:
    """TLS 1.3 sends tickets behind the handshake: bytes on an idle connection that are no answer."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader):
            writer.write(OK)

    async with secured(talk, certificate) as (url, connections):
        assert [await ask(pool, url) for _ in range(10)] == [b"hi"] * 10
        assert len(connections) == 1


@pytest.mark.parametrize("size", [1, 2**14, 2**16, 2**22])
async def test_bodies_of_any_size_go_through_whole_both_ways(size: int, pool: Pool, certificate: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body[::-1]))
        await writer.drain()

    sent = bytes(range(256)) * (size // 256) or b"x"
    async with secured(talk, certificate) as (url, _):
        assert await ask(pool, url, sent) == sent[::-1]


@pytest.mark.parametrize("goodbye", ["polite", "abrupt"])
async def test_an_answer_that_is_cut_is_no_whole_one(goodbye: str, pool: Pool, certificate: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        if goodbye == "abrupt":
            writer.transport.abort()

    async with secured(talk, certificate) as (url, _):
        with pytest.raises(WireError):
            await ask(pool, url)


async def test_what_comes_with_the_last_words_of_the_handshake_is_heard(pool: Pool, certificate: Path) -> None:
    """A server that is too busy says so before it was asked, and nothing after it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\nno")
        await reader.read()

    async with secured(talk, certificate, newest=ssl.TLSVersion.TLSv1_2) as (url, _):
        assert await ask(pool, url) == b"no"


async def test_a_host_that_its_certificate_does_not_name_is_not_spoken_to(pool: Pool, certificate: Path) -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))

    async with secured(talk, certificate, host="localhost") as (url, _):
        with pytest.raises(ConnectError, match="SSLCertVerificationError"):
            await ask(pool, url)

    assert not any(heard)


async def test_a_host_that_nobody_vouches_for_is_not_spoken_to(certificate: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with secured(talk, certificate) as (url, _):
        with pytest.raises(ConnectError, match="SSLCertVerificationError"):
            await ask(Pool(), url)


async def test_a_port_that_does_not_speak_tls_is_an_error_and_not_a_wait(pool: Pool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        with pytest.raises(ConnectError):
            await ask(pool, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
