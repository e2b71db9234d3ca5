"""Connections that are there before the first user is: opened at the start, and kept from going cold."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from plugins.policy.targets import Address
from plugins.upstream.answer import Clock
from plugins.upstream.pool import Exchange, Origin, Pool
from plugins.upstream.wire import WireError

KEEP_WARM_SECONDS = 45  # well within what a pool keeps
WARMING_PATH = "/v1/tcp_warming"  # Cerebras' own; others answer 404, which warms as well

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 3.0


@dataclass(slots=True)
class Warmth:
    """What the first and the latest round trip to an origin took; None where there was none."""

    cold_ms: float | None = None
    warm_ms: float | None = None
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"cold_ms": self.cold_ms, "warm_ms": self.warm_ms, "error": self.error}


class Warming:
    """One cheap request per origin, twice at the start and then now and again."""

    def __init__(self, pool: Pool, addresses: Iterable[Address], now: Clock) -> None:
        self._pool = pool
        self._now = now
        self._addresses: dict[Origin, Address] = {}
        for address in addresses:
            self._addresses.setdefault(Origin.of(address.url)[0], address)
        self._warmths = {origin: Warmth() for origin in self._addresses}

    def status(self) -> dict[str, Any]:
        return {origin.host_header: warmth.as_dict() for origin, warmth in self._warmths.items()}

    async def keep(self) -> None:
        """Runs as long as the process."""
        await self.round()
        while True:
            await self.round()
            await asyncio.sleep(KEEP_WARM_SECONDS)

    async def round(self) -> None:
        """One request per origin, all at once."""
        await asyncio.gather(*(self._warm(origin, address) for origin, address in self._addresses.items()))

    async def _warm(self, origin: Origin, address: Address) -> None:
        warmth = self._warmths[origin]
        url = urlunsplit(urlsplit(address.url)._replace(path=WARMING_PATH, query=""))
        headers = {"authorization": f"Bearer {address.key}"}
        began = self._now()
        exchange: Exchange | None = None
        try:
            exchange = await self._pool.request(
                "GET", url, headers, b"", connect_seconds=CONNECT_SECONDS, answer_seconds=ANSWER_SECONDS
            )
            async with asyncio.timeout(ANSWER_SECONDS):
                await exchange.read_all()
            exchange.give_back(finished=True)
        except (TimeoutError, WireError) as error:
            if exchange is not None:
                exchange.abort()
            warmth.error = type(error).__name__
            return
        took = round((self._now() - began) * 1000, 2)
        warmth.error = None
        if warmth.cold_ms is None:
            warmth.cold_ms = took
        else:
            warmth.warm_ms = took
