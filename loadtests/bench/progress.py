"""One line with what runs and the time left: rewritten on a terminal, now and then elsewhere."""

from __future__ import annotations

import shutil
from typing import TextIO

EVERY_SECONDS = 10.0


class Progress:
    def __init__(self, stream: TextIO, total: float, who: str = "bench") -> None:
        """`total` is what everything was planned to take, in any unit."""
        self._stream = stream
        self._total = total
        self._who = who
        self._done = 0.0
        self._took = 0.0
        self._due = 0.0

    def show(self, what: str, now: float) -> None:
        line = f"{self._who}: {what}, {self._left()}"
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
        elif now >= self._due:
            self._due = now + EVERY_SECONDS
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def done(self, planned: float, took: float) -> None:
        self._done += planned
        self._took += took

    def clear(self) -> None:
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _left(self) -> str:
        pace = self._took / self._done if self._done else 1.0
        seconds = max(self._total - self._done, 0) * pace
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"
