"""What Locust is told of a sample. Its page charts the response time of all requests: ours is the first token.

Total time, tokens/s and gap are rows beside it that count as no requests; `page` charts them.
"""

from __future__ import annotations

from typing import Any

import locust.stats

from loadtests.record.rounding import three_digits
from loadtests.record.sample import Outcome, Sample
from loadtests.users.rows import FIRST, GAP, RATE, TOTAL, name_of


class NotWholeError(Exception):
    """What the table of failures shows."""


def tell(environment: Any, sample: Sample, began: float) -> None:
    seconds = sample.ttft if sample.ttft is not None else sample.total
    fine = sample.outcome is Outcome.WHOLE
    environment.events.request.fire(
        request_type=FIRST,
        name=name_of(sample.workload, sample.way),
        response_time=seconds * 1e3,
        response_length=sample.octets,
        exception=None if fine else NotWholeError(f"{sample.outcome}: {sample.error}"),
        context={},
        start_time=began,
        url=None,
    )
    for row, value in ((TOTAL, sample.total * 1e3), (RATE, sample.tokens_per_s), (GAP, _ms(sample.gap))):
        if value is not None and fine:
            environment.stats.get(name_of(sample.workload, sample.way), row).log(value, 0)


def fine_buckets() -> None:
    """Locust's own are 10 ms wide from 100 ms on and 100 ms from a second on: 147 ms would be 150."""
    locust.stats.bucket_response_time = three_digits


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
