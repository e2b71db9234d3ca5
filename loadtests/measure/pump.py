"""Empties the sockets of all running streams together, every few milliseconds."""

from __future__ import annotations

from time import perf_counter
from typing import Protocol

import gevent
from gevent.event import Event

WINDOW_SECONDS = 0.004
_LEAST_REST = 0.0005  # for everybody else, when there is more to read than time


class Draining(Protocol):
    def drain(self, now: float) -> bool: ...


class Pump:
    def __init__(self, window: float = WINDOW_SECONDS) -> None:
        self._window = window
        self._carried: dict[Draining, Event] = {}
        self._runs = False

    def carry(self, stream: Draining) -> None:
        """Until it has ended."""
        ended = self._carried[stream] = Event()
        if not self._runs:
            self._runs = True
            gevent.spawn(self._run)
        try:
            ended.wait()
        finally:
            self._carried.pop(stream, None)

    def _run(self) -> None:
        while self._carried:
            began = perf_counter()
            for stream, ended in list(self._carried.items()):
                if stream.drain(began):
                    self._carried.pop(stream, None)
                    ended.set()
            gevent.sleep(max(self._window - (perf_counter() - began), _LEAST_REST))
        self._runs = False
