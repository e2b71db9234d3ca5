"""What a fault cost: how soon its target was left alone, what was lost meanwhile, how soon it was back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadtests.figures.figure import FIRST_TOKEN, TARGET, values
from loadtests.figures.quantiles import quantile
from loadtests.record.sample import Mark, MarkKind, Outcome, Sample
from loadtests.verdict.promise import by_fallback
from loadtests.verdict.words import finite


@dataclass(frozen=True, slots=True)
class Outage:
    """Seconds count from the fault's begin, but for those until it was back, which count from its end."""

    what: str
    target: str
    at: float
    until: float
    requests: int  # due while it lasted
    lost: int  # of them, those that got no whole answer
    fallback: int  # and those that a fallback answered
    rescued_after: float | None  # until the first token of the next answer that was whole
    tripped_after: float | None
    lost_before_trip: int
    first_before: float | None  # first token p50, of as long before
    first_until_trip: float | None  # first token p95
    first_after_trip: float | None  # first token p50
    back_after: float | None  # until the first token of the next whole one by a first target

    def as_dict(self) -> dict[str, Any]:
        return {
            name: finite(held) if isinstance(held, float) else held
            for name in self.__slots__
            for held in [getattr(self, name)]
        }


def outages(samples: Sequence[Sample], marks: Sequence[Mark], primaries: frozenset[str]) -> list[Outage]:
    own = sorted((sample for sample in samples if sample.way == TARGET), key=lambda sample: sample.intended)
    faults = sorted((mark for mark in marks if mark.kind is MarkKind.FAULT), key=lambda mark: mark.at)
    return [_outage(fault, own, marks, primaries) for fault in faults if fault.until is not None and own]


def _outage(fault: Mark, own: Sequence[Sample], marks: Sequence[Mark], primaries: frozenset[str]) -> Outage:
    at, until = fault.at, fault.until if fault.until is not None else fault.at
    during = [sample for sample in own if at <= sample.intended < until]
    before = [sample for sample in own if at - (until - at) <= sample.intended < at]
    tripped = _tripped(fault, marks)
    trip = until if tripped is None else min(until, tripped)
    early = [sample for sample in during if sample.intended < trip]
    late = [sample for sample in during if sample.intended >= trip]
    since = [sample for sample in own if sample.intended >= until]
    return Outage(
        what=fault.what,
        target=fault.target or "",
        at=at,
        until=until,
        requests=len(during),
        lost=_lost(during),
        fallback=sum(bool(by_fallback(sample, primaries)) for sample in during),
        rescued_after=_first_whole(during, at),
        tripped_after=None if tripped is None else tripped - at,
        lost_before_trip=_lost(early),
        first_before=quantile(values(FIRST_TOKEN, before), 0.5),
        first_until_trip=quantile(values(FIRST_TOKEN, early), 0.95),
        first_after_trip=quantile(values(FIRST_TOKEN, late), 0.5),
        back_after=_first_whole([sample for sample in since if by_fallback(sample, primaries) is False], until),
    )


def _tripped(fault: Mark, marks: Sequence[Mark]) -> float | None:
    """The first circuit that opened while the fault lasted, of a target of that provider's."""
    opened = [
        mark.at
        for mark in marks
        if mark.kind is MarkKind.CIRCUIT
        and mark.what.startswith("open")
        and fault.at <= mark.at <= (fault.until or fault.at)
        and (not fault.target or not mark.target or mark.target.startswith(fault.target))
    ]
    return min(opened, default=None)


def _first_whole(samples: Sequence[Sample], since: float) -> float | None:
    firsts = [sample.first for sample in samples if sample.outcome is Outcome.WHOLE and sample.first is not None]
    return min(firsts) - since if firsts else None


def _lost(samples: Sequence[Sample]) -> int:
    return sum(sample.outcome is not Outcome.WHOLE for sample in samples)
