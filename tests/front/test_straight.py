"""Parts of an answer past uvicorn's `send`: the same bytes at the client, and never where `send` is needed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvicorn

from plugins.front.asgi import Message, Receive, Scope, Send
from plugins.front.straight import straight

SOON = 5.0
START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
LARGE = b"x" * 2**20
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def body(part: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": part, "more_body": more}


@asynccontextmanager
async def asked(app: App) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A request to a real uvicorn that serves it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, http="httptools", lifespan="off", log_level="critical"))
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        try:
            async with asyncio.timeout(SOON):
                yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


async def text(reader: asyncio.StreamReader) -> bytes:
    """Of an answer in chunks."""
    await reader.readuntil(b"\r\n\r\n")
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    return b"".join(parts)


async def test_parts_arrive_in_order_whichever_way_they_went() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send(START)
        write = straight(send)
        assert write(b"one ")
        await send(body(b"two "))
        assert write(b"three ")
        assert write(LARGE)
        await send(body(b" four", more=False))

    async with asked(app) as (reader, _):
        assert await text(reader) == b"one two three " + LARGE + b" four"


async def test_nothing_goes_past_a_client_that_does_not_keep_up() -> None:
    refused = asyncio.Event()

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send(START)
        write = straight(send)
        written = 0
        while write(LARGE):
            written += 1
        refused.set()
        await send(body(LARGE))  # which waits for the client
        assert write(b"end")
        await send(body(b"%d" % (written + 1), more=False))

    async with asked(app) as (reader, _):
        await refused.wait()
        told = await text(reader)

        assert told.rstrip(b"0123456789") == LARGE * int(told.rpartition(b"end")[2]) + b"end"


async def test_nothing_is_written_to_a_client_that_has_left() -> None:
    seen: asyncio.Queue[bool] = asyncio.Queue()

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        write = straight(send)
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass
        seen.put_nowait(write(b"anybody there?"))

    async with asked(app) as (_, writer):
        writer.close()

        assert await seen.get() is False


async def test_a_part_without_text_is_not_taken_for_the_end() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send(START)
        assert not straight(send)(b"")
        await send(body(b"all of it", more=False))

    async with asked(app) as (reader, _):
        assert await text(reader) == b"all of it"


async def test_before_the_headers_and_where_a_length_was_named_send_has_to_see_to_it() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        write = straight(send)
        assert not write(b"too early")
        await send({**START, "headers": [(b"content-length", b"3")]})
        assert not write(b"abc")
        await send(body(b"abc", more=False))

    async with asked(app) as (reader, _):
        await reader.readuntil(b"\r\n\r\n")

        assert await reader.readexactly(3) == b"abc"


async def test_a_send_that_is_not_uvicorns_is_left_to_itself() -> None:
    async def send(_: Message) -> None:
        raise AssertionError("it was called")

    assert not straight(send)(b"part")
