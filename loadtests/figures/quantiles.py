"""Percentiles, exact, and between which values the true one lies. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

from loadtests.figures.chance import at_most


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of all do not exceed: one that was really seen. Takes sorted values."""
    return ordered[rank(len(ordered), share)] if ordered else None


def rank(of: int, share: float) -> int:
    return min(of - 1, max(0, ceil(share * of - 1e-9) - 1))


def between(ordered: Sequence[float], share: float, confidence: float) -> tuple[float, float] | None:
    """By order statistics, which suppose nothing of how the values spread. None where the sample has no such bound."""
    of = len(ordered)
    if not of:
        return None
    tail = (1 - confidence) / 2
    low = _first(of, lambda below: at_most(below, of, share) > tail) - 1
    high = _first(of, lambda below: at_most(below, of, share) >= 1 - tail)
    return (ordered[low], ordered[high]) if low >= 0 and high < of else None


def _first(of: int, holds: Callable[[int], bool]) -> int:
    low, high = 0, of
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
