"""Connections that are there before the first user is: opened at the start, and kept from going cold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from plugins.policy.targets import CEREBRAS, Address
from plugins.upstream.answer import Clock
from plugins.upstream.pool import Exchange, Origin, Pool
from plugins.upstream.wire import WireError

KEEP_WARM_SECONDS = 45  # well within what a pool keeps
WARMING_PATH = "/v1/tcp_warming"

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 3.0


@dataclass(slots=True)
class Warmth:
    """What the first and the latest round of round trips to an origin took; None where there was none."""

    cold_ms: float | None = None
    warm_ms: float | None = None
    connections: int = 0  # that answered in the latest round
    status: int | None = None
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "cold_ms": self.cold_ms,
            "warm_ms": self.warm_ms,
            "connections": self.connections,
            "status": self.status,
            "error": self.error,
        }

    def take(self, answers: list[_Answered | str]) -> None:
        answered = [each for each in answers if not isinstance(each, str)]
        self.error = next((each for each in answers if isinstance(each, str)), None)
        self.connections = len(answered)
        if not answered:
            return
        self.status = answered[0].status
        took = round(median(each.ms for each in answered), 2)
        if self.cold_ms is None:
            self.cold_ms = took
        else:
            self.warm_ms = took


@dataclass(frozen=True, slots=True)
class _Answered:
    status: int
    ms: float


def knock(provider: str, address: Address) -> tuple[str, str]:
    """The cheapest request a provider answers. Cerebras has an address for it; others may count what they are asked,
    so they are asked for nothing: the head of what lies at their base, which is usually a 404."""
    if provider == CEREBRAS:
        return "GET", urlunsplit(urlsplit(address.url)._replace(path=WARMING_PATH, query=""))
    return "HEAD", address.url.removesuffix("/chat/completions")


class Warming:
    """Some connections to each origin, twice at the start and then now and again, all at once."""

    def __init__(
        self, pool: Pool, addresses: Iterable[tuple[str, Address]], now: Clock, connections: Callable[[], int]
    ) -> None:
        self._pool = pool
        self._now = now
        self._connections = connections
        self._knocks: dict[Origin, tuple[str, str, str]] = {}
        for provider, address in addresses:
            self._knocks.setdefault(Origin.of(address.url)[0], (*knock(provider, address), address.key))
        self._warmths = {origin: Warmth() for origin in self._knocks}

    def status(self) -> dict[str, Any]:
        return {origin.host_header: warmth.as_dict() for origin, warmth in self._warmths.items()}

    async def begin(self) -> None:
        """Connect, then see what a kept connection takes."""
        await self.round()
        await self.round()

    async def keep(self) -> None:
        """Runs as long as the process."""
        while True:
            await asyncio.sleep(KEEP_WARM_SECONDS)
            await self.round()

    async def round(self) -> None:
        await asyncio.gather(*(self._warm(origin) for origin in self._knocks))

    async def _warm(self, origin: Origin) -> None:
        # All are under way before the first is back, so each takes a connection of its own.
        knocks = [self._knock(*self._knocks[origin]) for _ in range(self._connections())]
        self._warmths[origin].take(await asyncio.gather(*knocks))

    async def _knock(self, method: str, url: str, key: str) -> _Answered | str:
        """The answer, or what went wrong."""
        began = self._now()
        exchange: Exchange | None = None
        try:
            exchange = await self._pool.request(
                method,
                url,
                {"authorization": f"Bearer {key}"},
                b"",
                connect_seconds=CONNECT_SECONDS,
                answer_seconds=ANSWER_SECONDS,
            )
            async with asyncio.timeout(ANSWER_SECONDS):
                await exchange.read_all()
            exchange.give_back(finished=True)
        except (TimeoutError, WireError) as error:
            return type(error).__name__
        finally:
            if exchange is not None:
                exchange.abort()  # nothing, once it was given back
        return _Answered(exchange.status, (self._now() - began) * 1000)
