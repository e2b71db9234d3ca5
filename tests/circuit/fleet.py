"""A fleet without a network: boards over one store, with ticks that are made, lost or late as a test wants."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from plugins.circuit.board import Board
from plugins.circuit.facts import Finding, Origin, Permit, Rejected, Result, State, Why
from plugins.circuit.machine import Circuit
from plugins.circuit.sharing import Fleet
from plugins.policy.circuits import CircuitsFile
from plugins.policy.targets import Target
from plugins.state.memory import MemoryStore
from plugins.state.store import StoreError, Terms

TARGET = Target("primary", "m", "cerebras", "up", base="http://1", credential="sk-secret")
SETTINGS = CircuitsFile.model_validate({"trips": {"consecutive_failures": 3}, "open": {"jitter_ratio": 0}})
TERMS = Terms(lease_ms=10_000)


class World:
    def __init__(self) -> None:
        self.now = 1000.0
        self.store = MemoryStore(lambda: round(self.now * 1000) + 10**12)  # no replica's clock

    def snapshot(self) -> Any:
        return deepcopy(self.store.records)

    def restore(self, records: Any) -> None:
        self.store.records = deepcopy(records)


class Replica:
    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.told: list[dict[str, Any]] = []
        self.board = Board([TARGET], lambda: SETTINGS, lambda: 0.0, self.told.append)
        self.fleet = Fleet(self.board, name)
        self.circuit: Circuit = self.board.of(TARGET)
        self.failures = 0

    @property
    def state(self) -> State:
        return self.circuit.state

    @property
    def left(self) -> tuple[Why, float | None] | None:
        """Why it is not called, and for how long."""
        rejected = self.circuit.rejection(self.world.now)
        return (
            None
            if rejected is None
            else (rejected.why, None if rejected.seconds is None else round(rejected.seconds, 2))
        )

    def events(self) -> list[str]:
        return [each["event"].removeprefix("circuit.") for each in self.told]

    def tick(self, *, reply_lost: bool = False, meanwhile: Callable[[], None] = lambda: None) -> None:
        """`meanwhile`: what happens while the answer is on its way."""
        sent = self.world.now
        told = self.fleet.tell(sent)
        try:
            answer = self.world.store.exchanged(self.name, told, TERMS)
        except StoreError:
            reply_lost = True
        meanwhile()
        if not reply_lost:
            self.failures = 0
            self.fleet.hear(answer, sent, self.world.now)
            return
        self.failures += 1
        if self.failures >= 3:
            self.fleet.alone()

    def part(self) -> None:
        """It ends well."""
        self.world.store.exchanged(self.name, self.fleet.parting(self.world.now), TERMS)

    def ask(self, *, last_resort: bool = False) -> Permit | Rejected:
        return self.circuit.may_call(self.world.now, last_resort=last_resort)

    def report(self, permit: Permit, result: Result, origin: Origin = Origin.PROVIDER, seconds: float = 0) -> None:
        self.circuit.report(permit, Finding(result, "", seconds or None, origin=origin), self.world.now)

    def call(self, result: Result, origin: Origin = Origin.PROVIDER, seconds: float = 0) -> bool:
        """Whether it was let through."""
        permit = self.ask()
        if isinstance(permit, Permit):
            self.report(permit, result, origin, seconds)
        return isinstance(permit, Permit)

    def trip(self, origin: Origin = Origin.PROVIDER) -> None:
        for _ in range(3):
            assert self.call(Result.FAILURE, origin)
        assert self.state is State.OPEN


def fleet(*names: str) -> tuple[World, list[Replica]]:
    world = World()
    return world, [Replica(world, name) for name in names]


def quiet(world: World, replicas: list[Replica], rounds: int = 2) -> None:
    for _ in range(rounds):
        for each in replicas:
            each.tick()
        world.now += 0.1
