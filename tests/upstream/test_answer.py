"""An answer on its way: in windows, in order, at the pace of whoever reads it, and of nobody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from plugins.policy.deadlines import Deadlines
from plugins.stream.relay import Collector, Relay
from plugins.telemetry.record import Attempt, Fault, Outcome
from plugins.upstream import answer as answers
from plugins.upstream.answer import Answer, AnswerBrokenError
from plugins.upstream.eager import left_of
from plugins.upstream.pool import Pool
from tests.stream.cases import cerebras, decode, dump, sse, text_of
from tests.telemetry.cases import CEREBRAS, DONE, ROLE, finish, said
from tests.upstream.provider import Provider, Script, delivering, paced, provider, streams, until

AGES = 60.0  # a window that no test waits for
SOON = 5.0
DEADLINES = Deadlines(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=60)


@asynccontextmanager
async def answering(
    script: Script, pool: Pool | None = None, now: Callable[[], float] = time.monotonic, *, collected: bool = False
) -> AsyncIterator[tuple[Answer, Attempt, Provider]]:
    """An answer whose first token is there."""
    pool = pool or Pool()
    async with provider(script) as held, asyncio.timeout(SOON):
        exchange = await pool.request("POST", held.url, {}, b"{}", connect_seconds=5, answer_seconds=5)
        attempt = Attempt(CEREBRAS, now())
        reader = Collector(attempt.watch) if collected else Relay(attempt.watch, merge=True, wants_usage=True)
        answer = Answer(exchange, attempt, reader, DEADLINES, now)
        await answer.first_token()
        try:
            yield answer, attempt, held
        finally:
            answer.close()
            await pool.close()


def text(stream: bytes) -> str:
    return "".join(found[2] for event in decode(stream) if event.data and (found := text_of(event.data)))


class Client:
    """Takes what it is given; a slow one only when it is told to."""

    def __init__(self, *, slow: bool = False) -> None:
        self.got: list[bytes] = []
        self.reads = asyncio.Event()
        if not slow:
            self.reads.set()

    def take(self, out: bytes) -> Awaitable[None] | None:
        return left_of(self._take(out))

    async def _take(self, out: bytes) -> None:
        await self.reads.wait()
        self.got.append(out)

    @property
    def all(self) -> bytes:
        return b"".join(self.got)


@pytest.mark.parametrize("window", [0, 0.004, 0.01])
async def test_a_long_answer_arrives_whole_and_in_order_in_fewer_events(window: float) -> None:
    words = [f"{number} " for number in range(3000)]
    async with answering(streams(ROLE, *map(said, words), finish(), DONE)) as (answer, attempt, _):
        client = Client()

        await answer.relay(window, client.take)

        assert text(client.all) == "".join(words)
        assert client.all.endswith(DONE)
        assert (attempt.outcome, attempt.watch.events) == (Outcome.WHOLE, 3000)


@pytest.mark.parametrize(
    "news",
    [
        (finish(), DONE),
        (sse(dump(cerebras({"reasoning": "hm"}))),),
        (sse(dump(cerebras({"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f"}}]}))),),
        (b": still here\n\n",),
    ],
)
async def test_whatever_is_not_more_of_the_text_does_not_wait_for_the_window_to_pass(news: tuple[bytes, ...]) -> None:
    async with answering(paced((ROLE, said("a")), (said("b"), *news))) as (answer, _, held):
        client = Client()
        relaying = asyncio.ensure_future(answer.relay(AGES, client.take))
        await until(lambda: bool(client.got))
        held.go_on.set()

        await until(lambda: len(client.got) > 1)
        relaying.cancel()

        assert client.got[1].startswith(said("b"))
        assert client.got[1].endswith(news[-1])


async def test_a_slow_providers_tokens_do_not_wait_for_each_other() -> None:
    """Each is on its way before the provider has said the next."""
    words = [f"{number} " for number in range(5)]
    async with answering(paced((ROLE, said("- ")), *((said(word),) for word in words))) as (answer, _, held):
        client = Client()
        relaying = asyncio.ensure_future(answer.relay(0.001, client.take))
        for number in range(len(words)):
            await until(lambda number=number: len(client.got) > number)  # type: ignore[misc]
            held.go_on.set()
        await until(lambda: len(client.got) > len(words))
        relaying.cancel()

        assert text(client.all) == "- " + "".join(words)


async def test_a_client_that_does_not_read_slows_its_provider_down_and_loses_nothing() -> None:
    written = 0
    big = [said(f"{number:06d} " * 2000) for number in range(800)]

    async def script(held: Provider, request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for part in (ROLE, *big, finish(), DONE):
            await response.write(part)
            written += len(part)
        return response

    async with answering(script) as (answer, _, _):
        client = Client(slow=True)
        relaying = asyncio.ensure_future(answer.relay(0.001, client.take))
        seen = -1
        while seen != written:  # until the pipe between them is full
            seen = written
            for _ in range(20):
                await asyncio.sleep(0.001)
        assert written < sum(map(len, big)) / 2
        client.reads.set()
        await relaying

        assert text(client.all) == "".join(f"{number:06d} " * 2000 for number in range(800))


async def test_a_client_that_never_reads_again_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "WRITE_SECONDS", 0.01)
    many = [said(f"{number} ") for number in range(3000)]
    async with answering(streams(ROLE, *many, hang=True)) as (answer, attempt, held):
        client = Client()
        relaying = asyncio.ensure_future(answer.relay(0.001, client.take))
        await until(lambda: bool(client.got))
        client.reads.clear()

        with pytest.raises(TimeoutError):
            await relaying
        answer.close()
        await asyncio.wait_for(held.hung_up.wait(), SOON)

        assert attempt.outcome is Outcome.CLIENT_GONE


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("window", [0, 0.004])
@pytest.mark.parametrize(
    ("part", "seconds", "fault"),
    [(said("on and on "), 1.0, Fault.TOTAL_TIMEOUT), (b": still here\n\n", 1.0, Fault.STALL)],
)
async def test_no_provider_may_talk_for_ever_nor_keep_a_client_waiting_with_comments(
    part: bytes, seconds: float, fault: Fault, window: float
) -> None:
    clock = Clock()

    async def script(held: Provider, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(ROLE + said("a"))
        while True:
            await response.write(part)
            await asyncio.sleep(0.0005)

    async with answering(script, now=clock) as (answer, attempt, held):

        def take(_: bytes) -> None:
            clock.now += seconds

        with pytest.raises(AnswerBrokenError):
            await answer.relay(window, take)
        await asyncio.wait_for(held.hung_up.wait(), SOON)

        assert (attempt.outcome, attempt.fault) == (Outcome.BROKEN, fault)


async def test_a_client_that_took_its_time_is_not_its_providers_fault() -> None:
    clock = Clock()
    async with answering(paced((ROLE, said("a")), (said("b"), finish(), DONE)), now=clock) as (answer, attempt, held):

        @delivering
        async def takes_ten_seconds(_: bytes) -> None:
            await asyncio.sleep(0)
            clock.now += 10
            held.go_on.set()

        await answer.relay(0.001, takes_ten_seconds)

        assert attempt.outcome is Outcome.WHOLE


async def test_a_client_that_takes_its_time_between_windows_is_not_its_providers_fault() -> None:
    clock = Clock()
    words = [f"{number} " for number in range(2000)]

    async def script(held: Provider, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for part in (ROLE, *map(said, words), finish(), DONE):
            await response.write(part)
            await asyncio.sleep(0)
        return response

    async with answering(script, now=clock) as (answer, attempt, _):
        client = Client()

        @delivering
        async def now_and_then_takes_ten_seconds(out: bytes) -> None:
            if len(client.got) % 2:
                await asyncio.sleep(0)
                clock.now += 10
            client.got.append(out)

        await answer.relay(0.001, now_and_then_takes_ten_seconds)

        assert text(client.all) == "".join(words)
        assert attempt.outcome is Outcome.WHOLE


async def test_an_answer_in_one_piece_may_take_longer_than_a_provider_may_be_silent() -> None:
    clock = Clock()

    async def script(held: Provider, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for part in (ROLE, said("a"), said("b"), said("c"), said("d"), finish(), DONE):
            await response.write(part)
            for _ in range(20):
                await asyncio.sleep(0)
            clock.now += DEADLINES.stall_seconds * 0.6
        return response

    async with answering(script, now=clock, collected=True) as (answer, attempt, _):
        await answer.read_to_end()

        assert (attempt.outcome, attempt.watch.events) == (Outcome.WHOLE, 4)


async def test_comments_behind_the_finish_do_not_keep_an_answer_open() -> None:
    clock = Clock()

    async def script(held: Provider, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(ROLE + said("a") + finish())
        while True:
            await response.write(b": still here\n\n")
            await asyncio.sleep(0.0005)

    async with answering(script, now=clock) as (answer, attempt, held):

        def take(_: bytes) -> None:
            clock.now += 1

        await answer.relay(0.004, take)
        answer.close()
        await asyncio.wait_for(held.hung_up.wait(), SOON)

        assert attempt.outcome is Outcome.WHOLE


@pytest.mark.parametrize("last", [(finish(),), (finish(), DONE)])
async def test_of_two_choices_that_were_asked_for_one_is_not_the_whole_unless_the_provider_says_so(
    last: tuple[bytes, ...],
) -> None:
    async with answering(streams(ROLE, said("a"), *last, cut=True)) as (answer, attempt, _):
        attempt.watch.asked = 2
        client = Client()

        if DONE in last:
            await answer.relay(0.001, client.take)
        else:
            with pytest.raises(AnswerBrokenError):
                await answer.relay(0.001, client.take)

        assert attempt.outcome is (Outcome.WHOLE if DONE in last else Outcome.BROKEN)


async def test_whoever_leaves_between_two_windows_stops_the_provider() -> None:
    async with answering(streams(ROLE, said("a"), hang=True)) as (answer, _, held):
        client = Client()
        relaying = asyncio.ensure_future(answer.relay(AGES, client.take))
        await until(lambda: bool(client.got))
        await asyncio.sleep(0)
        relaying.cancel()
        with suppress(asyncio.CancelledError):
            await relaying
        answer.close()

        await asyncio.wait_for(held.hung_up.wait(), SOON)


async def test_one_client_in_trouble_does_not_hold_up_another_on_the_same_beat() -> None:
    pool = Pool()
    script = paced((ROLE, said("a")), (said("b"), finish(), DONE))
    async with answering(script, pool) as (one, _, first), answering(script, pool) as (other, _, second):
        client, troubled = Client(), Client()

        def breaks(out: bytes) -> None:
            troubled.take(out)
            if len(troubled.got) > 1:
                raise ValueError("a bug in the client's half")

        relaying = asyncio.gather(one.relay(0.004, breaks), other.relay(0.004, client.take), return_exceptions=True)
        await until(lambda: bool(troubled.got and client.got))
        first.go_on.set()
        second.go_on.set()
        broken, fine = await relaying

        assert isinstance(broken, ValueError)
        assert fine is None
        assert text(client.all) == "ab"
