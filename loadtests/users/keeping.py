"""Samples of one process, line by line, so that whatever ends it leaves what there was."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from loadtests.measure.lag import Lag
from loadtests.record.sample import Sample

SAMPLES = "samples-{}.part"
LAG = "lag-{}.part"
CLOCK = "clock.part"


class Keeper:
    def __init__(self, folder: Path, name: str | None = None) -> None:
        self._folder = folder
        self._name = name or str(os.getpid())
        self._file = (folder / SAMPLES.format(self._name)).open("ab")

    def keep(self, sample: Sample) -> None:
        self._file.write(orjson.dumps(sample) + b"\n")

    def flush(self) -> None:
        self._file.flush()

    def lag(self, lag: Lag) -> None:
        (self._folder / LAG.format(self._name)).write_bytes(orjson.dumps(lag))

    def close(self) -> None:
        self._file.close()


def start_clock(folder: Path, origin: float) -> None:
    """All processes of this machine share it: the kernel's monotonic clock has one beginning."""
    (folder / CLOCK).write_text(repr(origin))


def read_clock(folder: Path) -> float | None:
    try:
        return float((folder / CLOCK).read_text())
    except (OSError, ValueError):
        return None
