"""A coroutine that is started where there is no task behaves as if it had been awaited."""

from __future__ import annotations

import asyncio

import pytest

from plugins.upstream.eager import Done, started


async def test_what_does_not_wait_is_done_at_once() -> None:
    async def work() -> str:
        return "done"

    assert started(work()) == Done("done")


async def test_what_waits_goes_on_when_it_is_awaited() -> None:
    steps: list[str] = []
    first, second = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        steps.append("started")
        await first.wait()
        steps.append("first")
        await second.wait()
        return "second"

    rest = started(work())
    assert not isinstance(rest, Done)
    assert steps == ["started"]
    task = asyncio.ensure_future(_awaited(rest))
    first.set()
    second.set()

    assert await task == "second"
    assert steps == ["started", "first"]


async def _awaited(rest: object) -> object:
    return await rest  # type: ignore[misc]


async def test_an_error_is_raised_where_it_happens() -> None:
    gate = asyncio.Event()

    async def work(wait: bool) -> None:
        if wait:
            await gate.wait()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        started(work(wait=False))
    rest = started(work(wait=True))
    gate.set()
    with pytest.raises(ValueError, match="broken"):
        await rest  # type: ignore[misc]


async def test_a_task_that_is_cancelled_cancels_what_it_awaits() -> None:
    told: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    task = asyncio.ensure_future(_awaited(started(work())))
    while not told:
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert told == ["cancelled"]


async def test_it_may_catch_what_it_is_told_and_go_on() -> None:
    async def work() -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            await asyncio.sleep(0)
        return "late"

    async def waiting() -> object:
        return await _awaited(work())

    assert await waiting() == "late"
