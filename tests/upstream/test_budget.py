"""The retry budget: second attempts a few at a time, and nobody lost who can wait."""

from __future__ import annotations

import asyncio

import pytest

from plugins.policy.circuits import Attempts
from plugins.upstream.budget import Budget

LONG, NO_TIME = 30.0, 0.0


def budget(in_flight: int = 0, **settings: float) -> Budget:
    rule = Attempts.model_validate(settings)
    made = Budget(lambda: rule)
    made.in_flight = in_flight
    return made


async def turn_of(waiting: asyncio.Task[bool]) -> bool:
    """Whether its turn has come, once everybody had a chance to run."""
    for _ in range(3):
        await asyncio.sleep(0)
    return waiting.done()


@pytest.mark.parametrize(("in_flight", "most"), [(0, 3), (10, 3), (15, 3), (20, 4), (100, 20)])
async def test_a_fifth_of_all_in_flight_may_be_extra_and_three_always(in_flight: int, most: int) -> None:
    made = budget(in_flight)

    taken = [await made.take_extra(NO_TIME) for _ in range(most + 2)]

    assert taken == [*[True] * most, False, False]


async def test_whoever_waits_goes_on_in_turn_as_soon_as_there_is_room() -> None:
    made = budget(extra_minimum=1, extra_ratio=0)
    assert await made.take_extra(LONG)
    first, second = (asyncio.ensure_future(made.take_extra(LONG)) for _ in range(2))
    assert not await turn_of(first)

    made.give_extra_back()

    assert await turn_of(first)
    assert not await turn_of(second)
    made.give_extra_back()
    assert await second
    assert made.extra == 1


async def test_one_who_leaves_while_waiting_takes_nothing() -> None:
    made = budget(extra_minimum=1, extra_ratio=0)
    assert await made.take_extra(LONG)
    leaving, staying = (asyncio.ensure_future(made.take_extra(LONG)) for _ in range(2))
    await turn_of(leaving)

    leaving.cancel()
    await turn_of(leaving)
    made.give_extra_back()

    assert await staying
    assert made.extra == 1


async def test_one_who_leaves_as_its_turn_comes_passes_it_on() -> None:
    made = budget(extra_minimum=1, extra_ratio=0)
    assert await made.take_extra(LONG)
    leaving, staying = (asyncio.ensure_future(made.take_extra(LONG)) for _ in range(2))
    await turn_of(leaving)

    made.give_extra_back()
    leaving.cancel()

    assert await staying
    assert made.extra == 1
    made.give_extra_back()
    assert made.extra == 0


async def test_one_who_leaves_right_before_its_turn_comes_leaves_as_it_wanted() -> None:
    made = budget(extra_minimum=1, extra_ratio=0)
    assert await made.take_extra(LONG)
    leaving, staying = (asyncio.ensure_future(made.take_extra(LONG)) for _ in range(2))
    await turn_of(leaving)

    leaving.cancel()
    made.give_extra_back()

    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying
    assert made.extra == 1
