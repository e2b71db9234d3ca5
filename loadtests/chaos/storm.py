"""One schedule on one fleet, under load: what breaks is broken, and who asks meanwhile is heard."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from loadtests.bench.progress import Progress
from loadtests.chaos.crowd import PATIENCE_SECONDS, Crowd
from loadtests.chaos.doors import Doors
from loadtests.chaos.fleet import Fleet
from loadtests.chaos.judge import Call
from loadtests.chaos.schedule import Kind, Phase
from loadtests.conformance.gateways import KEY
from loadtests.record.folder import Run
from loadtests.record.sample import Mark, MarkKind

SEED = 20261127
LEAVING_SECONDS = 1.0  # between the end of new requests and SIGTERM, as a preStop hook has it
BACK_SECONDS = 1.0  # until a supervisor starts again what was killed
SHOW_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Storm:
    run: Run
    calls: list[Call]
    events: list[dict[str, Any]]  # each with `at`, in seconds of the run


class _Weather:
    def __init__(self, fleet: Fleet, rate: float, progress: Progress) -> None:
        self._fleet = fleet
        self._rate = rate
        self._progress = progress
        self._began = monotonic()
        self._wall = datetime.now(UTC)
        self._offset = fleet.primary.seconds() - self.now()
        self.doors = Doors([replica.port for replica in fleet.replicas])
        self.crowd = Crowd(self.doors, KEY, fleet.name, self.now)
        self.marks: list[Mark] = []
        self.calls: list[Call] = []
        self._asking: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return monotonic() - self._began

    async def pass_over(self, phases: Sequence[Phase]) -> None:
        load, look, shown = (asyncio.ensure_future(each()) for each in (self._load, self.crowd.look, self._show))
        try:
            for phase in phases:
                await self._phase(phase)
        finally:
            load.cancel()
        _, late = await asyncio.wait(self._asking, timeout=PATIENCE_SECONDS + 1) if self._asking else (None, set())
        for each in (*late, look, shown):
            each.cancel()
        self._collect()
        self.crowd.close()

    async def _phase(self, phase: Phase) -> None:
        self.crowd.stage = phase.title
        began = self.now()
        await _BEGIN[phase.kind](self)
        await asyncio.sleep(began + phase.seconds - self.now())
        await _END.get(phase.kind, _nothing)(self)
        self.marks.append(Mark(kind=MarkKind.FAULT, what=phase.title, at=began, until=self.now()))
        self._collect()
        if phase.rest:
            self.crowd.stage = f"after: {phase.title}"
            await asyncio.sleep(phase.rest)
        self._progress.done(phase.seconds + phase.rest, self.now() - began)

    def _collect(self) -> None:
        for each in self._fleet.primary.calls():
            at = each["at"] - self._offset
            self.calls.append(Call(round(at, 4), each["fault"], each["status"], each["ended"]))

    async def _load(self) -> None:
        """Poisson arrivals: nobody waits for those before."""
        chance, due, number = random.Random(SEED), self.now(), 0  # noqa: S311  it spreads arrivals, and guards nothing
        while True:
            due += chance.expovariate(self._rate)
            number += 1
            await asyncio.sleep(due - self.now())
            task = asyncio.ensure_future(self.crowd.ask(number, due))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _show(self) -> None:
        while True:
            samples = self.crowd.samples
            whole = sum(each.outcome == "whole" for each in samples)
            what = f"{self._fleet.name}: {self.crowd.stage}, {len(samples):,} answers, {whole:,} whole"
            self._progress.show(what, monotonic())
            await asyncio.sleep(SHOW_SECONDS)

    def _note(self, what: str) -> None:
        self.marks.append(Mark(kind=MarkKind.NOTE, what=what, at=self.now()))

    def since(self, wall: str) -> float:
        return round((datetime.fromisoformat(wall) - self._wall).total_seconds(), 3)

    # What breaks.

    async def go_down(self) -> None:
        """All that is in flight breaks, and whoever calls is reset."""
        self._fleet.primary.turn(fault="refuse")
        self._fleet.primary.break_connections()

    async def fill(self) -> None:
        self._fleet.primary.turn(fault="429_tokens", retry_after="5", rate_headers=False)

    async def cut(self) -> None:
        self._fleet.primary.turn(fault="cut_chunked", after=12, fault_share=0.05)

    async def end_early(self) -> None:
        self._fleet.primary.turn(fault="cut", after=12, fault_share=0.05)

    async def mend(self) -> None:
        self._fleet.primary.turn()

    async def lose_redis(self) -> None:
        self._fleet.redis.kill()

    async def have_redis_back(self) -> None:
        self._fleet.redis.start()

    async def kill_one(self) -> None:
        """And have it started again, as a supervisor would."""
        door, replica = self.doors.all[-1], self._fleet.replicas[-1]
        door.killed_at.append(self.now())
        self._note(f"gateway {len(self.doors.all) - 1} killed")
        replica.kill()
        await asyncio.sleep(BACK_SECONDS)
        replica.start()
        await asyncio.to_thread(replica.wait)

    async def restart_all(self) -> None:
        """One after the other, each only when the one before is ready again."""
        for number, replica in enumerate(self._fleet.replicas):
            door = self.doors.all[number]
            door.leaving = True
            await asyncio.sleep(LEAVING_SECONDS)
            self._note(f"gateway {number} told to end")
            await asyncio.to_thread(replica.end)
            replica.start()
            await asyncio.to_thread(replica.wait)
            door.leaving = False


async def _nothing(_: _Weather) -> None:
    pass


_BEGIN: dict[Kind, Callable[[_Weather], Awaitable[None]]] = {
    Kind.CALM: _nothing,
    Kind.DOWN: _Weather.go_down,
    Kind.FULL: _Weather.fill,
    Kind.CUT: _Weather.cut,
    Kind.SHORT: _Weather.end_early,
    Kind.REDIS: _Weather.lose_redis,
    Kind.KILLED: _Weather.kill_one,
    Kind.ROLLING: _Weather.restart_all,
}
_END: dict[Kind, Callable[[_Weather], Awaitable[None]]] = {
    Kind.DOWN: _Weather.mend,
    Kind.FULL: _Weather.mend,
    Kind.CUT: _Weather.mend,
    Kind.SHORT: _Weather.mend,
    Kind.REDIS: _Weather.have_redis_back,
}


async def storm(fleet: Fleet, phases: Sequence[Phase], rate: float, info: dict[str, Any], progress: Progress) -> Storm:
    weather = _Weather(fleet, rate, progress)
    await weather.pass_over(phases)
    for replica in fleet.replicas:
        replica.check()
    samples = sorted(weather.crowd.samples, key=lambda sample: sample.intended)
    events = [{**event, "at": weather.since(event["time"])} for event in fleet.events()]
    marks = weather.marks + [
        Mark(kind=MarkKind.CIRCUIT, what=event["event"], at=event["at"], target=event.get("target")) for event in events
    ]
    return Storm(Run({**info, "target": fleet.name}, samples, marks), weather.calls, events)
