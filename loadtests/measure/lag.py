"""How late this process itself is: what waits for its loop is measured as somebody else's slowness."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from time import perf_counter

import gevent

EVERY_SECONDS = 0.02
LATE_SECONDS = 0.01
PER_SECOND = 10_000  # lateness is kept to a tenth of a millisecond, so that a night's costs no more than a minute's


@dataclass(frozen=True, slots=True)
class Late:
    """Over a while."""

    cpu_share: float  # of one core
    cpu_seconds: float
    p50_ms: float
    p99_ms: float
    most_ms: float
    looks: int


@dataclass(frozen=True, slots=True)
class Lag(Late):
    """Of one process, over the whole run, and in the steady part of each stage."""

    spells: list[
        tuple[float, float]
    ]  # the last ones: when it was late, on the machine's clock, and by how many seconds
    stages: dict[str, Late]


@dataclass(slots=True)
class _Tally:
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    late: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float, cpu_seconds: float, late: float) -> None:
        self.seconds += seconds
        self.cpu_seconds += cpu_seconds
        self.late[round(late * PER_SECOND)] += 1

    def read(self) -> Late:
        return Late(
            cpu_share=self.cpu_seconds / max(self.seconds, 1e-9),
            cpu_seconds=self.cpu_seconds,
            p50_ms=self._at(0.5),
            p99_ms=self._at(0.99),
            most_ms=max(self.late, default=0) / PER_SECOND * 1e3,
            looks=self.late.total(),
        )

    def _at(self, share: float) -> float:
        passed, wanted = 0, int(self.late.total() * share)
        for value in sorted(self.late):
            passed += self.late[value]
            if passed > wanted:
                return value / PER_SECOND * 1e3
        return 0.0


class LagMeter:
    def __init__(self, stage_now: Callable[[], str | None] = lambda: None) -> None:
        self._stage_now = stage_now
        self._due = perf_counter()
        self._spells: deque[tuple[float, float]] = deque(maxlen=64)  # when it was late, and by how much
        self._greenlet: gevent.Greenlet | None = None
        self._begin()

    def start(self) -> None:
        self.stop()
        self._begin()
        self._spells.clear()
        self._due = perf_counter() + EVERY_SECONDS
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def read(self) -> Lag:
        return Lag(
            **asdict(self._all.read()),
            spells=list(self._spells),
            stages={name: tally.read() for name, tally in self._stages.items()},
        )

    def latest_since(self, began: float) -> float:
        """By how many seconds it was late at most; whoever asks may have been woken before the meter."""
        now = max(perf_counter() - self._due, 0.0) if self._greenlet is not None else 0.0
        return max([now, *(late for at, late in self._spells if at >= began)])

    def _begin(self) -> None:
        self._all = _Tally()
        self._stages: dict[str, _Tally] = {}
        self._looked, self._cpu = perf_counter(), time.process_time()

    def _run(self) -> None:
        while True:
            self._due = perf_counter() + EVERY_SECONDS
            gevent.sleep(EVERY_SECONDS)
            self._look(perf_counter(), time.process_time())

    def _look(self, now: float, cpu: float) -> None:
        late = max(now - self._due, 0.0)
        stage = self._stage_now()
        for tally in (self._all, *([self._stages.setdefault(stage, _Tally())] if stage is not None else [])):
            tally.add(now - self._looked, cpu - self._cpu, late)
        self._looked, self._cpu = now, cpu
        if late > LATE_SECONDS:
            self._spells.append((now, late))
