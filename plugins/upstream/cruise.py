"""An answer on the beat, where no task is woken for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from plugins.stream.watch import Watch
from plugins.upstream.pool import Exchange

Deliver = Callable[[bytes], Awaitable[None] | None]  # what is left of it, if it had to wait


class Passenger(Protocol):
    def take_in(self, parts: list[bytes]) -> None: ...

    def handed_out(self) -> bytes:
        """What was taken in; b"" when somebody has to look at it first."""


class Cruise:
    """Lets a window pass and takes in what came; then delivers it and goes on, as long as nobody has to wait.

    All answers of a beat are read before any is delivered: a client that is woken for each write costs us more than
    the write itself, and what reads is warm for the next to be read.
    """

    def __init__(
        self, answer: Passenger, exchange: Exchange, watch: Watch, window: float, deliver: Deliver | None
    ) -> None:
        loop = asyncio.get_running_loop()
        self.over: asyncio.Future[Awaitable[None] | None] = loop.create_future()  # what is left of a delivery
        self._answer = answer
        self._connection = exchange.connection
        self._watch = watch
        # The nearest beat: who waits for two beats is not made to wait for three.
        self._window = window - exchange.beat.seconds / 2
        self._due = loop.time() + self._window
        self._deliver = deliver
        self._beat = exchange.beat
        self._beat.join(self._step)

    def _step(self, now: float) -> bool:
        if self.over.done():  # whoever waited was cancelled, or has a delivery to finish
            return False
        connection = self._connection
        try:
            last = connection.pull()
            if now < self._due and not connection.over and not (last and self._watch.is_news(last)):
                return True
            return self._window_passed(now)
        except Exception as error:  # noqa: BLE001  it belongs to whoever waits, not to the beat
            self.over.set_exception(error)
            return False

    def _window_passed(self, now: float) -> bool:
        deliver, connection = self._deliver, self._connection
        parts = connection.parts()
        if parts:
            self._answer.take_in(parts)
            if deliver is not None and not connection.over and (out := self._answer.handed_out()):
                self._due = now + self._window
                self._beat.afterwards(partial(self._give, deliver, out))
                return True
        self.over.set_result(None)
        return False

    def _give(self, deliver: Deliver, out: bytes) -> None:
        try:
            rest = deliver(out)
        except Exception as error:  # noqa: BLE001  as above
            self.over.set_exception(error)
        else:
            if rest is not None:
                self.over.set_result(rest)
