"""The only clocks there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """One to measure with, one to tell the day by."""

    monotonic: Callable[[], float] = time.monotonic
    utc: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def today(self) -> date:
        return self.utc().date()

    @property
    def wall(self) -> str:
        return self.utc().isoformat(timespec="milliseconds")
