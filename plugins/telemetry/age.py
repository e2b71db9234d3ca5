"""How long this process has been there. Imported first of all we have, so `BEGUN` is when our own part began."""

from __future__ import annotations

import os
import time
from pathlib import Path


def age_seconds() -> float | None:
    """Since the process began, its interpreter included, to a hundredth of a second; None off Linux."""
    try:
        status = Path("/proc/self/stat").read_text(encoding="ascii")
        ticks = int(status.rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None


AGE = age_seconds()  # when our part began: as it was called before, and by the clock that measures everything else
BEGUN = time.monotonic()
