import asyncio
import time
from collections.abc import Callable

from simulator.wheel import Wheel


async def test_acts_happen_in_the_order_they_are_due_and_never_early() -> None:
    wheel, done, finished = Wheel(asyncio.get_running_loop()), list[tuple[str, float]](), asyncio.Event()
    began = time.monotonic()

    def act(name: str) -> Callable[[float], None]:
        def note(_: float) -> None:
            done.append((name, time.monotonic() - began))
            if name == "later":
                finished.set()

        return note

    wheel.at(began + 0.02, act("later"))
    wheel.at(began + 0.01, act("sooner"))
    wheel.at(began - 5, act("overdue"))
    await asyncio.wait_for(finished.wait(), 2)
    wheel.close()

    assert [name for name, _ in done] == ["overdue", "sooner", "later"]
    assert done[1][1] >= 0.01
    assert done[2][1] >= 0.02


async def test_a_wheel_that_came_to_rest_turns_again() -> None:
    wheel = Wheel(asyncio.get_running_loop())
    for _ in range(3):
        turned = asyncio.Event()

        def turn(_: float, turned: asyncio.Event = turned) -> None:
            turned.set()

        wheel.at(time.monotonic() + 0.003, turn)
        await asyncio.wait_for(turned.wait(), 2)
        await asyncio.sleep(0)
    wheel.close()


async def test_an_act_may_ask_for_the_next_one() -> None:
    wheel, left, finished = Wheel(asyncio.get_running_loop()), [5], asyncio.Event()

    def again(now: float) -> None:
        left[0] -= 1
        if left[0]:
            wheel.at(now, again)
        else:
            finished.set()

    wheel.at(time.monotonic(), again)
    await asyncio.wait_for(finished.wait(), 2)
    wheel.close()

    assert left == [0]
