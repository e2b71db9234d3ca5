"""An open loop is sent once, whoever comes and goes: parts do not overlap, and together they are all of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.plan.scenario import Stage
from loadtests.plan.timeline import arrivals, stretches
from loadtests.shapes.shares import Shares
from loadtests.users.part import Part

LINE = stretches([Stage(name="all", seconds=60, rate=50)])


@dataclass
class Master:
    """As much of Locust's as tells workers."""

    parts: dict[str, Part] = field(default_factory=dict)
    clients: Any = None

    def has(self, *workers: str) -> None:
        self.parts |= {worker: Part() for worker in workers if worker not in self.parts}
        known = [SimpleNamespace(id=worker) for worker in workers]
        self.clients = SimpleNamespace(ready=[], spawning=[], running=known)

    def send_message(self, kind: str, told: Any, worker: str) -> None:
        del kind
        self.parts[worker].hear(SimpleNamespace(data=told))


@given(st.lists(st.tuples(st.integers(1, 4), st.floats(1, 10)), min_size=1, max_size=5))
def test_at_each_moment_the_parts_make_up_the_whole(crowds: list[tuple[int, float]]) -> None:
    master = Master()
    shares = Shares(master)
    shares.begin()
    at = -0.5
    for number, seconds in crowds:
        master.has(*(f"worker-{index}" for index in range(number)))

        assert shares.tell(at) == number
        parts = [master.parts[f"worker-{index}"] for index in range(number)]
        assert sorted(part.index for part in parts) == list(range(number))
        assert {part.of for part in parts} == {number}
        sent = sum(
            at <= due < at + seconds
            for part in parts
            for due in arrivals(LINE, "constant", 1 / part.of, f"1/{part.index}")
        )
        due = 50 * (seconds + min(at, 0))  # nothing is due before the clock starts
        assert sent == pytest.approx(due, abs=number + 1)
        at += seconds


def test_a_message_that_came_late_does_not_move_the_clock() -> None:
    part, now = Part(), perf_counter()
    for at in (-0.5, 3.0, -2.0):  # the second was quicker than the first, the third slower
        part.hear(SimpleNamespace(data={"run": 1, "index": 0, "of": 1, "at": at}))

    assert part.origin == pytest.approx(now - 3.0, abs=0.5)
    assert (part.changes, part.since) == (1, -0.5)


def test_a_new_run_has_a_clock_of_its_own() -> None:
    part = Part()
    for run, at in ((1, 40.0), (2, -0.5)):
        part.hear(SimpleNamespace(data={"run": run, "index": 0, "of": 1, "at": at}))

    assert part.origin == pytest.approx(perf_counter() + 0.5, abs=0.5)
    assert (part.changes, part.since) == (2, -0.5)
