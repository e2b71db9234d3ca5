"""What got better or worse from one run to another, beyond the noise of both. Pure.

Each figure has an interval from runs drawn anew by stretches of time. Over all figures at once the chance of calling a
difference that is none stays below `ALPHA` (Holm), and one that is too small to matter is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite, sqrt
from typing import Any

import numpy as np

from loadtests.compare.figures import PERCENTILES, Percentile, Share, shares
from loadtests.figures import blocks
from loadtests.figures.blocks import Draws, Numbers, draw, quantiles, stretch_of
from loadtests.figures.chance import at_least, at_most, beyond_t, t_beyond
from loadtests.figures.figure import steady
from loadtests.figures.quantiles import quantile
from loadtests.record.sample import Outcome, Sample

ALPHA = 0.05
SEED = 20261120


class Change(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    SAME = "no difference"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Difference:
    name: str
    title: str
    unit: str
    before: float | None
    after: float | None
    change: Change
    by: float | None = None  # of a percentile relative to before; of a share in points
    low: float | None = None  # between which that lies, at 95 %
    high: float | None = None
    chance: float = 1.0  # of such a difference between runs of one build
    unseen: float | None = None  # a smaller difference than this would not have shown
    fewest: int = 0  # requests that the smaller run has for it
    needed: int = 0  # and would need to tell anything

    def as_dict(self) -> dict[str, Any]:
        names = "name before after by low high chance unseen fewest needed".split()
        told = {name: getattr(self, name) for name in names}
        finite = {name: None if isinstance(held, float) and not isfinite(held) else held for name, held in told.items()}
        return {**finite, "change": str(self.change)}


class _Side:
    """One run, and its draws."""

    def __init__(self, samples: Sequence[Sample], seed: int) -> None:
        self.samples = samples
        self._draws: Draws
        self._draws, self._columns = draw(stretch_of(samples), seed)

    @property
    def freedom(self) -> int:
        return max(1, self._draws.stretches - 1)

    def quantile(self, what: Percentile) -> tuple[float | None, Numbers, int]:
        pairs = [
            (value, column)
            for value, column in zip(map(what.figure.of, self.samples), self._columns, strict=True)
            if value is not None
        ]
        values = [value for value, _ in pairs]
        drawn = quantiles(self._draws, [column for _, column in pairs], values, what.share) if values else np.zeros(0)
        return quantile(sorted(values), what.share), drawn, len(values)

    def share(self, what: Share) -> tuple[float, Numbers, int]:
        hits = [what.hit(sample) for sample in self.samples]
        return sum(hits) / len(hits), blocks.shares(self._draws, self._columns, hits), sum(hits)


def compare(
    before: Sequence[Sample], after: Sequence[Sample], primaries: frozenset[str] = frozenset()
) -> list[Difference]:
    """The steady part of each; what was silently cut is counted over the whole run."""
    one, other = steady(before), steady(after)
    if not one or not other:
        return []
    sides = _Side(one, SEED), _Side(other, SEED + 1)
    found = [_percentile(what, *sides) for what in PERCENTILES]
    found += [_share(what, *sides) for what in shares(primaries)]
    return [*_holm(found), _truncation(before, after)]


def _percentile(what: Percentile, one: _Side, other: _Side) -> Difference:
    (before, drawn_before, few), (after, drawn_after, also) = one.quantile(what), other.quantile(what)
    made = Difference(what.name, what.title, what.figure.unit, before, after, Change.UNKNOWN)
    made = replace(made, fewest=min(few, also), needed=what.needed)
    if before is None or after is None or made.fewest < what.needed:
        return made
    if not (isfinite(before) and isfinite(after)):
        return replace(made, change=Change.SAME) if before == after else _never(made, what, after)
    drawn = np.concatenate([drawn_before, drawn_after])
    if before <= 0 or not np.isfinite(drawn).all():
        return made
    by = after / before - 1
    error = sqrt(_spread(drawn_before) ** 2 + _spread(drawn_after) ** 2) / before
    matters = max(what.matters, what.floor / before)
    return _decided(made, by, error, matters, one.freedom + other.freedom, what.figure.smaller_is_better)


def _never(made: Difference, what: Percentile, after: float) -> Difference:
    """One of the two runs never got there at that percentile."""
    gone = not isfinite(after)
    worse = gone == what.figure.smaller_is_better
    return replace(made, change=Change.WORSE if worse else Change.BETTER, chance=0.0)


def _share(what: Share, one: _Side, other: _Side) -> Difference:
    """Also by counting: of so few hits no draw knows how they would spread."""
    (before, drawn_before, hits), (after, drawn_after, other_hits) = one.share(what), other.share(what)
    error = sqrt(_spread(drawn_before) ** 2 + _spread(drawn_after) ** 2)
    made = Difference(what.name, what.title, "", before, after, Change.UNKNOWN)
    decided = _decided(made, after - before, error, what.matters, one.freedom + other.freedom, smaller_is_better=True)
    counted = _by_counting(hits, other_hits, len(one.samples), len(other.samples))
    return replace(decided, chance=max(decided.chance, counted))


def _decided(
    made: Difference, by: float, error: float, matters: float, freedom: int, smaller_is_better: bool
) -> Difference:
    """For now each by itself; Holm takes back what is not beyond all of their noise together."""
    reach = t_beyond(ALPHA, freedom) * error
    beyond = max(0.0, abs(by) - matters)  # the part that matters must itself be beyond the noise
    chance = beyond_t(beyond / error, freedom) if error and beyond else float(not beyond)
    worse = (by > 0) == smaller_is_better
    change = Change.SAME if not beyond else Change.WORSE if worse else Change.BETTER
    return replace(made, change=change, by=by, low=by - reach, high=by + reach, chance=chance, unseen=matters + reach)


def _holm(found: Sequence[Difference]) -> list[Difference]:
    known = sorted((each for each in found if each.change is not Change.UNKNOWN), key=lambda each: each.chance)
    kept: set[str] = set()
    for place, each in enumerate(known):
        if each.chance > ALPHA / (len(known) - place):
            break
        kept.add(each.name)
    return [
        replace(each, change=Change.SAME)
        if each.change in (Change.BETTER, Change.WORSE) and each.name not in kept
        else each
        for each in found
    ]


def _truncation(before: Sequence[Sample], after: Sequence[Sample]) -> Difference:
    """None is promised, so the first one is worse, whatever chance says."""
    cut = [
        sum(each.outcome is Outcome.TRUNCATED and each.way == "target" for each in samples)
        for samples in (before, after)
    ]
    of = [max(1, sum(each.way == "target" for each in samples)) for samples in (before, after)]
    change = Change.WORSE if cut[1] and not cut[0] else Change.BETTER if cut[0] and not cut[1] else Change.SAME
    chance = _by_counting(cut[0], cut[1], of[0], of[1])
    if cut[0] and cut[1] and chance <= ALPHA:
        change = Change.WORSE if cut[1] / of[1] > cut[0] / of[0] else Change.BETTER
    shares_of = cut[0] / of[0], cut[1] / of[1]
    return Difference(
        "silent_truncation", "Silent truncation", "", *shares_of, change, by=shares_of[1] - shares_of[0], chance=chance
    )


def _by_counting(hits: int, other_hits: int, of: int, other_of: int) -> float:
    """How likely the hits fall so unevenly on the two runs if each request has the same chance."""
    both, share = hits + other_hits, other_of / (of + other_of)
    return min(1.0, 2 * min(at_most(other_hits, both, share), at_least(other_hits, both, share)))


def _spread(drawn: Numbers) -> float:
    return float(drawn.std(ddof=1)) if len(drawn) > 1 else 0.0
