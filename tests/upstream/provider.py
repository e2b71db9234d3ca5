"""A provider in this process, on loopback: an aiohttp server that does what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from plugins.upstream.cruise import Deliver
from plugins.upstream.eager import left_of

Script = Callable[["Provider", web.Request], Awaitable[web.StreamResponse]]


class Provider:
    """Remembers what it was asked, over which connections, and whether somebody hung up on it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.url = ""
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: list[int] = []
        self.heard = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.go_on = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.connections.append(id(request.transport))
        self.heard.set()
        try:
            return await self._script(self, request)
        except (asyncio.CancelledError, ConnectionError):
            self.hung_up.set()
            raise


@asynccontextmanager
async def provider(script: Script) -> AsyncIterator[Provider]:
    made = Provider(script)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", made.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}/v1/chat/completions"
    try:
        yield made
    finally:
        made.go_on.set()
        await runner.cleanup()


def streams(*parts: bytes, cut: bool = False, hang: bool = False, headers: Mapping[str, str] | None = None) -> Script:
    """These parts as one event stream; then its end, a cut connection, or silence until the test says go on."""

    async def script(held: Provider, request: web.Request) -> web.StreamResponse:
        usual = {"content-type": "text/event-stream", "set-cookie": "a=b", "inference-id": "i1"}
        response = web.StreamResponse(headers={**usual, **(headers or {})})
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        if hang:
            await held.go_on.wait()
        if cut and request.transport is not None:
            request.transport.abort()
        return response

    return script


def answers(status: int, body: bytes, content_type: str = "application/json", **headers: str) -> Script:
    async def script(held: Provider, request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers={"content-type": content_type, **named})

    return script


async def silent(held: Provider, request: web.Request) -> web.StreamResponse:
    """Takes the request, and says nothing at all."""
    await held.go_on.wait()
    return web.Response()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  of another's making, who sets no event
        await asyncio.sleep(0)


def paced(*groups: tuple[bytes, ...]) -> Script:
    """Group by group, each once the test has said go on."""

    async def script(held: Provider, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for group in groups:
            for part in group:
                await response.write(part)
            await held.go_on.wait()
            held.go_on.clear()
        return response

    return script


def delivering(take: Callable[[bytes], Coroutine[Any, Any, None]]) -> Deliver:
    """A client's half, which is waited for only if it has to wait."""
    return lambda out: left_of(take(out))
