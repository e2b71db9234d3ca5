"""How far a sweep goes: until it knows its knee, or what lies beyond would say nothing of the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.engine.merge import on_the_clock
from loadtests.engine.soundness import overtaxed
from loadtests.engine.tail import Tail
from loadtests.figures.facts import load_said
from loadtests.plan.scenario import Scenario
from loadtests.plan.timeline import Stretch
from loadtests.record.folder import Run
from loadtests.record.sample import Sample
from loadtests.verdict.levels import read
from loadtests.verdict.sweep import settled, sweep
from plugins.policy.slo import SloFile

GRACE_SECONDS = 1.0  # for answers that are due, and for what processes say of themselves twice a second


@dataclass(frozen=True, slots=True)
class End:
    """Why it went no further, and the stages that count."""

    why: str  # knee, missed, generator or stopped
    stages: int
    text: str = ""


class Climb:
    """Asked at every look, it judges once after each stage but the last, with which the run ends by itself."""

    def __init__(
        self, scenario: Scenario, line: Sequence[Stretch], levels: Path | None, primaries: Sequence[str]
    ) -> None:
        self._scenario = scenario
        self._line = line
        self._slo = read(levels) if scenario.ends_at_knee else None
        self._primaries = primaries
        self._done = 0
        self._end: End | None = None

    def is_over(self, at: float, origin: float, tail: Tail) -> bool:
        last = len(self._line) - 1
        if self._slo is None or self._done == last or at < self._line[self._done].end + GRACE_SECONDS:
            return False
        self._done += 1
        self._end = self._beyond_us(tail.lags()) or self._settled(self._slo, origin, tail.samples)
        return self._end is not None

    def finish(self, reached: float, lags: Sequence[Mapping[str, Any]]) -> End | None:
        """Why it did not go on, or what of its last level does not count."""
        if self._slo is None or self._end is not None:
            return self._end
        self._done = sum(stretch.end <= reached + GRACE_SECONDS for stretch in self._line)
        if self._done < len(self._line):  # by Ctrl-C, or a bound
            self._done = max(self._done, 1)
            return End("stopped", self._done)
        return self._beyond_us(lags)

    def _beyond_us(self, lags: Sequence[Mapping[str, Any]]) -> End | None:
        """A level that was too much for the generator does not count; the first one does, and makes the run void."""
        level = self._line[self._done - 1]
        what = overtaxed(self._scenario, lags, level.name)
        if what is None:
            return None
        load = load_said(level.users, level.rate)
        return End("generator", max(self._done - 1, 1), f"at {load} the generator {what}")

    def _settled(self, slo: SloFile, origin: float, samples: Sequence[Sample]) -> End | None:
        done = self._line[: self._done]
        told = {
            "stages": [stretch.told for stretch in done],
            "primaries": self._primaries,
            "scenario": {"ends_at_knee": True},
        }
        swept = sweep(Run(told, on_the_clock(samples, origin, self._line)), slo)
        why = settled(swept) if swept else None
        return End(why, self._done) if why else None
