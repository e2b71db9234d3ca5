"""One answer as it streams in: held until its first token, passed on in windows, never cut in silence."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf

from plugins.policy.deadlines import Deadlines
from plugins.stream.pace import drips
from plugins.stream.relay import Reader
from plugins.stream.watch import Broken
from plugins.telemetry.record import Attempt, Fault, Outcome
from plugins.upstream.cruise import Cruise, Deliver
from plugins.upstream.pool import Exchange
from plugins.upstream.wire import WireError

WRITE_SECONDS = 30  # for a client to take what it was sent
MOST_HELD_BYTES = 2**20  # before the first token
MOST_WHOLE_BYTES = 2**20  # of an answer that is read whole before any of it leaves
WHOLE_WINDOW = 0.25  # seconds; nobody sees it meanwhile, and fewer events cost less

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
    """Reads the stream. Until it is committed nothing was passed on, and another target may take over."""

    def __init__(
        self,
        exchange: Exchange,
        attempt: Attempt,
        reader: Reader,
        deadlines: Deadlines,
        now: Clock,
        request_over_at: float = inf,
        others: Callable[[], bool] | None = None,
    ) -> None:
        self._exchange = exchange
        self._attempt = attempt
        self._reader = reader
        self._deadlines = deadlines
        self._now = now
        self._out = b""  # not passed on yet
        self._held: deque[bytes] = deque()  # before that; in pieces, each of which a client has its time to take
        self._delivered = False  # and nothing has been waited for since
        self._ended = False
        self._over_at = min(attempt.started + deadlines.total_seconds, request_over_at)
        self._over = Fault.TOTAL_TIMEOUT if self._over_at < request_over_at else Fault.REQUEST_TIMEOUT
        self._others = others  # whether one could take over; None as soon as none may
        self._judged_at = inf  # the end of its opening stretch
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
        if watch.first_token_at is not None and self._deadlines.minimum_tokens_per_s:
            self._judged_at = watch.first_token_at + self._deadlines.pace_seconds

    async def hold(self, seconds: float) -> None:
        """Pass nothing on for so long, or raise."""
        over_at = self._now() + seconds
        while not self._nothing_follows and (left := over_at - self._now()) > 0:
            await self._cruise(left, None)
            if self._exchange.connection.over:
                self._ended = not await self._read(inf, Fault.STALL)
        self._check()
        if self._nothing_follows:
            self._end()

    async def hold_whole(self, window: float, most_seconds: float) -> None:
        """Pass nothing on before all of it is there, or it is too much or too late for that."""
        held, size, over_at = deque[bytes](), 0, self._now() + most_seconds
        while out := await self.next(window and WHOLE_WINDOW):
            held.append(out)
            size += len(out)
            if size > MOST_WHOLE_BYTES or self._now() > over_at:
                break
        self._held = held

    def commit(self) -> None:
        """From now on it leaves, and nobody can take over."""
        self._others = None

    async def next(self, window: float) -> bytes:
        """The next delivery, a window after the last: what arrives meanwhile comes as one. b"" at the end."""
        if self._held:
            return self._held.popleft()
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
                self._ended = not await self._more()
        self._delivered = True
        if self.has_said_all:
            self._attempt.end(Outcome.WHOLE, self._now())  # whoever reads [DONE] stops reading
        out, self._out = self._out, b""
        return out

    async def relay(self, window: float, deliver: Deliver) -> None:
        """All of it, window by window."""
        while out := await self.next(window):
            await self._written(deliver(out))
            if window and not (self._nothing_follows or self._held):
                await self._cruise(window, deliver)

    async def _cruise(self, window: float, deliver: Deliver | None) -> None:
        """Let a window pass and take in what came; then deliver it and go on, as long as nobody has to wait.

        All of that happens on the beat, where no task is woken. The rest is for `next`: ends, errors, and silence.
        """
        cruise = Cruise(self, self._exchange, self._attempt.watch, window, deliver)
        self._delivered = False
        if (rest := await cruise.over) is not None:
            await self._written(rest)
            self._delivered = True

    async def _written(self, rest: Awaitable[None] | None) -> None:
        if rest is not None:
            await written(rest)
            self._heard_at = self._now()  # meanwhile nobody listened to the provider
            self._judged_at = inf  # nor can anybody tell now whose pace it was

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
        return self._attempt.watch.done and self._attempt.watch.whole and not self._held

    def close(self) -> None:
        """The reader is done or gone. Closing an answer that is still running stops the provider."""
        whole = self._attempt.watch.whole
        self._attempt.end(Outcome.WHOLE if whole else Outcome.CLIENT_GONE, self._now())
        self._exchange.give_back(finished=whole)

    async def _more(self) -> bool:
        """What comes next, as long as silence may last; where others could take over, no longer than it may drip."""
        stalled = self._heard_at + self._deadlines.stall_seconds
        if self._others is not None and self._judged_at < stalled:
            return await self._read(self._judged_at, Fault.PACE)
        return await self._read(stalled, Fault.STALL)

    async def _read(self, deadline: float, late: Fault) -> bool:
        """Take in what has arrived; False at the end of the stream."""
        left = min(deadline, self._over_at) - self._now()
        fault = late if deadline <= self._over_at else self._over
        if left <= 0:
            return self._late(fault)
        try:
            parts = await self._exchange.read(left)
        except TimeoutError:
            return self._late(fault)
        except WireError:
            return self._gives_up(Fault.CUT, "the connection ended early")
        if not parts:
            return False
        self.take_in(parts)
        return True

    def _late(self, fault: Fault) -> bool:
        if fault is Fault.PACE:
            self._judge_pace(max(self._now(), self._judged_at))
            return True
        return self._gives_up(fault, "the provider fell silent")

    def _gives_up(self, fault: Fault, detail: str) -> bool:
        """False, if it has said all there is and only its farewell is missing."""
        if not self._attempt.watch.whole:
            self._fail(fault, detail)
        return False

    def take_in(self, parts: list[bytes]) -> None:
        now = self._now()
        self._out += self._reader.feed(parts, now)
        if now >= self._judged_at:
            self._judge_pace(now)

    def _judge_pace(self, now: float) -> None:
        """Once, when its opening stretch is over. The last that could answer is slow, not broken."""
        self._judged_at = inf
        watch = self._attempt.watch
        if self._nothing_follows or watch.whole or not drips(watch, self._deadlines.minimum_tokens_per_s, now):
            return
        if self._others is not None and self._others():
            self._fail(Fault.PACE, "the provider drips")
        self._attempt.drip(now)

    def handed_out(self) -> bytes:
        """What was taken in; b"" when there is something that `next` has to see: an end, a break, or no progress."""
        watch, now = self._attempt.watch, self._now()
        if watch.done or self._reader.broken or watch.events == self._heard or now > self._over_at:
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
            self._ended = not self._gives_up(self._over, "the provider took too long")
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


async def written(rest: Awaitable[None] | None) -> None:
    """TimeoutError when whoever it is for does not take it; the provider waits as long."""
    if rest is not None:
        async with asyncio.timeout(WRITE_SECONDS):
            await rest
