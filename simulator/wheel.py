"""One clock for all streams: what is due in the same millisecond is done in the same turn of the loop."""

import asyncio
import os
import time
from collections.abc import Callable
from math import ceil

from simulator import timerfd

SLOT_SECONDS = 0.001

Act = Callable[[float], None]


class Wheel:
    """Runs acts at their time, to the millisecond, and costs nothing while none is waiting."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, list[Act]] = {}
        self._done = 0
        self._running = False
        self._fd = timerfd.create() if timerfd.available() else None
        if self._fd is not None:
            loop.add_reader(self._fd, self._fired)

    def at(self, when: float, act: Act) -> None:
        """`act(now)` once `when` (monotonic) has come; never inside this call."""
        if not self._running:
            self._start()
        slot = max(ceil(when / SLOT_SECONDS), self._done + 1)
        waiting = self._slots.get(slot)
        if waiting is None:
            self._slots[slot] = [act]
        else:
            waiting.append(act)

    def close(self) -> None:
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None
        self._slots.clear()

    def turn(self, now: float) -> None:
        """Does everything due at `now`."""
        reached = int(now / SLOT_SECONDS)
        while self._done < reached:
            self._done += 1
            for act in self._slots.pop(self._done, ()):
                act(now)

    def _start(self) -> None:
        self._running = True
        self._done = max(self._done, int(time.monotonic() / SLOT_SECONDS) - 1)
        if self._fd is None:
            self._loop.call_later(SLOT_SECONDS, self._fired)
        else:
            # On the slot's own edge: what is due in a slot is then done as it begins, not some part of it later.
            timerfd.start(self._fd, (self._done + 3) * SLOT_SECONDS, SLOT_SECONDS)

    def _fired(self) -> None:
        if self._fd is not None:
            try:
                os.read(self._fd, 8)
            except BlockingIOError:
                return
        self.turn(time.monotonic())
        if not self._slots:
            self._stop()
        elif self._fd is None:
            self._loop.call_later(SLOT_SECONDS, self._fired)

    def _stop(self) -> None:
        self._running = False
        if self._fd is not None:
            timerfd.stop(self._fd)
