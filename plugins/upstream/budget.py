"""The retry budget over all traffic: second attempts await their first token a few at a time, and the others wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from plugins.policy.circuits import Attempts


class Budget:
    """Without it, a provider that fails would have all it was carrying fall upon the next at once."""

    def __init__(self, settings: Callable[[], Attempts]) -> None:
        self._settings = settings
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.in_flight = 0
        self.extra = 0  # of them, those that are not a request's first and await their first token

    @property
    def _has_room(self) -> bool:
        settings = self._settings()
        return self.extra < max(settings.extra_minimum, settings.extra_ratio * self.in_flight)

    async def take_extra(self, seconds: float) -> bool:
        """Whether its turn came in time."""
        if self._has_room and not self._waiting:
            self.extra += 1
            return True
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # its turn came as it left
                self.give_extra_back()
            elif turn in self._waiting:  # nor was it passed over as it left
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def give_extra_back(self) -> None:
        self.extra -= 1
        while self._waiting and self._has_room:
            turn = self._waiting.popleft()
            if not turn.done():
                self.extra += 1
                turn.set_result(None)
