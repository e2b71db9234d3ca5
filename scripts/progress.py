"""Says what is being waited for: one line that rewrites itself on a terminal, one line now and then elsewhere."""

import shutil
import time
from collections.abc import Callable
from typing import TextIO


class StatusLine:
    def __init__(
        self, stream: TextIO, *, every_seconds: float = 10.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._rewrites = stream.isatty()
        self._every_seconds = every_seconds
        self._now = now
        self._started = now()
        self._due = self._started
        self._drawn = ""

    @property
    def elapsed(self) -> float:
        return self._now() - self._started

    def show(self, text: str) -> None:
        line = f"{text} ({self.elapsed:.0f} s)"
        if self._rewrites:
            if line != self._drawn:
                self._write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
                self._drawn = line
        elif self._now() >= self._due:
            self._due = self._now() + self._every_seconds
            self._write(f"{line}\n")

    def clear(self) -> None:
        """Leave an empty line for whatever is printed next, and show what comes after it at once."""
        self._due = self._now()
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
