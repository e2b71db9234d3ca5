"""What all processes wrote, as one run's samples and marks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from loadtests.plan.timeline import Stretch, place
from loadtests.record.sample import Mark, MarkKind, Sample

_TIMES = ("intended", "sent", "end", "headers", "role", "first", "last")


def on_the_clock(samples: Iterable[Sample], origin: float, line: Sequence[Stretch]) -> list[Sample]:
    """In the order in which they were due, in seconds since the run began."""
    return sorted((_moved(each, origin, line) for each in samples), key=lambda each: each.intended)


def stage_marks(line: Sequence[Stretch]) -> list[Mark]:
    return [Mark(kind=MarkKind.STAGE, what=each.name, at=each.begin, until=each.end) for each in line]


def _moved(sample: Sample, origin: float, line: Sequence[Stretch]) -> Sample:
    times: dict[str, Any] = {
        name: None if (at := getattr(sample, name)) is None else round(at - origin, 6) for name in _TIMES
    }
    stage, phase = place(line, sample.intended - origin)
    return replace(sample, stage=stage, phase=phase, **times)
