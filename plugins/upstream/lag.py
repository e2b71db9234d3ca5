"""How late our own loop is. What was measured while it was late says nothing about a provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LOOK_SECONDS = 0.05


class Lag:
    def __init__(self, now: Callable[[], float], most_seconds: Callable[[], float]) -> None:
        self._now = now
        self._most_seconds = most_seconds
        self._looked_at: float | None = None
        self._late_at = float("-inf")

    async def watch(self) -> None:
        """Runs as long as the process."""
        while True:
            self._looked_at = self._now()
            await asyncio.sleep(LOOK_SECONDS)
            self._look(self._now())

    def since(self, started: float) -> bool:
        """Whether it was too late at any time since then, or is right now."""
        self._look(self._now())
        return self._late_at >= started

    def _look(self, now: float) -> None:
        if self._looked_at is not None and now - self._looked_at - LOOK_SECONDS > self._most_seconds():
            self._late_at = now
