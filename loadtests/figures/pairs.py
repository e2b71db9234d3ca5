"""What the gateway adds: each answer through it beside the nearest one that went another way, in the same run. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.figures.blocks import draw, quantiles, stretch_of
from loadtests.figures.chance import t_beyond
from loadtests.figures.figure import FIRST_TOKEN, RATE, TARGET, steady
from loadtests.figures.quantiles import quantile
from loadtests.record.sample import Outcome, Sample

FEWEST = 20
SEED = 7


@dataclass(frozen=True, slots=True)
class Added:
    """Over another way: to the first token in milliseconds, and of the rate as a share that is left."""

    way: str
    pairs: int
    first_ms: float  # the median of the pairs' differences
    low: float
    high: float
    first_p95_ms: float
    rate_share: float | None  # the median of the pairs' ratios


def ways(samples: Sequence[Sample]) -> list[str]:
    return sorted({sample.way for sample in samples} - {TARGET})


def added(samples: Sequence[Sample], way: str) -> Added | None:
    """None where there are too few pairs to say."""
    pairs = _pairs(samples, way)
    if len(pairs) < FEWEST:
        return None
    differences = [((mine.ttft or 0.0) - (other.ttft or 0.0)) * 1000 for mine, other in pairs]
    draws, columns = draw(stretch_of([mine for mine, _ in pairs]), SEED)
    middle = quantile(sorted(differences), 0.5) or 0.0
    drawn = quantiles(draws, columns, differences, 0.5)
    reach = t_beyond(0.05, max(1, draws.stretches - 1)) * float(drawn.std(ddof=1))
    rates = sorted(mine / other for a, b in pairs if (mine := RATE.of(a)) and (other := RATE.of(b)))
    return Added(
        way=way,
        pairs=len(pairs),
        first_ms=middle,
        low=middle - reach,
        high=middle + reach,
        first_p95_ms=quantile(sorted(differences), 0.95) or 0.0,
        rate_share=quantile(rates, 0.5) if len(rates) >= FEWEST else None,
    )


def _pairs(samples: Sequence[Sample], way: str) -> list[tuple[Sample, Sample]]:
    """By stage and workload, nearest in time; an answer of the other way may stand beside several."""
    others: dict[tuple[str, str], list[Sample]] = {}
    for sample in steady(samples, way):
        if sample.outcome is Outcome.WHOLE and FIRST_TOKEN.of(sample) is not None:
            others.setdefault((sample.stage, sample.workload), []).append(sample)
    for held in others.values():
        held.sort(key=lambda sample: sample.intended)
    times = {key: [sample.intended for sample in held] for key, held in others.items()}
    found = []
    for sample in steady(samples):
        key = (sample.stage, sample.workload)
        if sample.outcome is Outcome.WHOLE and sample.ttft is not None and key in others:
            found.append((sample, others[key][_nearest(times[key], sample.intended)]))
    return found


def _nearest(times: Sequence[float], at: float) -> int:
    place = bisect_left(times, at)
    if place == 0 or (place < len(times) and times[place] - at < at - times[place - 1]):
        return place
    return place - 1
