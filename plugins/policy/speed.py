"""What a measured speed says beside what the catalog knows of a model. Pure.

Published figures come from other lines, prompts and days: within a factor of two a target is configured right. An
order of magnitude off, something is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from plugins.policy.catalog import Row

RIGHT = 2.0
WRONG = 10.0


class Pace(StrEnum):
    RIGHT = "right"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"
    BURST = "burst"  # faster than any model: it was held back somewhere, and came at once
    UNKNOWN = "unknown"  # nothing to compare it with


@dataclass(frozen=True, slots=True)
class Reference:
    tokens_per_s: float | None = None
    first_token_ms: float | None = None


def reference(row: Row | None) -> Reference:
    """The median of what others measured; the vendor's figure, a peak, only where nobody did."""
    if row is None:
        return Reference()
    rates = [each.tokens_per_s for each in row.speed.independent if each.tokens_per_s]
    firsts = [each.first_token_ms for each in row.speed.independent if each.first_token_ms]
    return Reference(
        tokens_per_s=median(rates) if rates else row.speed.vendor_tokens_per_s,
        first_token_ms=median(firsts) if firsts else None,
    )


def pace_of_rate(measured: float, known: float | None) -> Pace:
    if known is None:
        return Pace.UNKNOWN
    return Pace.BURST if measured >= known * WRONG else _pace(known / measured)


def pace_of_first_token(measured_ms: float, known_ms: float | None) -> Pace:
    return Pace.UNKNOWN if known_ms is None else _pace(measured_ms / known_ms)


def _pace(times_slower: float) -> Pace:
    if times_slower <= RIGHT:
        return Pace.RIGHT
    return Pace.DOUBTFUL if times_slower < WRONG else Pace.WRONG
