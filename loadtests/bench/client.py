"""The load, in a process of its own: one JSON job per line on standard input, one JSON result on standard output.

While the clock runs, a read costs a time stamp, two list entries and a look at five bytes; everything else is worked
out from the kept bytes afterwards. Connections are open, and each has carried an answer, before it starts.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import cast

import orjson
import uvloop

from loadtests.bench.answer import Heard, read
from loadtests.bench.stats import percentile

_LAST_CHUNK = b"0\r\n\r\n"
_LONGEST_HEAD = 2**16


@dataclass(frozen=True, slots=True)
class Job:
    host: str
    port: int
    request: str  # as it goes over the wire
    warm_request: str
    streams: int
    tokens: int
    seconds: float  # no stream asks again after this
    most_seconds: float  # what has not ended by then is cut off
    apart_seconds: float  # over which the first requests are spread
    expected: str | None  # the text, when it is known
    most_answers: int = 0  # 0: as many as there is time for
    brief: bool = False  # many small answers: figures for all of them, none for each


@dataclass(frozen=True, slots=True)
class Result:
    seconds: float
    answers: int
    whole: int
    unfinished: int
    tokens: int
    troubles: dict[str, int]
    first_tokens: list[float | None]  # of each answer, as are all lists
    rates: list[float | None]
    last_texts: list[float | None]
    first_shares: list[float | None]
    each_tokens: list[int]
    tooks: list[float | None]
    largest_gaps: list[float | None]
    gap_p99: float | None
    deliveries: int
    text: str


class Stream(asyncio.Protocol):
    """One connection, one request after another."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._times: list[float] = []
        self._tail = b""
        self._body = False  # whether the head is behind us
        self._left: int | None = None  # of a body with a length
        self.running = False
        self.began = 0.0
        self.ended: Callable[[Stream, str | None], None] = lambda *_: None

    def ask(self, request: bytes) -> None:
        """Send it; `ended` is called once the answer is there, or never will be."""
        self._parts, self._times, self._tail = [], [], b""
        self._body, self._left, self.running = False, None, True
        self.began = perf_counter()
        if self._transport is None:
            self._end("the connection was closed between two answers")
        else:
            self._transport.write(request)

    def taken(self) -> tuple[list[bytes], list[float]]:
        return self._parts, [time - self.began for time in self._times]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._times.append(perf_counter())
        self._parts.append(data)
        if self._body:
            self._tail = data[-5:] if len(data) > 4 else (self._tail + data)[-5:]
            if self._left is not None:
                self._left -= len(data)
        elif not self._read_head():
            return
        if self._tail == _LAST_CHUNK if self._left is None else self._left <= 0:
            self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self.running:
            self._end(f"the connection was lost{f' ({exc})' if exc else ''}")

    def _read_head(self) -> bool:
        so_far = b"".join(self._parts)
        end = so_far.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._body = True
        rest = so_far[end + 4 :]
        self._tail = rest[-5:]
        for line in so_far[:end].lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                self._left = int(line[15:]) - len(rest)
        return True

    def _end(self, trouble: str | None) -> None:
        self.running = False
        self.ended(self, trouble)


class Run:
    """One job: connect, warm, measure."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._streams: list[Stream] = []
        self._kept: list[tuple[float, list[bytes], list[float], str | None, bool]] = []
        self._started = 0.0
        self._asked = 0
        self._active = job.streams
        self._over = asyncio.Event()

    async def warm(self) -> None:
        loop = asyncio.get_running_loop()
        request = self._job.warm_request.encode()
        waiting = []
        for _ in range(self._job.streams):
            _, stream = await loop.create_connection(Stream, self._job.host, self._job.port)
            done: asyncio.Future[None] = loop.create_future()
            stream.ended = lambda _, trouble, done=done: (  # type: ignore[misc]  # mypy knows no defaults in lambdas
                done.set_exception(OSError(trouble)) if trouble else done.set_result(None)
            )
            stream.ask(request)
            self._streams.append(stream)
            waiting.append(done)
        async with asyncio.timeout(60):
            await asyncio.gather(*waiting)

    async def measure(self) -> Result:
        loop = asyncio.get_running_loop()
        job = self._job
        self._started = perf_counter()
        request = job.request.encode()
        for number, stream in enumerate(self._streams):
            stream.ended = self._ended
            loop.call_later(job.apart_seconds * number / job.streams, self._ask, stream, request)
        try:
            async with asyncio.timeout(job.most_seconds):
                await self._over.wait()
        except TimeoutError:
            for stream in self._streams:
                if stream.running:
                    stream.running = False
                    self._keep(stream, None, cut=True)
        seconds = perf_counter() - self._started
        for stream in self._streams:
            stream.close()
        return self._result(seconds)

    def _ended(self, stream: Stream, trouble: str | None) -> None:
        self._keep(stream, trouble, cut=False)
        if trouble is None and self._may_ask():
            self._ask(stream, self._job.request.encode())
            return
        self._active -= 1
        if not self._active:
            self._over.set()

    def _ask(self, stream: Stream, request: bytes) -> None:
        self._asked += 1
        stream.ask(request)

    def _may_ask(self) -> bool:
        job = self._job
        in_time = perf_counter() - self._started < job.seconds
        return in_time and (not job.most_answers or self._asked < job.most_answers)

    def _keep(self, stream: Stream, trouble: str | None, *, cut: bool) -> None:
        parts, times = stream.taken()
        self._kept.append((stream.began - self._started, parts, times, trouble, cut))

    def _result(self, seconds: float) -> Result:
        expected = self._job.expected
        heard: list[Heard] = []
        for began, parts, times, trouble, cut in self._kept:
            answer = read(
                parts,
                times,
                began=began,
                asked_tokens=self._job.tokens,
                expected=expected,
                trouble=trouble,
                cut_by_us=cut,
            )
            heard.append(answer)
            if expected is None and answer.trouble is None and not cut:
                expected = answer.text
        troubles: dict[str, int] = {}
        for answer in heard:
            if answer.trouble:
                troubles[answer.trouble] = troubles.get(answer.trouble, 0) + 1
        unfinished = sum(answer.cut_by_us for answer in heard)
        each = [] if self._job.brief else heard
        return Result(
            seconds=seconds,
            answers=len(heard),
            whole=len(heard) - unfinished - sum(troubles.values()),
            unfinished=unfinished,
            tokens=sum(answer.tokens for answer in heard),
            troubles=troubles,
            first_tokens=[_short(answer.first_token) for answer in each],
            rates=[_short(answer.rate) for answer in each],
            last_texts=[_short(answer.last_text) for answer in each],
            first_shares=[_short(answer.first_share) for answer in each],
            each_tokens=[answer.tokens for answer in each],
            tooks=[_short(answer.took) for answer in each],
            largest_gaps=[_short(max(answer.gaps, default=None)) for answer in each],
            gap_p99=percentile((gap for answer in each for gap in answer.gaps), 0.99),
            deliveries=sum(answer.deliveries for answer in heard),
            text=expected or "",
        )


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def main() -> None:
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            run = Run(Job(**orjson.loads(line)))
            try:
                runner.run(run.warm())
                _say({"warm": True})
                sys.stdin.buffer.readline()
                gc.collect()
                gc.disable()
                _say(asdict(runner.run(run.measure())))
            except (OSError, TimeoutError) as error:
                _say({"error": f"{type(error).__name__}: {error}"})
            finally:
                gc.enable()


def _say(message: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
