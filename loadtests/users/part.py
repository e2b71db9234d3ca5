"""Which part of an open loop this process sends, as the master has last said."""

from __future__ import annotations

from time import perf_counter
from typing import Any


class Part:
    def __init__(self) -> None:
        self.index = 0
        self.of = 0  # nobody has said anything yet: it sends nothing
        self.since = 0.0  # on the run's clock: what was due before is another's
        self.origin: float | None = None  # when that clock began, on this machine's
        self.changes = 0
        self._run: int | None = None

    def hear(self, msg: Any, **_: Any) -> None:
        """As Locust passes a message of the master's on. What came late makes the run's beginning look later than it
        was, so that the earliest is right."""
        told, origin = msg.data, perf_counter() - float(msg.data["at"])
        is_new = told["run"] != self._run
        if is_new or (self.index, self.of) != (told["index"], told["of"]):
            self._run, self.index, self.of, self.since = told["run"], told["index"], told["of"], told["at"]
            self.changes += 1
        self.origin = origin if is_new or self.origin is None else min(origin, self.origin)
