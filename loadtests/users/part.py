"""Which part of an open loop this process sends, as the master has last said."""

from __future__ import annotations

from time import perf_counter
from typing import Any

CLOCK_SECONDS = 0.05  # by which the master's clock may seem to move before what is due is counted anew


class Part:
    def __init__(self) -> None:
        self.index = 0
        self.of = 0  # nobody has said anything yet: it sends nothing
        self.origin: float | None = None  # when the run's clock began, on this machine's
        self.changes = 0
        self._run: int | None = None

    def hear(self, msg: Any, **_: Any) -> None:
        """As Locust passes a message of the master's on. What came late makes the run's beginning look later than it
        was, so that the earliest is right."""
        told = msg.data
        origin = perf_counter() - float(told["at"])
        before = None if told["run"] != self._run else self.origin
        if before is None or (self.index, self.of) != (told["index"], told["of"]) or origin < before - CLOCK_SECONDS:
            self.changes += 1
            self.origin = origin if before is None else min(origin, before)
        self._run, self.index, self.of = told["run"], told["index"], told["of"]
