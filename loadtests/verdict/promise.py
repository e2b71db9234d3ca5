"""The promises made to one workload, each as a limit that only so large a share of its requests may be beyond. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from loadtests.figures.figure import FIRST_TOKEN, GAP, RATE, Figure
from loadtests.record.sample import Outcome, Sample
from plugins.policy.slo import Goodput, Levels

Beyond = Callable[[Sample], bool | None]  # None: the sample does not count, such as the rate of an answer that broke


@dataclass(frozen=True, slots=True)
class Promise:
    name: str  # first_token_ms.p95
    title: str
    unit: str
    limit: float
    allowed: float  # of the requests that count, how many may be beyond the limit
    beyond: Beyond
    figure: Figure | None = None  # of which a percentile is promised; else a share of requests is
    share: float = 0.0  # the percentile
    everywhere: bool = False  # counted in ramp and drain too
    at_least: bool = False  # what is promised is a least, not a most


def promises(levels: Levels, primaries: frozenset[str]) -> Iterator[Promise]:
    rows = (
        (FIRST_TOKEN, levels.first_token_ms.model_dump()),
        (RATE, levels.tokens_per_s.model_dump()),
        (GAP, levels.gap_ms.model_dump()),
    )
    for figure, limits in rows:
        for percentile, limit in limits.items():
            if limit is not None:
                yield _percentile(figure, percentile, limit)
    shares: Sequence[tuple[str, str, float | None, Beyond]] = (
        ("error_share", "Errors", levels.error_share, _failed),
        (
            "fallback_share",
            "Answers by a fallback",
            levels.fallback_share,
            lambda sample: by_fallback(sample, primaries),
        ),
        ("silent_truncation", "Silent truncation", levels.silent_truncation, _truncated),
    )
    for name, title, most, beyond in shares:
        if most is not None:
            yield Promise(name, title, "", most, most, beyond, everywhere=beyond is _truncated)
    good = levels.goodput
    if good.share is not None:
        allowed = 1 - good.share
        yield Promise(
            "goodput", "Goodput", "", good.share, allowed, lambda sample: not is_good(sample, good), at_least=True
        )


def by_fallback(sample: Sample, primaries: frozenset[str]) -> bool | None:
    """Known of answers whose target is told; without a list of first targets, of those that took several attempts."""
    if sample.outcome is not Outcome.WHOLE:
        return None
    if primaries and sample.target is not None:
        return sample.target not in primaries
    return None if sample.attempts is None else sample.attempts > 1


def is_good(sample: Sample, good: Goodput) -> bool:
    if sample.outcome is not Outcome.WHOLE:
        return False
    first, rate, gap = FIRST_TOKEN.of(sample), RATE.of(sample), GAP.of(sample)
    return (
        (good.first_token_ms is None or (first is not None and first <= good.first_token_ms))
        and (good.tokens_per_s is None or rate is None or rate >= good.tokens_per_s)
        and (good.gap_ms is None or gap is None or gap <= good.gap_ms)
    )


def _percentile(figure: Figure, percentile: str, limit: float) -> Promise:
    share = float(percentile[1:]) / 100

    def beyond(sample: Sample) -> bool | None:
        value = figure.of(sample)
        return None if value is None else value > limit if figure.smaller_is_better else value < limit

    return Promise(
        name=f"{figure.name}.{percentile}",
        title=f"{figure.title} {percentile}",
        unit=figure.unit,
        limit=limit,
        allowed=round(1 - share if figure.smaller_is_better else share, 9),
        beyond=beyond,
        figure=figure,
        share=share,
        at_least=not figure.smaller_is_better,
    )


def _failed(sample: Sample) -> bool:
    return sample.outcome is not Outcome.WHOLE


def _truncated(sample: Sample) -> bool:
    return sample.outcome is Outcome.TRUNCATED
