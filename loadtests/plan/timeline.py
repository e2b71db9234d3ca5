"""Which stage it is, how many users there are, and when the next request is due. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from loadtests.plan.scenario import Arrival, Stage
from loadtests.record.sample import Phase


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stage on the run's clock."""

    name: str
    begin: float
    ramp_until: float
    end: float
    users: int | None
    rate: float | None


def stretches(stages: Sequence[Stage]) -> list[Stretch]:
    found: list[Stretch] = []
    begin = 0.0
    for stage in stages:
        end = begin + stage.seconds
        found.append(Stretch(stage.name, begin, begin + stage.ramp_seconds, end, stage.users, stage.rate))
        begin = end
    return found


def place(line: Sequence[Stretch], at: float) -> tuple[str, Phase]:
    """The stage and phase of a request that was due then."""
    for stretch in line:
        if at < stretch.end:
            return stretch.name, Phase.RAMP if at < stretch.ramp_until else Phase.STEADY
    return line[-1].name, Phase.DRAIN


def users_at(line: Sequence[Stretch], at: float) -> tuple[int, float] | None:
    """How many users, and how many more per second until then. None: it is over."""
    before = 0
    for stretch in line:
        users = stretch.users or 0
        if at < stretch.end:
            ramp = stretch.ramp_until - stretch.begin
            new = max(users - before, 1)
            return users, new / ramp if ramp > 0 else float(max(new, 100))
        before = users
    return None


def arrivals(line: Sequence[Stretch], arrival: Arrival, share: float, seed: str) -> Iterator[float]:
    """When requests are due, of the `share` of them that is one process's. A ramp goes up from the rate before it."""
    chance = random.Random(seed)  # noqa: S311  it guards nothing
    phase = chance.random()  # so that processes do not send in step
    due = 0.0
    begun = False
    while True:
        rate = _rate_at(line, due) * share
        step = chance.expovariate(1) if arrival == "poisson" else (1.0 if begun else phase)
        begun = True
        due += step / rate if rate > 0 else 0.01
        if due >= line[-1].end:
            return
        if rate > 0:
            yield due


def _rate_at(line: Sequence[Stretch], at: float) -> float:
    for before, stretch in pairwise([None, *line]):
        assert stretch is not None  # noqa: S101  only the first is nothing
        if at < stretch.end:
            rate, was = stretch.rate or 0.0, (before.rate or 0.0) if before else 0.0
            ramp = stretch.ramp_until - stretch.begin
            if at >= stretch.ramp_until or ramp <= 0:
                return rate
            # From a tenth on, or the first request would never be due.
            return max(was + (rate - was) * (at - stretch.begin) / ramp, rate / 10)
    return 0.0
