"""What a process and its children have used, as the kernel counts it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_SCHEDULED = 2  # the kernel's CPUCLOCK_SCHED: a process' CPU clock, named by its id


def tree(pid: int) -> list[int]:
    """The process and all below it; [] once it has gone."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        each = waiting.pop()
        found.append(each)
        with suppress(OSError):
            for task in (_PROC / str(each) / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """Of the process and all below it."""
    return sum(map(cpu_seconds_of, tree(pid)))


def cpu_seconds_of(pid: int) -> float:
    """Of all threads, those that have ended too: LiteLLM's come and go. In the scheduler's own nanoseconds, because
    clock ticks of 10 ms are half of what nginx uses in a cell."""
    with suppress(OSError):
        return time.clock_gettime_ns((~pid << 3) | _SCHEDULED) / 1e9
    return 0.0


def forget_peak(pid: int) -> None:
    """The peak of a start is not the peak of serving."""
    for each in tree(pid):
        with suppress(OSError):
            (_PROC / str(each) / "clear_refs").write_text("5")


def peak_megabytes(pid: int) -> float:
    return sum(_status(each, "VmHWM") for each in tree(pid)) / 1024


def megabytes(pid: int) -> float:
    return sum(_status(each, "VmRSS") for each in tree(pid)) / 1024


def _status(pid: int, field: str) -> int:
    with suppress(OSError):
        for line in (_PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    return 0
