"""What a person sees while a run goes on, and what a pipeline's log holds."""

from __future__ import annotations

import io
import re

from rich.console import Console

from loadtests.engine.view import Lines, Screen
from tests.loadtests.engine.test_pure import sample

SAMPLES = [sample(at / 10) for at in range(50)]


def test_a_person_sees_stage_time_left_and_percentiles_so_far() -> None:
    seen = io.StringIO()
    screen = Screen(Console(file=seen, force_terminal=True, width=120))
    screen.show("steady", 20.0, 60.0, SAMPLES)
    screen.close()

    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.getvalue()).splitlines()
    for start, what in (("steady", "40 s left"), ("workload", "first token p50"), ("chat", "200")):
        assert any(line.startswith(start) and what in line for line in lines), lines


def test_a_log_gets_a_line_now_and_then() -> None:
    seen = io.StringIO()
    lines = Lines(seen)
    for second in range(26):
        lines.show("steady", float(second), 60.0, SAMPLES)

    assert seen.getvalue().splitlines() == [
        "steady, 50 s left: chat 50 requests, first token 200 ms p50 200 p99, 2,475 tokens/s",
        "steady, 40 s left: chat 50 requests, first token 200 ms p50 200 p99, 2,475 tokens/s",
    ]
