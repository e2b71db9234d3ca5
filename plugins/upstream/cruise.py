"""An answer on the beat, where no task is woken for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from plugins.stream.watch import Watch
from plugins.upstream.eager import Done, started
from plugins.upstream.pool import Exchange

Deliver = Callable[[bytes], Coroutine[Any, Any, None]]


class Passenger(Protocol):
    def take_in(self, parts: list[bytes]) -> None: ...

    def handed_out(self) -> bytes:
        """What was taken in; b"" when somebody has to look at it first."""


class Cruise:
    """Lets a window pass and takes in what came; then delivers it and goes on, as long as nobody has to wait."""

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
        exchange.beat.join(self._step)

    def _step(self, now: float) -> bool:
        if self.over.done():  # whoever waited was cancelled
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
        parts = self._connection.parts()
        if parts:
            self._answer.take_in(parts)
            if self._deliver is not None and not self._connection.over and (out := self._answer.handed_out()):
                rest = started(self._deliver(out))
                if isinstance(rest, Done):
                    self._due = now + self._window
                    return True
                self.over.set_result(rest)
                return False
        self.over.set_result(None)
        return False
