"""How late this process itself is: what waits for its loop is measured as somebody else's slowness."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass
from time import perf_counter

import gevent

EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Lag:
    """Of one process."""

    cpu_share: float  # of one core
    cpu_seconds: float
    p50_ms: float
    p99_ms: float
    most_ms: float
    looks: int


class LagMeter:
    def __init__(self) -> None:
        self._late = array("d")
        self._began = perf_counter()
        self._cpu = time.process_time()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        self.stop()
        self._late, self._began, self._cpu = array("d"), perf_counter(), time.process_time()
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
        )

    def _run(self) -> None:
        while True:
            due = perf_counter() + EVERY_SECONDS
            gevent.sleep(EVERY_SECONDS)
            self._late.append(max(perf_counter() - due, 0.0))
