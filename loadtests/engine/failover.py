"""What each fault cost those who asked meanwhile: time to trip, requests lost, latency added, time to recover. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from loadtests.record.sample import Mark, MarkKind, Outcome, Sample

CLOSED = "closed"
_LOST = frozenset({Outcome.FAILED, Outcome.SHED, Outcome.LIMITED, Outcome.REFUSED})


def costs(samples: Sequence[Sample], marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """One row per fault; None where it did not happen."""
    ours = [sample for sample in samples if sample.way == "target"]
    faults = [mark for mark in marks if mark.kind is MarkKind.FAULT and mark.until is not None]
    ends = [*(fault.at for fault in faults[1:]), float("inf")]  # what happens later belongs to the next fault
    return [_cost(fault, end, ours, marks) for fault, end in zip(faults, ends, strict=False)]


def _cost(fault: Mark, before: float, samples: Sequence[Sample], marks: Sequence[Mark]) -> dict[str, Any]:
    until = fault.until or fault.at
    within = [sample for sample in samples if fault.at <= sample.intended < until]
    circuit = [mark for mark in marks if mark.kind is MarkKind.CIRCUIT and fault.at <= mark.at < before]
    tripped = next((mark for mark in circuit if mark.what != CLOSED), None)
    # By the target's own circuit: another may have changed, too.
    mine = [mark for mark in circuit if tripped is not None and mark.target == tripped.target]
    closed = next((mark.at for mark in mine if mark.what == CLOSED and mark.at >= until), None)
    usual = _middle([sample for sample in samples if sample.intended < fault.at])
    meanwhile = _middle(within)
    return {
        "fault": fault.what,
        "provider": fault.target,
        "at": fault.at,
        "until": until,
        "requests": len(within),
        "lost_before_first_token": sum(sample.outcome in _LOST for sample in within),
        "broken_after_it": sum(sample.outcome is Outcome.BROKEN for sample in within),
        "silently_truncated": sum(sample.outcome is Outcome.TRUNCATED for sample in within),
        "trip_seconds": None if tripped is None else round(tripped.at - fault.at, 3),
        "recovery_seconds": None if closed is None else round(closed - until, 3),
        "added_ms": None if usual is None or meanwhile is None else round((meanwhile - usual) * 1e3, 1),
    }


def _middle(samples: Sequence[Sample]) -> float | None:
    found = [sample.ttft for sample in samples if sample.ttft is not None]
    return median(found) if found else None
