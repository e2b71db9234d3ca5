"""The operator's loggers, told of a request once it has ended: never in its way, and never without bound.

A request offers itself to a bounded queue; when that is full it is dropped and counted. One task takes from it and lets
a bounded number be heard at once, each for a bounded time, so that a logger that hangs holds up others for as long.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from plugins.telemetry.kept import Kept
from plugins.telemetry.record import Record

WAITING = 1000  # requests that have ended and were not told yet
HELD_BYTES = 2**26  # of their answers
AT_ONCE = 32
HEAR_SECONDS = 20.0  # as long as LiteLLM gives its loggers
LINGER_SECONDS = 3.0  # a server that shuts down waits for what still runs, and so for this


@dataclass(frozen=True, slots=True)
class Told:
    """A request that has ended, with its two clocks: moments are monotonic, loggers want the time of day."""

    record: Record
    kept: Kept
    ended: float
    ended_at: datetime

    def at(self, moment: float) -> datetime:
        return self.ended_at - timedelta(seconds=self.ended - moment)


Hear = Callable[[Told], Awaitable[None]]


class Loggers:
    def __init__(
        self,
        names: Sequence[str] = (),
        hear: Hear | None = None,
        *,
        waiting: int = WAITING,
        held_bytes: int = HELD_BYTES,
        at_once: int = AT_ONCE,
        hear_seconds: float = HEAR_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        self.names = tuple(names)
        self.listen = bool(names) and hear is not None
        self._hear = hear
        self._queue: asyncio.Queue[tuple[Told, asyncio.Event]] = asyncio.Queue(waiting)
        self._room = asyncio.Semaphore(at_once)
        self._hear_seconds = hear_seconds
        self._linger_seconds = linger_seconds
        self._hearing: set[asyncio.Task[None]] = set()
        self._held_bytes = held_bytes
        self._held = 0
        self._told = self._dropped = self._late = self._failed = 0

    async def tell(self, told: Told) -> None:
        """Called when the answer is out. Stays a little, so that a shutdown does not forget who is still to be told."""
        heard = asyncio.Event()
        if self._queue.full() or self._held + told.kept.size > self._held_bytes:
            self._dropped += 1
            self._once(self._dropped, "do not keep up, and were not told of a request")
            return
        self._held += told.kept.size
        self._queue.put_nowait((told, heard))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._linger_seconds):
                await heard.wait()

    async def keep(self) -> None:
        """For ever."""
        while True:
            await self._room.acquire()
            told, heard = await self._queue.get()
            task = asyncio.create_task(self._one(told, heard))
            self._hearing.add(task)
            task.add_done_callback(self._hearing.discard)

    def status(self) -> dict[str, Any]:
        return {
            "names": list(self.names),
            "told": self._told,
            "waiting": self._queue.qsize() + len(self._hearing),
            "dropped": self._dropped,
            "late": self._late,
            "failed": self._failed,
        }

    def note_failure(self, what: str) -> None:
        """One that raised. LiteLLM goes on to the next, and would say so in a log that we keep quiet."""
        self._failed += 1
        self._once(self._failed, f"failed, {what}")

    async def _one(self, told: Told, heard: asyncio.Event) -> None:
        assert self._hear is not None  # noqa: S101  nobody tells when nobody listens
        try:
            async with asyncio.timeout(self._hear_seconds):
                await self._hear(told)
            self._told += 1
        except TimeoutError:
            self._late += 1
            self._once(self._late, f"took more than {self._hear_seconds:g} s")
        except Exception as error:  # noqa: BLE001  foreign code
            self.note_failure(repr(error))
        finally:
            self._held -= told.kept.size
            self._room.release()
            heard.set()

    def _once(self, count: int, what: str) -> None:
        if count == 1:
            sys.stderr.write(f"loggers: {', '.join(self.names)} {what}; from now on this is counted in the status\n")
