"""Connections to providers, opened once and kept: rebuilding one per request doubles the first-token time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp

from plugins.policy.routing import Deadlines

KEEPALIVE_SECONDS = 120
DRAIN_SECONDS = 1.0

# What can go wrong on the way to a provider, before or after it began to answer.
TRANSPORT_ERRORS = (aiohttp.ClientError, OSError)


class Pool:
    """One session for the life of the process. It is made on first use, since it belongs to the running loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._draining: set[asyncio.Task[None]] = set()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS, ttl_dns_cache=60)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
                read_bufsize=2**18,
            )
        return self._session

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadlines: Deadlines
    ) -> aiohttp.ClientResponse:
        """The answer's status and headers, which may come late, but not later than the first token may."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=deadlines.connect_seconds)
        async with asyncio.timeout(deadlines.first_token_seconds):
            return await self._open_session().request(
                method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False
            )

    def give_back(self, response: aiohttp.ClientResponse, *, finished: bool) -> None:
        """Keep the connection if the answer is over but for its last bytes; otherwise close it to stop the provider."""
        if not finished:
            response.close()
        elif not response.content.at_eof():
            task = asyncio.ensure_future(_drain(response))
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _drain(response: aiohttp.ClientResponse) -> None:
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while not response.content.at_eof():
                await response.content.readany()
    except (TimeoutError, *TRANSPORT_ERRORS):
        response.close()
