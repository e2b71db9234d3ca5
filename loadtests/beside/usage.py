"""The CPU that went into the answers, of all that a process used. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    at: float
    cpu_seconds: float  # of a process and all below it, until then


def between(readings: Sequence[Reading], start: float, end: float) -> float:
    """Start-up and report are left out: they do not grow with the answers."""
    return _at(readings, end) - _at(readings, start)


def _at(readings: Sequence[Reading], moment: float) -> float:
    before = [each for each in readings if each.at <= moment]
    after = [each for each in readings if each.at > moment]
    if not before or not after:
        return (before[-1:] or after[:1])[0].cpu_seconds
    low, high = before[-1], after[0]
    return low.cpu_seconds + (high.cpu_seconds - low.cpu_seconds) * (moment - low.at) / (high.at - low.at)
