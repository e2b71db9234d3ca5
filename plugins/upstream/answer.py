"""One answer as it streams in: held until its first token, passed on in windows, never cut in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from plugins.policy.routing import Deadlines
from plugins.stream.relay import Reader
from plugins.stream.watch import Broken
from plugins.telemetry.record import Attempt, Fault, Outcome
from plugins.upstream.pool import Exchange
from plugins.upstream.wire import WireError

Clock = Callable[[], float]

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
        self._out: list[bytes] = []  # not passed on yet

    async def first_token(self) -> None:
        """Wait until there is something worth passing on, or raise."""
        deadline = self._attempt.started + self._deadlines.first_token_seconds
        watch = self._attempt.watch
        while watch.first_token_at is None and not watch.whole:
            arrived = await self._read(deadline, Fault.FIRST_TOKEN_TIMEOUT)
            if watch.first_token_at is None:
                self._check()
            if not arrived:
                self._end()
                return

    async def deliveries(self, window: float) -> AsyncIterator[bytes]:
        """Everything, in order, at least a window apart: what arrives meanwhile comes with one read."""
        watch = self._attempt.watch
        heard, since = 0, self._now()
        while True:
            out, self._out = self._out, []
            if watch.done and watch.whole:
                self._attempt.end(Outcome.WHOLE, self._now())  # whoever reads [DONE] stops reading
            if out:
                yield out[0] if len(out) == 1 else b"".join(out)
            self._check()
            if watch.done:
                break
            if out and window:
                await asyncio.sleep(window)
            if watch.events > heard:  # a comment now and then does not make a provider alive
                heard, since = watch.events, self._now()
            if not await self._read(since + self._deadlines.stall_seconds, Fault.STALL):
                break
        self._end()

    async def read_to_end(self) -> None:
        async for _ in self.deliveries(0):
            pass
        self.close()

    @property
    def has_spoken(self) -> bool:
        return self._attempt.watch.first_token_at is not None

    @property
    def said_done(self) -> bool:
        return self._attempt.watch.done

    def close(self) -> None:
        """The reader is done or gone. Closing an answer that is still running stops the provider."""
        whole = self._attempt.watch.whole
        self._attempt.end(Outcome.WHOLE if whole else Outcome.CLIENT_GONE, self._now())
        self._exchange.give_back(finished=whole)

    async def _read(self, deadline: float, late: Fault) -> bool:
        """Take in what has arrived; False at the end of the stream."""
        total = self._attempt.started + self._deadlines.total_seconds
        try:
            async with asyncio.timeout(max(min(deadline, total) - self._now(), 0)):
                chunk = await self._exchange.read()
        except (TimeoutError, WireError) as error:
            if self._attempt.watch.whole:
                return False  # it has said all there is; only its farewell is missing
            if isinstance(error, TimeoutError):
                self._fail(late if deadline <= total else Fault.TOTAL_TIMEOUT, "the provider fell silent")
            self._fail(Fault.CUT, "the connection ended early")
        if not chunk:
            return False
        out = self._reader.feed(chunk, self._now())
        if out:
            self._out.append(out)
        return True

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
