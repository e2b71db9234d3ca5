"""Our own loop's lateness, by a clock that a test turns."""

from __future__ import annotations

import asyncio

import pytest

from plugins.upstream.lag import LOOK_SECONDS, Lag


class House:
    def __init__(self) -> None:
        self.now = 100.0
        self.lag = Lag(lambda: self.now, lambda: 0.1)

    async def looked(self) -> None:
        """The watcher has looked at the clock once, and waits."""
        self.task = asyncio.ensure_future(self.lag.watch())
        await asyncio.sleep(0)


@pytest.mark.parametrize(("late", "lagged"), [(0.0, False), (0.09, False), (0.11, True), (3.0, True)])
async def test_a_loop_that_is_late_right_now_is_late_although_nobody_could_look_yet(late: float, lagged: bool) -> None:
    house = House()
    await house.looked()
    started = house.now

    house.now += LOOK_SECONDS + late

    assert lagged == house.lag.since(started)
    house.task.cancel()


async def test_what_began_after_the_loop_was_late_is_measured_well() -> None:
    house = House()
    await house.looked()
    house.now += 1.0
    assert house.lag.since(100.0)
    house.task.cancel()
    await house.looked()

    assert not house.lag.since(house.now + 0.01)
    assert house.lag.since(100.5)
    house.task.cancel()


def test_before_anybody_watched_nothing_was_late() -> None:
    assert not House().lag.since(0.0)


@pytest.mark.parametrize(
    ("late", "lasting"),
    [
        ([], 0.0),
        ([3.0], 0.0),
        ([3.0, 3.0], 0.0),
        ([1.0, 3.0, 2.0], 1.0),
        ([9.0, 1.0, 3.0, 2.0], 1.0),
        ([1.0, 3.0, 0.0], 0.0),
    ],
)
async def test_one_pause_is_not_a_process_that_does_not_keep_up(late: list[float], lasting: float) -> None:
    house = House()
    looked = iter(late)

    async def passes(_: float) -> None:
        try:
            house.now += LOOK_SECONDS + next(looked)
        except StopIteration:
            raise asyncio.CancelledError from None

    with pytest.raises(asyncio.CancelledError):
        await house.lag.watch(passes)

    assert house.lag.lasting == pytest.approx(lasting)
