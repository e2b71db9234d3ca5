"""Whether so many requests prove, or refute, that a limit is kept: MLPerf's rule. Pure.

It takes requests to be independent of each other. A percentile is a promise of a share: that of the requests at most so
many are beyond the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from loadtests.figures.chance import at_least, at_most

MOST_REQUESTS = 1_000_000


class Answer(StrEnum):
    HELD = "held"
    MISSED = "missed"
    UNPROVEN = "not enough samples"


@dataclass(frozen=True, slots=True)
class Proof:
    answer: Answer
    sure: float  # of the answer; of UNPROVEN, of the likelier one of the other two


def prove(over: int, of: int, allowed: float, confidence: float) -> Proof:
    """Of a share of zero no number of requests is proof: it holds until one is seen."""
    if of == 0:
        return Proof(Answer.UNPROVEN, 0.0)
    if allowed == 0:
        return Proof(Answer.MISSED, 1.0) if over else Proof(Answer.HELD, confidence)
    held, missed = 1 - at_most(over, of, allowed), 1 - at_least(over, of, allowed)
    if held >= confidence:
        return Proof(Answer.HELD, held)
    if missed >= confidence:
        return Proof(Answer.MISSED, missed)
    return Proof(Answer.UNPROVEN, max(held, missed))


def more_needed(over: int, of: int, allowed: float, confidence: float) -> int | None:
    """How many more requests would prove it either way, if as many of them are over. None: more than a million."""
    if prove(over, of, allowed, confidence).answer is not Answer.UNPROVEN:
        return 0
    seen = over / of if of else 0.0
    low, high = of, max(2 * of, 16)
    while not _proves(seen, high, allowed, confidence):
        low, high = high, high * 2
        if high > MOST_REQUESTS:
            return None
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _proves(seen, middle, allowed, confidence) else (middle, high)
    return high - of


def _proves(seen: float, of: int, allowed: float, confidence: float) -> bool:
    return prove(round(seen * of), of, allowed, confidence).answer is not Answer.UNPROVEN
