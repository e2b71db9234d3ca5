"""One timer for all answers: whatever is due at a beat is done in one go, while the caches are warm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context

BEAT_SECONDS = 0.005

Step = Callable[[float], bool]  # is told the loop's time; whether it wants the next beat as well


class Beat:
    """Beats while anybody listens, and not otherwise."""

    def __init__(self, seconds: float = BEAT_SECONDS) -> None:
        self.seconds = seconds
        self._steps: list[Step] = []
        self._afterwards: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None  # that the next beat is due on
        self._nobodys = Context()  # not that of whichever request happens to be the first

    def join(self, step: Step) -> None:
        loop = asyncio.get_running_loop()
        self._steps.append(step)
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(self.seconds, self._beat, loop, context=self._nobodys)

    def afterwards(self, act: Callable[[], None]) -> None:
        """Of a step: do it when all steps of this beat are done."""
        self._afterwards.append(act)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        steps, self._steps = self._steps, []
        self._steps += [step for step in steps if step(now)]
        acts, self._afterwards = self._afterwards, []
        for act in acts:
            act()
        if self._steps:
            loop.call_later(self.seconds, self._beat, loop, context=self._nobodys)
        else:
            self._loop = None
