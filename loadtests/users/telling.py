"""What Locust is told of a sample. Its page charts the response time of all requests: ours is the first token.

Total time, tokens/s and gap are rows beside it that count as no requests.
"""

from __future__ import annotations

from typing import Any

import locust.stats

from loadtests.record.rounding import three_digits
from loadtests.record.sample import Outcome, Sample

FIRST = "first token, ms"
TOTAL = "all of it, ms"
RATE = "tokens/s"
GAP = "longest gap, ms"


class NotWholeError(Exception):
    """What the table of failures shows."""


def tell(environment: Any, sample: Sample, began: float) -> None:
    seconds = sample.ttft if sample.ttft is not None else sample.total
    fine = sample.outcome is Outcome.WHOLE
    environment.events.request.fire(
        request_type=FIRST,
        name=_name(sample),
        response_time=seconds * 1e3,
        response_length=sample.octets,
        exception=None if fine else NotWholeError(f"{sample.outcome}: {sample.error}"),
        context={},
        start_time=began,
        url=None,
    )
    for row, value in ((TOTAL, sample.total * 1e3), (RATE, sample.tokens_per_s), (GAP, _ms(sample.gap))):
        if value is not None and fine:
            environment.stats.get(_name(sample), row).log(value, 0)


def fine_buckets() -> None:
    """Locust's own are 10 ms wide from 100 ms on and 100 ms from a second on: 147 ms would be 150."""
    locust.stats.bucket_response_time = three_digits


def _name(sample: Sample) -> str:
    return sample.workload if sample.way == "target" else f"{sample.workload} ({sample.way})"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
