"""One answer as it streams in from a provider: watched, held until its first token, merged, never cut in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from plugins.policy.routing import Deadlines
from plugins.stream.decode import Decoder, Event, ProtocolError
from plugins.stream.merge import Merger
from plugins.stream.watch import Broken, Kind
from plugins.telemetry.record import Attempt, Fault, Outcome
from plugins.upstream.pool import Exchange
from plugins.upstream.wire import WireError

Clock = Callable[[], float]

_FAULT_AT_END = {
    Broken.NO_FINISH: Fault.NO_FINISH,
    Broken.EMPTY: Fault.NO_FINISH,
    Broken.ERROR_EVENT: Fault.ERROR_EVENT,
    Broken.MALFORMED: Fault.MALFORMED,
}


class AnswerBrokenError(Exception):
    """The provider's answer did not end as one that is whole."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


class Answer:
    """Reads the stream. Until `first_token` returns, nothing was passed on and another target may take over."""

    def __init__(self, exchange: Exchange, attempt: Attempt, deadlines: Deadlines, now: Clock) -> None:
        self._exchange = exchange
        self._attempt = attempt
        self._deadlines = deadlines
        self._now = now
        self._decoder = Decoder()
        self._seen: list[Event] = []  # not passed on yet

    async def first_token(self) -> None:
        """Wait until there is something worth passing on, or raise."""
        deadline = self._attempt.started + self._deadlines.first_token_seconds
        watch = self._attempt.watch
        while watch.first_token_at is None and not watch.whole:
            if not await self._read(deadline, Fault.FIRST_TOKEN_TIMEOUT):
                self._end()
                return

    async def events(self, window: float) -> AsyncIterator[list[Event]]:
        """Everything, in order, in batches at least a window apart."""
        while True:
            batch, self._seen = self._seen, []
            if self._attempt.watch.done:
                # Whoever reads [DONE] stops reading, so all is settled before it is passed on.
                if self._attempt.watch.whole:
                    self._attempt.end(Outcome.WHOLE, self._now())
                yield batch
                break
            if batch:
                yield batch
            if batch and window:
                await asyncio.sleep(window)  # what arrives meanwhile comes with one read
            if not await self._read(self._now() + self._deadlines.stall_seconds, Fault.STALL):
                break
        self._end()

    async def merged(self, window: float) -> AsyncIterator[bytes]:
        merger = Merger()
        async for batch in self.events(window):
            out = b"".join([merger.push(event) for event in batch]) if window else b"".join(e.raw for e in batch)
            out += merger.flush()
            if out:
                yield out

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
        self._take_in(chunk)
        return True

    def _take_in(self, chunk: bytes) -> None:
        now = self._now()
        try:
            events = self._decoder.feed(chunk)
        except ProtocolError as error:
            self._fail(Fault.MALFORMED, str(error))
        for event in events:
            if self._attempt.watch.done:
                return  # what follows [DONE] is nobody's
            kind = self._attempt.watch.see(event, now)
            if kind is Kind.ERROR:
                self._fail(Fault.ERROR_EVENT, "the provider reported an error within the stream")
            if kind is Kind.MALFORMED:
                self._fail(Fault.MALFORMED, "the provider sent something that is not an event")
            if kind is Kind.DONE and not self._attempt.watch.whole:
                continue  # a [DONE] behind half an answer would make it look whole
            self._seen.append(event)

    def _end(self) -> None:
        broken = self._attempt.watch.verdict_at_end()
        if broken is not None:
            self._fail(_FAULT_AT_END[broken], "the answer ended without a finish reason")
        self._attempt.end(Outcome.WHOLE, self._now())

    def _fail(self, fault: Fault, detail: str) -> None:
        began = self._attempt.watch.first_token_at is not None
        self._attempt.end(Outcome.BROKEN if began else Outcome.FAILED, self._now(), fault)
        self._exchange.abort()
        raise AnswerBrokenError(fault, detail)
