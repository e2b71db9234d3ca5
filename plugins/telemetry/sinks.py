"""Where events go. A sink is a callable; one that breaks must not break a request, but is counted and told once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

import orjson

Event = dict[str, Any]
Sink = Callable[[Event], None]


class JsonLines:
    """One JSON object per line."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def __call__(self, event: Event) -> None:
        self._out.write(orjson.dumps(event, default=str).decode() + "\n")
        self._out.flush()


class Events:
    """Hands every event to every sink."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks
        self.failures = 0

    def __call__(self, event: Event) -> None:
        for sink in self._sinks:
            try:
                sink(event)
            except Exception as error:  # noqa: BLE001  a sink is foreign code
                self.failures += 1
                if self.failures == 1:
                    sys.stderr.write(
                        f"telemetry: {type(sink).__name__} failed, {error!r}; further failures are counted\n"
                    )
