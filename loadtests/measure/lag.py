"""How late this process itself is: what waits for its loop is measured as somebody else's slowness."""

from __future__ import annotations

import time
from array import array
from collections import deque
from dataclasses import dataclass
from time import perf_counter

import gevent

EVERY_SECONDS = 0.02
LATE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Lag:
    """Of one process."""

    cpu_share: float  # of one core
    cpu_seconds: float
    p50_ms: float
    p99_ms: float
    most_ms: float
    looks: int
    spells: list[
        tuple[float, float]
    ]  # the last ones: when it was late, on the machine's clock, and by how many seconds


class LagMeter:
    def __init__(self) -> None:
        self._late = array("d")
        self._began = perf_counter()
        self._cpu = time.process_time()
        self._due = self._began
        self._spells: deque[tuple[float, float]] = deque(maxlen=64)  # when it was late, and by how much
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        self.stop()
        self._late, self._began, self._cpu = array("d"), perf_counter(), time.process_time()
        self._due = self._began + EVERY_SECONDS
        self._spells.clear()
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def read(self) -> Lag:
        seconds = max(perf_counter() - self._began, 1e-9)
        cpu = time.process_time() - self._cpu
        late = sorted(self._late) or [0.0]
        return Lag(
            cpu_share=cpu / seconds,
            cpu_seconds=cpu,
            p50_ms=late[len(late) // 2] * 1e3,
            p99_ms=late[int(len(late) * 0.99)] * 1e3,
            most_ms=late[-1] * 1e3,
            looks=len(self._late),
            spells=list(self._spells),
        )

    def latest_since(self, began: float) -> float:
        """By how many seconds it was late at most; whoever asks may have been woken before the meter."""
        now = max(perf_counter() - self._due, 0.0) if self._greenlet is not None else 0.0
        return max([now, *(late for at, late in self._spells if at >= began)])

    def _run(self) -> None:
        while True:
            self._due = perf_counter() + EVERY_SECONDS
            gevent.sleep(EVERY_SECONDS)
            now = perf_counter()
            late = max(now - self._due, 0.0)
            self._late.append(late)
            if late > LATE_SECONDS:
                self._spells.append((now, late))
