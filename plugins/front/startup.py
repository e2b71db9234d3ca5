"""From the first line of ours to the first request that is welcome: what is done before, and what it took."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

from plugins.front.asgi import App
from plugins.front.clock import Clock
from plugins.telemetry.sinks import Events

LITELLM_SECONDS = 20.0  # it has read its configuration by then, or it has no model to serve
LOOK_SECONDS = 0.02
MOST_LOOKS = 50
CALM_LOOKS = 3
COLLECT_AFTER = (50_000, 20, 20)  # new objects, and collections of the young and of the middle-aged
WARMING_SECONDS = 5.0
REHEARSAL_SECONDS = 15.0

_WAITED_FOR = {
    "litellm_start": "LiteLLM has not started yet",
    "warming": "connections to the providers are being opened",
    "rehearsal": "LiteLLM's first request is being rehearsed",
    "settling": "memory is being tidied",
}


def settle() -> None:
    """What is there now stays as long as the process: the collector need not look at LiteLLM's million objects again.

    Without it they cost each request a third of its CPU, and now and then every stream a stall of 0.3 s. What a request
    through LiteLLM makes, some ten thousand objects, dies with it and need not be looked for in between.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


class Startup:
    """Every part is bounded, and none can stop the start: readiness is late by what they take, and then says so."""

    def __init__(
        self,
        warm: Callable[[], Awaitable[object]],
        rehearse: Callable[[App], Awaitable[bool]],
        litellm_started: Callable[[], bool],
        events: Events,
        clock: Clock,
        age: float | None = None,
        begun: float | None = None,
    ) -> None:
        self._warm = warm
        self._rehearse = rehearse
        self._litellm_started = litellm_started
        self._events = events
        self._clock = clock
        self._before = age  # how old the process was when our part began
        self._begun = clock.monotonic() if begun is None else begun
        self._wired = self._begun
        self._app: App | None = None
        self._took: dict[str, float] = {}
        self._failed: list[str] = []
        self.waiting_for: str | None = "litellm_start"

    def wired(self) -> None:
        """Our own building is done; what follows is LiteLLM's start."""
        self._wired = self._clock.monotonic()

    def mounted(self, app: App) -> None:
        """LiteLLM's application, as the front sees it."""
        self._app = app

    @property
    def sentence(self) -> str | None:
        """What readiness waits for, if it does."""
        return _WAITED_FOR[self.waiting_for] if self.waiting_for else None

    async def run(self) -> None:
        await self._do("litellm_start", self._litellm, LITELLM_SECONDS)
        await self._do("warming", self._warm, WARMING_SECONDS)
        await self._do("rehearsal", self._rehearsed, REHEARSAL_SECONDS)
        await self._do("settling", self._settled, None)
        self._events({"event": "gateway.ready", "time": self._clock.wall, **self._figures()})
        self.waiting_for = None

    def status(self) -> dict[str, Any]:
        return {"waiting_for": self.waiting_for, **self._figures()}

    def _figures(self) -> dict[str, Any]:
        """In milliseconds; the total is since the process began, and missing where nobody can say."""
        own = self._wired - self._begun
        spent = own + sum(self._took.values())
        return {
            "litellm_import_ms": None if self._before is None else _ms(self._before),
            "wiring_ms": _ms(own),
            **{f"{name}_ms": _ms(took) for name, took in self._took.items()},
            "total_ms": None if self._before is None else _ms(self._before + spent),
            "failed": list(self._failed),
        }

    async def _do(self, name: str, work: Callable[[], Awaitable[object]], seconds: float | None) -> None:
        self.waiting_for = name
        began = self._wired if name == "litellm_start" else self._clock.monotonic()
        task = asyncio.ensure_future(work())
        try:
            # Not a timeout around it: LiteLLM swallows cancellations.
            done, _ = await asyncio.wait((task,), timeout=seconds)
        finally:
            task.cancel()
            task.add_done_callback(_error_of)  # asked for, whenever it ends
        error = f"not done within {seconds} s" if not done else _error_of(task)
        self._took[name] = self._clock.monotonic() - began
        if error:
            self._failed.append(name)
            self._events({"event": f"{name}.failed", "time": self._clock.wall, "error": error})

    async def _litellm(self) -> None:
        while self._app is None or not self._litellm_started():  # noqa: ASYNC110  LiteLLM tells nobody
            await asyncio.sleep(LOOK_SECONDS)
        calm = 0
        for _ in range(MOST_LOOKS):  # the rest of its start blocks the loop, and would look like a slow provider
            before = self._clock.monotonic()
            await asyncio.sleep(LOOK_SECONDS)
            calm = calm + 1 if self._clock.monotonic() - before < 2 * LOOK_SECONDS else 0
            if calm == CALM_LOOKS:
                break

    async def _rehearsed(self) -> None:
        if self._app is not None:
            await self._rehearse(self._app)

    async def _settled(self) -> None:
        settle()


def _error_of(task: asyncio.Future[object]) -> str | None:
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    return f"{type(error).__name__}: {error}"[:300] if error else None


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
