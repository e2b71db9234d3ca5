"""One answer as it streams in: held until its first token, passed on in windows, never cut in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from plugins.policy.routing import Deadlines
from plugins.stream.relay import Reader
from plugins.stream.watch import Broken, Watch
from plugins.telemetry.record import Attempt, Fault, Outcome
from plugins.upstream.eager import Done, started
from plugins.upstream.pool import Exchange
from plugins.upstream.wire import WireError

WRITE_SECONDS = 30  # for a client to take what it was sent
MOST_HELD_BYTES = 2**20  # before the first token

Clock = Callable[[], float]
Deliver = Callable[[bytes], Coroutine[Any, Any, None]]

_FAULTS = {
    Broken.NO_FINISH: (Fault.NO_FINISH, "the answer ended without a finish reason"),
    Broken.EMPTY: (Fault.NO_FINISH, "the answer ended before it began"),
    Broken.ERROR_EVENT: (Fault.ERROR_EVENT, "the provider reported an error within the stream"),
    Broken.MALFORMED: (Fault.MALFORMED, "the provider sent something that is not an event"),
}


class AnswerBrokenError(Exception):
    """The provider's answer did not end as one that is whole."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


class Answer:
    """Reads the stream. Until `first_token` returns, nothing was passed on and another target may take over."""

    def __init__(self, exchange: Exchange, attempt: Attempt, reader: Reader, deadlines: Deadlines, now: Clock) -> None:
        self._exchange = exchange
        self._attempt = attempt
        self._reader = reader
        self._deadlines = deadlines
        self._now = now
        self._out = b""  # not passed on yet
        self._delivered = False  # and nothing has been waited for since
        self._ended = False
        self._over_at = attempt.started + deadlines.total_seconds
        self._heard = 0  # events of the answer
        self._heard_at = 0.0  # when there was one last; a comment now and then does not make a provider alive

    async def first_token(self) -> None:
        """Wait until there is something worth passing on, or raise."""
        deadline = self._attempt.started + self._deadlines.first_token_seconds
        watch = self._attempt.watch
        while watch.first_token_at is None and not watch.whole:
            arrived = await self._read(deadline, Fault.FIRST_TOKEN_TIMEOUT)
            if watch.first_token_at is None:
                self._check()
                if len(self._out) > MOST_HELD_BYTES:
                    self._fail(Fault.MALFORMED, "the provider says much, and nothing of it is an answer")
            if not arrived:
                self._end()
                break
        self._heard_at = self._now()

    async def next(self, window: float) -> bytes:
        """The next delivery, a window after the last: what arrives meanwhile comes as one. b"" at the end."""
        watch = self._attempt.watch
        while True:
            self._keep_time()
            if self._out:
                break
            self._check()
            if watch.done or self._ended:
                self._end()
                return b""
            if self._delivered and window:
                await self._cruise(window, None)
            if not self._out:
                self._ended = not await self._read(self._heard_at + self._deadlines.stall_seconds, Fault.STALL)
        self._delivered = True
        if self.has_said_all:
            self._attempt.end(Outcome.WHOLE, self._now())  # whoever reads [DONE] stops reading
        out, self._out = self._out, b""
        return out

    async def relay(self, window: float, deliver: Deliver) -> None:
        """All of it, window by window."""
        while out := await self.next(window):
            await self._written(started(deliver(out)))
            if window and not self._nothing_follows:
                await self._cruise(window, deliver)

    async def _cruise(self, window: float, deliver: Deliver | None) -> None:
        """Let a window pass and take in what came; then deliver it and go on, as long as nobody has to wait.

        All of that happens on the beat, where no task is woken. The rest is for `next`: ends, errors, and silence.
        """
        cruise = _Cruise(self, self._exchange, self._attempt.watch, window, deliver)
        self._delivered = False
        if (rest := await cruise.over) is not None:
            await self._written(rest)
            self._delivered = True

    async def _written(self, rest: Done[None] | Awaitable[None]) -> None:
        if not isinstance(rest, Done):
            await written(rest)
            self._heard_at = self._now()  # meanwhile nobody listened to the provider

    async def read_to_end(self) -> None:
        while await self.next(0):
            pass
        self.close()

    @property
    def has_spoken(self) -> bool:
        return self._attempt.watch.first_token_at is not None

    @property
    def has_said_all(self) -> bool:
        """And says so: a finish reason for every choice, and [DONE]."""
        return self._attempt.watch.done and self._attempt.watch.whole

    def close(self) -> None:
        """The reader is done or gone. Closing an answer that is still running stops the provider."""
        whole = self._attempt.watch.whole
        self._attempt.end(Outcome.WHOLE if whole else Outcome.CLIENT_GONE, self._now())
        self._exchange.give_back(finished=whole)

    async def _read(self, deadline: float, late: Fault) -> bool:
        """Take in what has arrived; False at the end of the stream."""
        left = min(deadline, self._over_at) - self._now()
        fault = late if deadline <= self._over_at else Fault.TOTAL_TIMEOUT
        if left <= 0:
            return self._gives_up(fault, "the provider fell silent")
        try:
            parts = await self._exchange.read(left)
        except TimeoutError:
            return self._gives_up(fault, "the provider fell silent")
        except WireError:
            return self._gives_up(Fault.CUT, "the connection ended early")
        if not parts:
            return False
        self.take_in(parts)
        return True

    def _gives_up(self, fault: Fault, detail: str) -> bool:
        """False, if it has said all there is and only its farewell is missing."""
        if not self._attempt.watch.whole:
            self._fail(fault, detail)
        return False

    def take_in(self, parts: list[bytes]) -> None:
        self._out += self._reader.feed(parts, self._now())

    def handed_out(self) -> bytes:
        """What was taken in; b"" when there is something that `next` has to see: an end, a break, or no progress."""
        watch, now = self._attempt.watch, self._now()
        if self._nothing_follows or watch.events == self._heard or now > self._over_at:
            return b""
        self._heard, self._heard_at = watch.events, now
        out, self._out = self._out, b""
        return out

    @property
    def _nothing_follows(self) -> bool:
        return self._reader.broken is not None or self._attempt.watch.done or self._ended

    def _keep_time(self) -> None:
        watch, now = self._attempt.watch, self._now()
        if watch.events > self._heard:
            self._heard, self._heard_at = watch.events, now
        if now > self._over_at:
            self._ended = not self._gives_up(Fault.TOTAL_TIMEOUT, "the provider took too long")
        elif now > self._heard_at + self._deadlines.stall_seconds:
            self._ended = not self._gives_up(Fault.STALL, "the provider fell silent")

    def _check(self) -> None:
        if self._reader.broken is not None:
            self._fail(*_FAULTS[self._reader.broken])

    def _end(self) -> None:
        broken = self._attempt.watch.verdict_at_end()
        if broken is not None:
            self._fail(*_FAULTS[broken])
        self._attempt.end(Outcome.WHOLE, self._now())

    def _fail(self, fault: Fault, detail: str) -> None:
        began = self._attempt.watch.first_token_at is not None
        self._attempt.end(Outcome.BROKEN if began else Outcome.FAILED, self._now(), fault)
        self._exchange.abort()
        raise AnswerBrokenError(fault, detail)


async def written(rest: Done[None] | Awaitable[None]) -> None:
    """TimeoutError when whoever it is for does not take it; the provider waits as long."""
    if not isinstance(rest, Done):
        async with asyncio.timeout(WRITE_SECONDS):
            await rest


class _Cruise:
    """An answer on the beat."""

    def __init__(
        self, answer: Answer, exchange: Exchange, watch: Watch, window: float, deliver: Deliver | None
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
