"""How late our own loop is. What was measured while it was late says nothing about a provider."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

LOOK_SECONDS = 0.05
LASTING_LOOKS = 3  # one pause is not a process that does not keep up


class Lag:
    def __init__(self, now: Callable[[], float], most_seconds: Callable[[], float]) -> None:
        self._now = now
        self._most_seconds = most_seconds
        self._looked_at: float | None = None
        self._late_at = float("-inf")
        self._lateness = deque([0.0] * LASTING_LOOKS, LASTING_LOOKS)

    async def watch(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Runs as long as the process."""
        while True:
            self._looked_at = self._now()
            await sleep(LOOK_SECONDS)
            now = self._now()
            self._look(now)
            self._lateness.append(now - self._looked_at - LOOK_SECONDS)

    @property
    def lasting(self) -> float:
        """How late it was at every one of the last looks, in seconds."""
        return min(self._lateness)

    def since(self, started: float) -> bool:
        """Whether it was too late at any time since then, or is right now."""
        self._look(self._now())
        return self._late_at >= started

    def _look(self, now: float) -> None:
        if self._looked_at is not None and now - self._looked_at - LOOK_SECONDS > self._most_seconds():
            self._late_at = now
