"""What is compared: percentiles and shares of requests, each with the difference that matters. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from loadtests.figures.figure import FIRST_TOKEN, GAP, RATE, TOTAL, Figure
from loadtests.record.sample import Outcome, Sample
from loadtests.verdict.promise import by_fallback


@dataclass(frozen=True, slots=True)
class Percentile:
    """Relative differences below `matters`, or absolute ones below `floor`, are of no account whatever proves them: the
    same build differs by so much from one hour to the next."""

    figure: Figure
    share: float
    matters: float
    floor: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.figure.name}.p{self.share * 100:g}"

    @property
    def title(self) -> str:
        return f"{self.figure.title} p{self.share * 100:g}"

    @property
    def needed(self) -> int:
        """Requests below which that percentile is one value's whim."""
        return round(5 / min(self.share, 1 - self.share))


@dataclass(frozen=True, slots=True)
class Share:
    name: str
    title: str
    hit: Callable[[Sample], bool]
    matters: float


PERCENTILES = (
    Percentile(FIRST_TOKEN, 0.5, 0.03, 2.0),
    Percentile(FIRST_TOKEN, 0.95, 0.05, 5.0),
    Percentile(FIRST_TOKEN, 0.99, 0.10, 10.0),
    Percentile(RATE, 0.5, 0.03),
    Percentile(RATE, 0.05, 0.05),
    Percentile(GAP, 0.99, 0.10, 10.0),
    Percentile(TOTAL, 0.5, 0.03, 5.0),
)


def shares(primaries: frozenset[str]) -> tuple[Share, ...]:
    return (
        Share("errors", "Errors", lambda sample: sample.outcome is not Outcome.WHOLE, 0.002),
        Share("fallbacks", "Answers by a fallback", lambda sample: bool(by_fallback(sample, primaries)), 0.01),
    )
