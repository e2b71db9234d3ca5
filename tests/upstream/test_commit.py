"""Until an answer is committed nothing of it leaves, so that whatever breaks it can be repaired elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from plugins.policy.deadlines import Deadlines
from plugins.stream.relay import Collector, Relay
from plugins.telemetry.record import Attempt, Fault, Outcome
from plugins.upstream import answer as answers
from plugins.upstream.answer import Answer, AnswerBrokenError
from plugins.upstream.pool import Pool
from tests.stream.cases import decode, dump, sse, text_of
from tests.telemetry.cases import CEREBRAS, DONE, ROLE, finish, said
from tests.upstream.provider import Provider, Script, delivering, paced, provider, streams, until

SOON = 5.0
PATIENT = Deadlines(stall_seconds=5, total_seconds=60)
ERROR = sse(dump({"error": {"message": "overloaded", "type": "server_error", "code": "x"}}))
WORDS = [f"{number} " for number in range(500)]

BREAKS: list[tuple[Script, Fault]] = [
    (streams(ROLE, *map(said, WORDS), cut=True), Fault.CUT),
    (streams(ROLE, *map(said, WORDS)), Fault.NO_FINISH),
    (streams(ROLE, *map(said, WORDS), DONE), Fault.NO_FINISH),
    (streams(ROLE, *map(said, WORDS), ERROR), Fault.ERROR_EVENT),
    (streams(ROLE, *map(said, WORDS), b"data: {\n\n", said("a"), finish(), DONE), Fault.MALFORMED),
]


@asynccontextmanager
async def answering(
    script: Script,
    deadlines: Deadlines = PATIENT,
    others: Callable[[], bool] | None = None,
    *,
    merge: bool = True,
    collected: bool = False,
) -> AsyncIterator[tuple[Answer, Attempt, Provider]]:
    """An answer whose first token is there."""
    pool = Pool()
    async with provider(script) as held, asyncio.timeout(SOON):
        exchange = await pool.request("POST", held.url, {}, b"{}", connect_seconds=5, answer_seconds=5)
        attempt = Attempt(CEREBRAS, time.monotonic())
        reader = Collector(attempt.watch) if collected else Relay(attempt.watch, merge=merge, wants_usage=True)
        answer = Answer(exchange, attempt, reader, deadlines, time.monotonic, others=others)
        await answer.first_token()
        try:
            yield answer, attempt, held
        finally:
            answer.close()
            await pool.close()


async def relayed(
    answer: Answer, got: list[bytes] | None = None, reads: Callable[[], Awaitable[object]] | None = None
) -> list[bytes]:
    got = [] if got is None else got

    @delivering
    async def take(out: bytes) -> None:
        got.append(out)
        if reads is not None:
            await reads()

    answer.commit()
    await answer.relay(0.01, take)
    return got


def text(stream: bytes) -> str:
    return "".join(found[2] for event in decode(stream) if event.data and (found := text_of(event.data)))


@pytest.mark.parametrize(("script", "fault"), BREAKS, ids=lambda each: str(each) if isinstance(each, Fault) else "")
async def test_an_answer_that_is_read_whole_breaks_before_any_of_it_leaves(script: Script, fault: Fault) -> None:
    async with answering(script) as (answer, attempt, _):
        with pytest.raises(AnswerBrokenError):
            await answer.hold_whole(0.01, 60)

        assert (attempt.outcome, attempt.fault) == (Outcome.BROKEN, fault)


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("done", [(DONE,), ()])
async def test_one_that_is_whole_leaves_at_once_as_the_stream_it_was(done: tuple[bytes, ...], *, merge: bool) -> None:
    parts = (ROLE, *map(said, WORDS), finish(), *done)
    async with answering(streams(*parts), merge=merge) as (answer, attempt, _):
        await answer.hold_whole(0.01 if merge else 0, 60)
        assert attempt.outcome is Outcome.WHOLE
        out = b"".join(await relayed(answer))

        assert text(out) == "".join(WORDS)
        assert out.endswith(b"".join((finish(), *done)))
        assert (out == b"".join(parts)) is not merge, "merged into fewer events only where the workload merges"


@pytest.mark.parametrize("most_seconds", [60, 0])
async def test_one_that_is_too_much_or_takes_too_long_goes_on_as_a_stream(
    most_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_WHOLE_BYTES", 80_000 if most_seconds else 2**20)
    script = paced((ROLE, *map(said, WORDS)), (said("end"),), (finish(), DONE))
    async with answering(script, merge=False) as (answer, attempt, held):
        await answer.hold_whole(0, most_seconds)
        assert attempt.outcome is Outcome.RUNNING
        got: list[bytes] = []
        held.go_on.set()
        relaying = asyncio.ensure_future(relayed(answer, got))
        await until(lambda: "end" in text(b"".join(got)))
        held.go_on.set()
        await relaying

    assert text(b"".join(got)) == "".join(WORDS) + "end"
    assert got[-1].endswith(DONE)


async def test_one_that_breaks_after_that_is_broken() -> None:
    async with answering(streams(ROLE, *map(said, WORDS), hang=True)) as (answer, _, held):
        await answer.hold_whole(0, 0)
        held.go_on.set()

        with pytest.raises(AnswerBrokenError):
            await relayed(answer)


async def test_a_client_takes_it_piece_by_piece_and_is_told_of_its_end_with_the_last() -> None:
    async with answering(streams(ROLE, *map(said, WORDS), finish(), DONE), merge=False) as (answer, _, _held):
        await answer.hold_whole(0, 60)
        answer.commit()
        said_all = []
        while await answer.next(0):
            said_all.append(answer.has_said_all)

        assert said_all == [False] * (len(said_all) - 1) + [True]
        assert len(said_all) > 1


async def test_a_break_within_the_hold_is_told_before_any_of_it_leaves() -> None:
    for script, fault in BREAKS:
        async with answering(script) as (answer, attempt, _):
            with pytest.raises(AnswerBrokenError):
                await answer.hold(SOON)

            assert attempt.fault is fault


async def test_a_hold_is_over_in_time_though_nothing_comes_and_loses_nothing() -> None:
    async with answering(streams(ROLE, said("a"), said("b"), hang=True)) as (answer, attempt, held):
        await answer.hold(0.02)
        assert attempt.outcome is Outcome.RUNNING
        answer.commit()

        assert text(await answer.next(0)) in ("a", "ab")
        held.go_on.set()


async def test_an_answer_that_ends_within_the_hold_does_not_wait_for_the_rest_of_it() -> None:
    async with answering(streams(ROLE, said("a"), finish(), DONE)) as (answer, attempt, _):
        await answer.hold(SOON)

        assert attempt.outcome is Outcome.WHOLE
        assert text(b"".join(await relayed(answer))) == "a"


DRIPS = PATIENT.model_copy(update={"minimum_tokens_per_s": 100, "pace_seconds": 0.05})


@pytest.mark.parametrize("collected", [True, False])
async def test_an_answer_that_drips_is_given_up_where_another_could_take_over(*, collected: bool) -> None:
    async with answering(streams(ROLE, said("a"), hang=True), DRIPS, lambda: True, collected=collected) as made:
        answer, attempt, held = made
        with pytest.raises(AnswerBrokenError):
            await (answer.read_to_end() if collected else answer.hold_whole(0.01, 60))

        assert (attempt.outcome, attempt.fault, attempt.dripped) == (Outcome.BROKEN, Fault.PACE, False)
        await held.hung_up.wait()


@pytest.mark.parametrize("others", [None, lambda: False])
async def test_where_nobody_could_it_goes_on(others: Callable[[], bool] | None) -> None:
    async with answering(streams(ROLE, said("a"), hang=True), DRIPS, others) as (answer, attempt, held):
        whole = asyncio.ensure_future(answer.hold_whole(0, 60))
        await until(lambda: attempt.dripped or others is None)
        held.go_on.set()

        with pytest.raises(AnswerBrokenError, match="without a finish reason"):
            await whole


DRIPPING = paced((ROLE, said("a")), (said("b"),), (said("c"), finish(), DONE))


async def after_its_opening_stretch(attempt: Attempt) -> None:
    await until(lambda: time.monotonic() > (attempt.watch.first_token_at or 0) + DRIPS.pace_seconds)


async def test_what_has_begun_to_leave_is_never_taken_over() -> None:
    async with answering(DRIPPING, DRIPS, lambda: True) as (answer, attempt, held):
        relaying = asyncio.ensure_future(relayed(answer))
        await after_its_opening_stretch(attempt)
        held.go_on.set()
        await until(lambda: attempt.dripped)
        held.go_on.set()

        assert text(b"".join(await relaying)) == "abc"
        assert attempt.outcome is Outcome.WHOLE


async def test_of_an_answer_that_is_over_nobody_says_that_it_drips() -> None:
    end = said("b") + finish() + DONE
    async with answering(paced((ROLE, said("a")), (end,)), DRIPS) as (answer, attempt, held):
        relaying = asyncio.ensure_future(relayed(answer))
        await after_its_opening_stretch(attempt)
        held.go_on.set()
        await relaying

        assert not attempt.dripped


async def test_nor_of_one_whose_client_was_the_slow_one() -> None:
    reads = asyncio.Event()
    async with answering(DRIPPING, DRIPS) as (answer, attempt, held):
        got: list[bytes] = []
        relaying = asyncio.ensure_future(relayed(answer, got, reads.wait))
        await after_its_opening_stretch(attempt)
        reads.set()
        held.go_on.set()
        await until(lambda: text(b"".join(got)) == "ab")
        held.go_on.set()
        await relaying

        assert not attempt.dripped


async def test_a_pace_that_will_do_is_left_alone() -> None:
    slow = PATIENT.model_copy(update={"minimum_tokens_per_s": 5, "pace_seconds": 0.05})
    async with answering(streams(ROLE, *map(said, WORDS), hang=True), slow, lambda: True) as (answer, attempt, held):
        whole = asyncio.ensure_future(answer.hold_whole(0, 60))
        await after_its_opening_stretch(attempt)
        held.go_on.set()

        with pytest.raises(AnswerBrokenError, match="without a finish reason"):
            await whole
        assert not attempt.dripped


async def test_any_pace_will_do_where_no_minimum_is_set() -> None:
    any_pace = DRIPS.model_copy(update={"minimum_tokens_per_s": 0, "stall_seconds": 0.1})
    async with answering(streams(ROLE, said("a"), hang=True), any_pace, lambda: True) as (answer, attempt, _):
        with pytest.raises(AnswerBrokenError):
            await answer.hold_whole(0, 60)

        assert attempt.fault is Fault.STALL


async def test_the_requests_own_deadline_ends_an_answer_and_says_so() -> None:
    pool = Pool()
    async with provider(streams(ROLE, said("a"), hang=True)) as held, asyncio.timeout(SOON):
        exchange = await pool.request("POST", held.url, {}, b"{}", connect_seconds=5, answer_seconds=5)
        attempt, now = Attempt(CEREBRAS, time.monotonic()), time.monotonic
        reader = Relay(attempt.watch, merge=True, wants_usage=True)
        answer = Answer(exchange, attempt, reader, PATIENT, now, request_over_at=now() + 0.05)
        await answer.first_token()

        with pytest.raises(AnswerBrokenError):
            await answer.read_to_end()

        assert attempt.fault is Fault.REQUEST_TIMEOUT
        await pool.close()
