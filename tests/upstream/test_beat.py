"""One timer for all answers."""

from __future__ import annotations

import asyncio
from functools import partial

from plugins.upstream.beat import Beat


async def test_all_are_read_before_any_is_delivered() -> None:
    beat, seen, over = Beat(0.001), list[str](), asyncio.Event()

    def step(name: str, _: float) -> bool:
        seen.append(f"read {name}")
        beat.afterwards(partial(deliver, name))
        return False

    def deliver(name: str) -> None:
        seen.append(f"deliver {name}")
        if name == "b":
            over.set()

    beat.join(partial(step, "a"))
    beat.join(partial(step, "b"))
    await asyncio.wait_for(over.wait(), 5)

    assert seen == ["read a", "read b", "deliver a", "deliver b"]


async def test_whoever_wants_the_next_beat_has_it_and_then_there_are_no_more() -> None:
    beat, left, over = Beat(0.001), [3], asyncio.Event()

    def step(_: float) -> bool:
        left[0] -= 1
        if not left[0]:
            over.set()
        return left[0] > 0

    for _ in range(2):  # it begins again for whoever comes later
        left[0] = 3
        over.clear()
        beat.join(step)
        await asyncio.wait_for(over.wait(), 5)

    assert left == [0]
