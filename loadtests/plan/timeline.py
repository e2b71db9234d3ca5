"""Which stage it is, how many users there are, and when the next request is due. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from loadtests.plan.scenario import Arrival, Stage
from loadtests.record.sample import Phase

LEAST_RAMP_SECONDS = 0.001  # a shorter one is a step, and steeper than numbers can say


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stage on the run's clock."""

    name: str
    begin: float
    ramp_until: float
    end: float
    users: int | None
    rate: float | None

    @property
    def told(self) -> dict[str, Any]:
        """As `run.json` holds it."""
        return {name: getattr(self, name) for name in ("name", "begin", "ramp_until", "end", "users", "rate")}


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
    """When requests are due, of the `share` of them that is one process's."""
    chance = random.Random(seed)  # noqa: S311  it guards nothing
    wait = chance.expovariate(1) if arrival == "poisson" else chance.random()  # processes do not send in step
    for slope in _slopes(line):
        at = 0.0  # since it began
        while (step := slope.seconds_for(at, wait / share)) is not None:
            at += step
            yield slope.begin + at
            wait = chance.expovariate(1) if arrival == "poisson" else 1.0
        wait -= slope.requests_from(at) * share


@dataclass(frozen=True, slots=True)
class _Slope:
    """A stretch in which the rate changes evenly, or not at all."""

    begin: float
    seconds: float
    rate: float
    growth: float  # per second

    def requests_from(self, at: float) -> float:
        left = self.seconds - at
        return (self.rate + self.growth * at) * left + self.growth * left**2 / 2

    def seconds_for(self, at: float, requests: float) -> float | None:
        """How long until so many more are due; None: not within it."""
        if requests >= self.requests_from(at):
            return None
        rate = self.rate + self.growth * at
        # Of rate * x + growth / 2 * x**2 = requests, in the form that holds without growth too.
        return 2 * requests / (rate + sqrt(max(rate**2 + 2 * self.growth * requests, 0.0)))


def _slopes(line: Sequence[Stretch]) -> Iterator[_Slope]:
    before = 0.0
    for stretch in line:
        rate, ramp = stretch.rate or 0.0, stretch.ramp_until - stretch.begin
        if ramp < LEAST_RAMP_SECONDS:
            yield _Slope(stretch.begin, stretch.end - stretch.begin, rate, 0.0)
        else:
            yield _Slope(stretch.begin, ramp, before, (rate - before) / ramp)
            yield _Slope(stretch.ramp_until, stretch.end - stretch.ramp_until, rate, 0.0)
        before = rate
