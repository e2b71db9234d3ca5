"""Shares the circuits with the rest of the fleet, beside the requests: none of them ever waits for the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from plugins.circuit.sharing import Fleet
from plugins.policy.circuits import CircuitsFile
from plugins.state.store import Store, StoreError, Terms

MOST_FAILURES = 3  # in a row, until the store counts as lost
LATE_FAILURE = 0.25  # what one counts while our own loop is late: it was hardly the store's
AWAY_SECONDS = 2.0  # from then on between two tries
PARTING_SECONDS = 0.3


class Sharing:
    def __init__(
        self,
        fleet: Fleet,
        store: Store | None,
        settings: Callable[[], CircuitsFile],
        now: Callable[[], float],
        tell: Callable[[dict[str, Any]], None],
        was_late_since: Callable[[float], bool] = lambda _: False,
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._settings = settings
        self._now = now
        self._tell = tell
        self._was_late_since = was_late_since
        self._failures = 0.0
        self._since: float | None = None  # it is in reach, or out of it
        self._in_reach = False
        self._is_lost = False  # and was said to be
        self._why: str | None = None
        self._replicas = 0

    async def keep(self) -> None:
        """Runs as long as the process."""
        if self._store is None:
            return
        try:
            while True:
                # In a task of its own, for clients have been seen to swallow a cancellation that was meant for us.
                tick = asyncio.ensure_future(self._tick(self._store))
                await asyncio.wait((tick,))
                lost = self._failures >= MOST_FAILURES
                await asyncio.sleep(AWAY_SECONDS if lost else self._settings().sharing.tick_ms / 1000)
        finally:
            await self._part(self._store)

    async def _tick(self, store: Store) -> None:
        sent = self._now()
        try:
            answer = await store.exchange(self._fleet.replica, self._fleet.tell(sent), self._terms())
            self._fleet.hear(answer, sent, self._now())
        except StoreError as error:
            self._failed(str(error), sent)
        except Exception as error:  # noqa: BLE001  circuits that are no longer shared would be noticed by nobody
            self._failed(f"{type(error).__name__}: {error}"[:200], sent)
        else:
            self._reached(answer.replicas)

    def _terms(self) -> Terms:
        settings = self._settings()
        silent = max(Terms().seen_ms, 10 * settings.sharing.tick_ms)
        return Terms(settings.sharing.namespace, round(settings.probe.lease_seconds * 1000), seen_ms=silent)

    def _failed(self, why: str, sent: float) -> None:
        self._failures += LATE_FAILURE if self._was_late_since(sent) else 1
        self._why = why
        if self._failures < MOST_FAILURES or self._is_lost:
            return
        self._fleet.alone()
        self._in_reach, self._is_lost, self._since = False, True, self._now()
        self._tell({"event": "sharing.lost", "why": why})

    def _reached(self, replicas: int) -> None:
        now = self._now()
        if self._is_lost and self._since is not None:
            self._tell({"event": "sharing.back", "seconds": round(now - self._since, 1), "replicas": replicas})
        if not self._in_reach:
            self._since = now
        self._failures, self._why = 0, None
        self._in_reach, self._is_lost, self._replicas = True, False, replicas

    async def _part(self, store: Store) -> None:
        """The leases that are held here need not run out."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(PARTING_SECONDS):
                if self._in_reach:
                    await store.exchange(self._fleet.replica, self._fleet.parting(self._now()), self._terms())
        await store.close()

    def status(self) -> dict[str, Any]:
        if self._store is None:
            return {"on": False}
        return {
            "on": True,
            "in_reach": self._in_reach,
            "seconds": None if self._since is None else round(self._now() - self._since, 1),
            "why": self._why,
            "replicas": self._replicas if self._in_reach else 0,
            "replica": self._fleet.replica,
            "store": str(self._store),
            "namespace": self._settings().sharing.namespace,
        }
