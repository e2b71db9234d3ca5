"""Two workers against one: medians by lane and number of workers."""

from __future__ import annotations

from loadtests.bench.stats import TIMES
from loadtests.bench.workers import Turn, table


def turn(path: str, workers: int, rate: float, busiest: float = 1.0) -> Turn:
    return Turn(path, workers, rate, 0.012, 30e-6, rate * 10, busiest)


def test_every_lane_has_a_line_for_one_worker_and_one_for_two() -> None:
    turns = [
        turn("LiteLLM lane", 1, 80.0),
        turn("LiteLLM lane", 2, 150.0, 0.52),
        turn("LiteLLM lane", 2, 152.0, 0.54),
        turn("LiteLLM lane", 2, 9.0, 0.9),
        turn("express lane", 1, 2000.0),
    ]

    head, _, *lines = table(turns).splitlines()

    assert head.startswith(f"| path | workers | ceiling req/s | {TIMES} one |")
    assert lines == [
        "| LiteLLM lane | 1 | 80 | 1 | 12,000 | 800 | 30 | 100% |",
        "| LiteLLM lane | 2 | 150 | 1.88 | 12,000 | 1,500 | 30 | 54% |",
        "| express lane | 1 | 2,000 | 1 | 12,000 | 20,000 | 30 | 100% |",
    ]
