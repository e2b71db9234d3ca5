"""A sweep's curve: what each level of load got, where its knee is, and the highest level that is safe. Pure.

The knee is the last level before throughput stops following: the next one gains less than 3 % though its load grows by
a tenth or more, and its first token's p99 is twice that of the first level or more. The level after that must say the
same; where there is none, the one there is must miss a promise too, or the knee is not confirmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.figures.facts import Facts, Stage
from loadtests.figures.figure import FIRST_TOKEN, RATE, steady, values
from loadtests.figures.proof import Answer
from loadtests.figures.quantiles import quantile
from loadtests.record.folder import Run
from loadtests.record.sample import Outcome, Sample
from loadtests.verdict.judge import judge_samples
from plugins.policy.slo import SloFile

GAIN = 0.03
SLOWER = 2.0
STEP = 0.10
MORE_GENERATOR = "give it more processes (`--processes 2`) or a machine of its own to go further"


@dataclass(frozen=True, slots=True)
class Level:
    stage: Stage
    load: float
    requests: int
    whole: int
    requests_per_s: float  # answers that were whole
    tokens_per_s: float  # of all streams together
    stream_tokens_per_s: float | None  # of the median stream
    first_p50: float | None
    first_p99: float | None
    missed: tuple[str, ...]  # the promises that this level refutes
    proven: bool  # and it proves all of them


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a sweep went no further than its levels: `knee`, `missed`, `stopped`, or `generator` with what that could not
    do. None of it: they were all that was asked for."""

    why: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    levels: tuple[Level, ...]
    knee: Level | None
    confirmed: bool
    safe: Level | None
    ended: Ended = Ended()

    @property
    def judged(self) -> frozenset[str]:
        """The stages a verdict is about: those that are safe. A sweep means to go further than any promise holds; where
        not even its first level is safe, that one is judged."""
        last = self.safe.load if self.safe else self.levels[0].load
        return frozenset(level.stage.name for level in self.levels if level.load <= last)

    @property
    def sentence(self) -> str:
        if self.safe is None:
            return f"{self._knee}; no level keeps every promise"
        proven = "proven" if self.safe.proven else "not contradicted, though not proven"
        return f"{self._knee}; the highest safe level is {self.safe.stage.load_text} ({proven})"

    @property
    def _knee(self) -> str:
        top = self.levels[-1].stage
        option = "--users" if top.rate is None else "--rate"
        further = f"go on to more (`{option} {(top.load or 0) * 2:g}`)"
        if self.knee:
            alone = "" if self.confirmed else f", by the last level alone: {further} to confirm it"
            return f"the knee is at {self.knee.stage.load_text}{alone}"
        none = f"no knee up to {top.load_text}"
        match self.ended.why:
            case "generator":
                return f"{none}, as {self.ended.text}: {MORE_GENERATOR}"
            case "missed":
                since = next(level for level in self.levels if level.missed)
                return f"{none}, but promises are missed from {since.stage.load_text} on, so it went no further"
            case "stopped":
                return f"{none}, where it was stopped"
            case _:
                return f"{none}, the last level: {further} to find it"


def sweep(run: Run, slo: SloFile) -> Sweep | None:
    """None of a run whose load does not rise from stage to stage, in three levels or more where it is not said to be
    one."""
    facts = Facts(run.info)
    stages = [stage for stage in facts.stages if stage.load]
    loads = [stage.load or 0.0 for stage in stages]
    ended = Ended(facts.text("ended", "why"), facts.text("ended", "text"))
    if not stages or (len(stages) < 3 and not facts.at("scenario", "ends_at_knee")) or loads != sorted(set(loads)):
        return None
    counted = steady(run.samples)
    levels = [_level(stage, counted, slo, facts) for stage in stages]
    place, twice = knee_at(levels)
    confirmed = place is not None and (twice or bool(levels[place + 1].missed))
    return Sweep(tuple(levels), None if place is None else levels[place], confirmed, _safe(levels), ended)


def settled(swept: Sweep) -> str | None:
    """Why it need not go further. A knee that one level alone speaks for is worth another one."""
    if knee_at(swept.levels)[1]:
        return "knee"
    beyond = [level.missed or not level.requests for level in swept.levels[-2:]]
    return "missed" if len(beyond) == 2 and all(beyond) and swept.knee is None else None


def knee_at(levels: Sequence[Level]) -> tuple[int | None, bool]:
    """Where, and whether the level after the next says so too."""
    for place in range(len(levels) - 1):
        if _past(levels, place, place + 1):
            last = place + 2 == len(levels)
            if last or _past(levels, place, place + 2):
                return place, not last
    return None, False


def _past(levels: Sequence[Level], at: int, later: int) -> bool:
    """Whether what follows gains next to nothing over the level and pays for it in waiting."""
    here, there = levels[at], levels[later]
    if there.load < here.load * (1 + STEP):
        return False
    gains = here.tokens_per_s > 0 and there.tokens_per_s >= here.tokens_per_s * (1 + GAIN)
    base = levels[0].first_p99
    waits = there.first_p99 is None or (base is not None and there.first_p99 >= base * SLOWER)
    return waits and not gains


def _safe(levels: Sequence[Level]) -> Level | None:
    """The highest below which, too, nothing is missed."""
    found = None
    for level in levels:
        if level.missed or not level.requests:
            break
        found = level
    return found


def _level(stage: Stage, counted: Sequence[Sample], slo: SloFile, facts: Facts) -> Level:
    own = [sample for sample in counted if sample.stage == stage.name]
    whole = [sample for sample in own if sample.outcome is Outcome.WHOLE]
    seconds = max(stage.end - stage.steady_from, 1e-9)
    results = judge_samples(own, own, slo, facts)
    firsts = values(FIRST_TOKEN, own)
    return Level(
        stage=stage,
        load=stage.load or 0.0,
        requests=len(own),
        whole=len(whole),
        requests_per_s=len(whole) / seconds,
        tokens_per_s=sum(sample.completion_tokens or 0 for sample in whole) / seconds,
        stream_tokens_per_s=quantile(values(RATE, own), 0.5),
        first_p50=quantile(firsts, 0.5),
        first_p99=quantile(firsts, 0.99),
        missed=tuple(f"{result.workload} {result.title}" for result in results if result.answer is Answer.MISSED),
        proven=bool(results) and all(result.answer is Answer.HELD for result in results),
    )
