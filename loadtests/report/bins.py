"""A run in so few pieces that a page can hold them, however many requests it had. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite, log10

from loadtests.figures.figure import FIRST_TOKEN, RATE, TARGET, values
from loadtests.figures.quantiles import quantile
from loadtests.record.sample import Mark, MarkKind, Outcome, Sample
from loadtests.verdict.promise import by_fallback

MOST_BINS = 120
_ONE_PLACE = 1e-9  # values no further apart than that are one


@dataclass(frozen=True, slots=True)
class Slice:
    """What was due within a stretch of time."""

    at: float
    until: float
    requests: int
    by_first: int  # whole, and not from a fallback
    by_other: int  # whole, from a fallback
    failed: int
    first_p50: float | None
    first_p95: float | None
    rate_p50: float | None
    rate_p5: float | None
    outcomes: Counter[str]


def slices(samples: Sequence[Sample], seconds: float, primaries: frozenset[str]) -> list[Slice]:
    """At least a second wide, and at most `MOST_BINS`; what the run ended with is in the last."""
    width = max(1.0, ceil(seconds / MOST_BINS)) if seconds > 20 else max(seconds / 40, 0.25)
    count = max(1, ceil(seconds / width - 1e-9))
    held: list[list[Sample]] = [[] for _ in range(count)]
    for sample in samples:
        if sample.way == TARGET:
            held[min(count - 1, max(0, int(sample.intended / width)))].append(sample)
    return [_slice(place * width, (place + 1) * width, own, primaries) for place, own in enumerate(held)]


def _slice(at: float, until: float, samples: Sequence[Sample], primaries: frozenset[str]) -> Slice:
    whole = [sample for sample in samples if sample.outcome is Outcome.WHOLE]
    other = sum(bool(by_fallback(sample, primaries)) for sample in whole)
    firsts = [value for value in values(FIRST_TOKEN, samples) if isfinite(value)]
    rates = values(RATE, samples)
    return Slice(
        at=at,
        until=until,
        requests=len(samples),
        by_first=len(whole) - other,
        by_other=other,
        failed=len(samples) - len(whole),
        first_p50=quantile(firsts, 0.5),
        first_p95=quantile(firsts, 0.95),
        rate_p50=quantile(rates, 0.5),
        rate_p5=quantile(rates, 0.05),
        outcomes=Counter(str(sample.outcome) for sample in samples),
    )


@dataclass(frozen=True, slots=True)
class Histogram:
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    logarithmic: bool
    beyond: int  # never came


def histogram(ordered: Sequence[float], bins: int) -> Histogram | None:
    finite = [value for value in ordered if isfinite(value)]
    if not finite:
        return None
    low, high = finite[0], finite[-1]
    if high - low < _ONE_PLACE:
        low, high = low * 0.95, high * 1.05 if high > _ONE_PLACE else 1.0
    logarithmic = low > 0 and high / low > 8
    steps = range(bins + 1)
    if logarithmic:
        edges = [10 ** (log10(low) + (log10(high) - log10(low)) * step / bins) for step in steps]
    else:
        edges = [low + (high - low) * step / bins for step in steps]
    counts = [0] * bins
    place = 0
    for value in finite:
        while place < bins - 1 and value >= edges[place + 1]:
            place += 1
        counts[place] += 1
    return Histogram(tuple(edges), tuple(counts), logarithmic, len(ordered) - len(finite))


@dataclass(frozen=True, slots=True)
class Stretch:
    at: float
    until: float
    what: str


@dataclass(frozen=True, slots=True)
class Lane:
    """What one target's circuit did, or what was done to it."""

    title: str
    kind: MarkKind
    stretches: tuple[Stretch, ...]


def lanes(marks: Sequence[Mark], seconds: float) -> list[Lane]:
    """A circuit is closed until a mark says otherwise, and stays as the last mark says."""
    found = []
    for kind, word in (
        (MarkKind.FAULT, "fault at"),
        (MarkKind.CIRCUIT, "circuit of"),
        (MarkKind.GENERATOR, "generator"),
    ):
        own = sorted((mark for mark in marks if mark.kind is kind), key=lambda mark: mark.at)
        for target in sorted({mark.target or "" for mark in own}):
            mine = [mark for mark in own if (mark.target or "") == target]
            made = _states(mine, seconds) if kind is MarkKind.CIRCUIT else _stretches(mine, seconds)
            found.append(Lane(f"{word} {target}".strip(), kind, tuple(made)))
    return found


def _stretches(marks: Sequence[Mark], seconds: float) -> list[Stretch]:
    shortest = seconds / 300
    return [Stretch(mark.at, max(mark.at + shortest, mark.until or mark.at), mark.what) for mark in marks]


def _states(marks: Sequence[Mark], seconds: float) -> list[Stretch]:
    """Seconds after the last mark the circuit still is what it said."""
    times = [*(mark.at for mark in marks), max(seconds, marks[-1].at)]
    begun = [Stretch(0.0, times[0], "closed")] if times[0] > 0 else []
    return [*begun, *(Stretch(mark.at, times[place + 1], mark.what) for place, mark in enumerate(marks))]
