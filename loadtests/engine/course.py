"""How far a run is, and what it looks like so far. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.record.sample import Outcome, Sample


@dataclass(frozen=True, slots=True)
class Row:
    """One workload, asked in one way. None: nothing to say yet."""

    name: str
    requests: int
    first_p50_ms: float | None
    first_p95_ms: float | None
    first_p99_ms: float | None
    tokens_per_s: float | None
    troubles: str


def rows(samples: Sequence[Sample]) -> list[Row]:
    names = sorted({(sample.way != "target", sample.workload, sample.way) for sample in samples})
    return [_row(workload, way, samples) for _, workload, way in names]


def _row(workload: str, way: str, samples: Sequence[Sample]) -> Row:
    mine = [sample for sample in samples if sample.workload == workload and sample.way == way]
    firsts = sorted(sample.ttft * 1e3 for sample in mine if sample.ttft is not None)
    rates = sorted(sample.tokens_per_s for sample in mine if sample.tokens_per_s is not None)
    troubles = Counter(str(sample.outcome) for sample in mine if sample.outcome is not Outcome.WHOLE)
    return Row(
        name=workload if way == "target" else f"{workload} ({way})",
        requests=len(mine),
        first_p50_ms=_at(firsts, 0.5),
        first_p95_ms=_at(firsts, 0.95),
        first_p99_ms=_at(firsts, 0.99),
        tokens_per_s=_at(rates, 0.5),
        troubles=", ".join(f"{number} {name}" for name, number in troubles.most_common()),
    )


def _at(values: Sequence[float], share: float) -> float | None:
    return values[min(int(len(values) * share), len(values) - 1)] if values else None
