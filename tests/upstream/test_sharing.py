"""The loop beside the requests: when a store counts as lost, what is said of it, and that nothing ends the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from plugins.circuit.board import Board
from plugins.circuit.sharing import Fleet
from plugins.policy.circuits import CircuitsFile
from plugins.state.memory import MemoryStore
from plugins.state.store import Answer, Store, StoreError, Terms, Told
from plugins.upstream.sharing import Sharing
from tests.circuit.fleet import TARGET

SETTINGS = CircuitsFile.model_validate({"sharing": {"tick_ms": 20, "namespace": "a"}, "probe": {"lease_seconds": 7}})


class Odd(MemoryStore):
    """Fails as it is told to."""

    def __init__(self) -> None:
        super().__init__(lambda: 10**12)
        self.fault: Exception | None = None
        self.terms: list[Terms] = []

    async def exchange(self, replica: str, told: Mapping[str, Told], terms: Terms) -> Answer:
        self.terms.append(terms)
        if self.fault:
            raise self.fault
        return await super().exchange(replica, told, terms)


class House:
    def __init__(self, store: Store | None) -> None:
        self.events: list[dict[str, Any]] = []
        self.now = 100.0
        self.late = False
        board = Board([TARGET], lambda: SETTINGS, lambda: 0.0, self.events.append)
        self.circuit = board.of(TARGET)
        fleet = Fleet(board, "one")
        clock = lambda: self.now  # noqa: E731
        self.made = Sharing(fleet, store, lambda: SETTINGS, clock, self.events.append, lambda _: self.late)

    def decides_alone(self) -> bool:
        return self.circuit.leave is None

    async def ticks(self, store: Store, number: int) -> list[str]:
        for _ in range(number):
            await self.made._tick(store)
            self.now += 1
        return [each["event"] for each in self.events]


async def test_without_a_store_there_is_nothing_to_do() -> None:
    house = House(None)

    await house.made.keep()

    assert house.made.status() == {"on": False}
    assert house.decides_alone()


@pytest.mark.parametrize("fault", [StoreError("refused"), RuntimeError("a bug of ours")])
async def test_three_failures_in_a_row_are_a_loss_and_one_success_is_the_return(fault: Exception) -> None:
    store = Odd()
    house = House(store)
    await house.ticks(store, 2)
    store.fault = fault

    assert await house.ticks(store, 2) == []
    assert not house.decides_alone()
    assert await house.ticks(store, 9) == ["sharing.lost"]
    assert str(fault) in house.events[-1]["why"]
    assert house.decides_alone()
    store.fault = None
    assert await house.ticks(store, 3) == ["sharing.lost", "sharing.back"]
    assert (house.events[-1]["seconds"], house.events[-1]["replicas"]) == (9.0, 1)
    assert not house.decides_alone()


async def test_what_fails_while_our_own_loop_is_late_hardly_counts() -> None:
    store = Odd()
    house = House(store)
    store.fault, house.late = StoreError("no answer in time"), True

    assert await house.ticks(store, 11) == []
    assert await house.ticks(store, 1) == ["sharing.lost"], "but it does, in the end"


async def test_a_failure_and_a_success_in_turn_are_no_loss() -> None:
    store = Odd()
    house = House(store)
    for _ in range(5):
        store.fault = StoreError("refused")
        await house.ticks(store, 2)
        store.fault = None
        await house.ticks(store, 1)

    assert house.events == []


async def test_the_status_says_whether_it_is_in_reach_since_when_and_with_how_many() -> None:
    store = Odd()
    house = House(store)
    await house.ticks(store, 3)
    well = house.made.status()
    store.fault = StoreError("refused")
    await house.ticks(store, 5)
    away = house.made.status()

    assert (well["in_reach"], well["seconds"], well["replicas"], well["why"]) == (True, 3.0, 1, None)
    assert (away["in_reach"], away["seconds"], away["replicas"], away["why"]) == (False, 3.0, 0, "refused")


async def test_it_ends_although_a_client_swallows_that_it_should() -> None:
    class Deaf(Odd):
        async def exchange(self, replica: str, told: Mapping[str, Told], terms: Terms) -> Answer:
            begun.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
            return await super().exchange(replica, told, terms)

    begun = asyncio.Event()
    task = asyncio.create_task(House(Deaf()).made.keep())
    await begun.wait()
    task.cancel()

    await asyncio.wait((task,), timeout=5)
    assert task.cancelled()


async def test_the_policy_says_how_often_for_how_long_and_with_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Odd()
    house = House(store)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        store.fault = StoreError("refused")
        if len(slept) == 5:
            raise asyncio.CancelledError

    monkeypatch.setattr("plugins.upstream.sharing.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await house.made.keep()

    assert slept == [0.02, 0.02, 0.02, 2.0, 2.0]
    assert store.terms[0] == Terms("a", 7000)
