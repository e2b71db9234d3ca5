"""Medians and percentiles. Pure; None in, None out where there is nothing to say."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

TIMES = "\u00d7"  # the sign, which linters take for a letter


def known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def median(values: Iterable[float | None]) -> float | None:
    found = known(values)
    return statistics.median(found) if found else None


def percentile(values: Iterable[float | None], share: float) -> float | None:
    """The smallest value that at least `share` of all values do not exceed: one that was really seen."""
    found = sorted(known(values))
    if not found:
        return None
    return found[max(0, _ceil(share * len(found)) - 1)]


def ratio(value: float | None, of: float | None) -> float | None:
    return None if value is None or not of else value / of


def minus(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def spread(values: Sequence[float]) -> float | None:
    """Half the range as a share of the median: how far apart rounds were."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if middle else None


def _ceil(value: float) -> int:
    return -int(-(value - 1e-9) // 1)
