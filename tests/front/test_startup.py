"""Readiness comes after everything that would make a first user wait, and comes all the same when something fails."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from plugins.front import startup
from plugins.front.asgi import App, Receive, Scope, Send
from plugins.front.clock import Clock
from plugins.front.startup import Startup
from plugins.telemetry.sinks import Events


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    pass


async def well() -> None:
    pass


async def rehearsed(app: App) -> bool:
    return True


class House:
    """A start whose parts a test decides, and what it told the log."""

    def __init__(
        self,
        warm: Callable[[], Awaitable[None]] = well,
        rehearse: Callable[[App], Awaitable[bool]] = rehearsed,
        started: Callable[[], bool] = lambda: True,
        age: float | None = 2.0,
    ) -> None:
        self.events: list[dict[str, Any]] = []
        self.startup = Startup(warm, rehearse, started, Events(self.events.append), Clock(), age)
        self.startup.wired()
        self.startup.mounted(app)

    async def run(self) -> dict[str, Any]:
        await self.startup.run()
        return self.events[-1]


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Freezing is for a process that serves until it ends, which this one does not."""
    did: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: did.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: did.append("freeze"))
    monkeypatch.setattr(gc, "set_threshold", lambda *_: did.append("set_threshold"))
    return did


async def test_a_start_leaves_one_line_with_what_each_part_took(memory: list[str]) -> None:
    house = House()

    ready = await house.run()

    parts = ("litellm_import_ms", "wiring_ms", "litellm_start_ms", "warming_ms", "rehearsal_ms", "settling_ms")
    assert [event["event"] for event in house.events] == ["gateway.ready"]
    assert ready["litellm_import_ms"] == 2000
    assert ready["total_ms"] == pytest.approx(sum(ready[part] for part in parts), abs=1)
    assert (ready["failed"], house.startup.waiting_for, house.startup.sentence) == ([], None, None)
    assert memory == ["collect", "freeze", "set_threshold"]


async def test_where_the_age_of_a_process_is_not_known_no_total_is_invented() -> None:
    ready = await House(age=None).run()

    assert (ready["litellm_import_ms"], ready["total_ms"]) == (None, None)


async def test_each_part_is_waited_for_by_name_and_in_turn() -> None:
    seen: list[str | None] = []

    async def warm() -> None:
        seen.append(house.startup.waiting_for)

    async def rehearse(app: App) -> bool:
        seen.append(house.startup.waiting_for)
        return True

    house = House(warm, rehearse)
    seen.append(house.startup.waiting_for)
    await house.run()

    assert seen == ["litellm_start", "warming", "rehearsal"]


async def test_nothing_begins_before_litellm_has_started() -> None:
    asked: list[bool] = []

    def started() -> bool:
        asked.append(not warmed)
        return len(asked) > 2

    warmed: list[bool] = []

    async def warm() -> None:
        warmed.append(True)

    await House(warm, started=started).run()

    assert asked == [True, True, True]


async def test_a_rehearsal_that_fails_is_said_once_and_stops_nothing() -> None:
    async def fail(app: App) -> bool:
        raise RuntimeError("LiteLLM answered 500")

    house = House(rehearse=fail)

    ready = await house.run()

    assert [event["event"] for event in house.events] == ["rehearsal.failed", "gateway.ready"]
    assert house.events[0]["error"] == "RuntimeError: LiteLLM answered 500"
    assert (ready["failed"], house.startup.sentence) == (["rehearsal"], None)


async def test_a_part_that_never_ends_is_given_up_even_where_it_ignores_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "REHEARSAL_SECONDS", 0.01)
    release = asyncio.Event()

    async def stubborn(app: App) -> bool:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return True

    house = House(rehearse=stubborn)

    ready = await house.run()
    release.set()

    assert house.events[0]["error"] == "not done within 0.01 s"
    assert ready["failed"] == ["rehearsal"]


def test_settling_puts_what_is_there_out_of_the_collectors_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    before, often = gc.get_freeze_count(), gc.get_threshold()
    try:
        startup.settle()

        assert gc.get_freeze_count() > before
        assert gc.get_threshold() == startup.COLLECT_AFTER
    finally:
        gc.unfreeze()
        gc.set_threshold(*often)
