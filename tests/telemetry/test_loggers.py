"""Loggers are told in the background: bounded, counted, and never in a request's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from plugins.telemetry.kept import Kept
from plugins.telemetry.loggers import Loggers, Told

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def told(moment: float = 10.0) -> Told:
    record: Any = None
    return Told(record, Kept({}, {}), moment, NOON)


@asynccontextmanager
async def running(loggers: Loggers) -> AsyncIterator[Loggers]:
    task = asyncio.create_task(loggers.keep())
    try:
        yield loggers
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def loggers(hear: Callable[[Told], Awaitable[None]], **bounds: Any) -> Loggers:
    return Loggers(["langfuse"], hear, **bounds)


async def never(_: Told) -> None:
    await asyncio.Event().wait()


async def at_once(_: Told) -> None:
    return None


async def test_what_ended_is_heard_before_its_request_is_over() -> None:
    heard: list[Told] = []

    async def hear(each: Told) -> None:
        heard.append(each)

    one = told()
    async with running(loggers(hear)) as telling:
        await telling.tell(one)

    assert heard == [one]
    assert telling.status() == {
        "names": ["langfuse"],
        "told": 1,
        "waiting": 0,
        "dropped": 0,
        "late": 0,
        "failed": 0,
    }


async def test_a_full_queue_drops_and_counts_and_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    telling = loggers(at_once, waiting=1, linger_seconds=0)

    for _ in range(3):  # nobody takes from the queue
        await telling.tell(told())

    assert (telling.status()["waiting"], telling.status()["dropped"]) == (1, 2)
    assert capsys.readouterr().err.count("langfuse do not keep up") == 1


async def test_long_answers_fill_the_queue_sooner_and_make_room_when_they_were_heard() -> None:
    long = told()
    long.kept.append(b"x" * 60)
    telling = loggers(at_once, held_bytes=100, linger_seconds=0)
    await telling.tell(long)
    await telling.tell(long)
    assert telling.status()["dropped"] == 1

    async with running(loggers(at_once, held_bytes=100)) as later:
        await later.tell(long)
        await later.tell(long)

    assert later.status()["told"] == 2


async def test_a_request_does_not_wait_for_a_logger_that_hangs() -> None:
    async with running(loggers(never, linger_seconds=0.001)) as telling:
        await telling.tell(told())

        assert telling.status()["told"] == 0


async def test_a_logger_that_hangs_is_given_up_and_counted() -> None:
    async with running(loggers(never, hear_seconds=0.001)) as telling:
        await telling.tell(told())

    assert (telling.status()["late"], telling.status()["waiting"]) == (1, 0)


async def test_only_so_many_are_heard_at_once() -> None:
    hearing: list[Told] = []

    async def hear(each: Told) -> None:
        hearing.append(each)
        await never(each)

    async with running(loggers(hear, at_once=2, linger_seconds=0.001)) as telling:
        for _ in range(4):
            await telling.tell(told())

        assert len(hearing) == 2
        assert telling.status()["waiting"] == 4


async def test_a_telling_that_fails_is_counted_and_the_next_is_heard() -> None:
    failures = [RuntimeError("broken")]

    async def hear(_: Told) -> None:
        if failures:
            raise failures.pop()

    async with running(loggers(hear)) as telling:
        await telling.tell(told())
        await telling.tell(told())

    assert (telling.status()["failed"], telling.status()["told"]) == (1, 1)


def test_nobody_listens_where_no_logger_is_configured() -> None:
    assert not Loggers().listen
    assert not Loggers([], at_once).listen
    assert Loggers(["langfuse"], at_once).listen


def test_moments_become_times_of_the_day_by_the_end() -> None:
    assert told(10.0).at(8.5) == datetime(2026, 11, 20, 11, 59, 58, 500000, tzinfo=UTC)
