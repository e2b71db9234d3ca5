"""From what clients got, what the primary noted and what gateways said, to figures; and whether they are good. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from loadtests.bench.stats import minus, percentile
from loadtests.chaos.schedule import Kind, Phase
from loadtests.record.sample import Mark, MarkKind, Outcome, Sample

QUIET_SECONDS = 1.0  # without a call, while requests came: then the primary is left alone
BACK_SHARE = 0.9  # of a second's requests served by the primary: then it is back
TOLD_SECONDS = 5.0  # what the 429s of the schedule say
ENOUGH_FOR_P99 = 100  # of fewer it would be the largest
KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Call:
    """Of the primary, by its own log; seconds of the run."""

    at: float
    fault: str = "none"
    status: int | None = 200
    ended: str | None = "whole"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the requests of a stage, or of all."""

    requests: int
    whole: int
    broken: int  # visibly, after the first token
    lost: int  # no first token
    killed: int  # of both, those whose own gateway was killed; counted in neither
    lies: int  # looked whole, and were not
    first_p50_ms: float | None
    first_p99_ms: float | None
    added_p50_ms: float | None = None  # against the calm
    added_p99_ms: float | None = None

    @property
    def whole_share(self) -> float | None:
        return self.whole / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class Outage:
    """How the primary was treated while it was down, and after."""

    calls: int
    trip_seconds: float | None  # until it was left alone; None: it never was
    calls_while_open: int | None  # None: it never was left alone
    open_periods: int  # that ended meanwhile, by the gateway that had most; 0 where nothing is said of circuits
    back_seconds: float | None  # from its return until it served nearly everything again

    @property
    def probes_per_period(self) -> float | None:
        if self.calls_while_open is None or not self.open_periods:
            return None
        return self.calls_while_open / self.open_periods


@dataclass(frozen=True, slots=True)
class Scores:
    name: str
    rate: float  # requests per second
    total: Figures
    stages: dict[str, Figures]
    outage: Outage | None
    early_calls: int | None  # of a primary that had said when to come back
    redis: tuple[int, int] | None  # events: lost, back
    lag_p99_ms: float | None  # of the load itself


def judge(
    name: str,
    rate: float,
    phases: Sequence[Phase],
    samples: Sequence[Sample],
    marks: Sequence[Mark],
    calls: Sequence[Call],
    events: Sequence[dict[str, Any]],
) -> Scores:
    spans = {mark.what: (mark.at, mark.until or mark.at) for mark in marks if mark.kind == MarkKind.FAULT}
    by_kind = {phase.kind: spans[phase.title] for phase in phases if phase.title in spans}
    stages: dict[str, list[Sample]] = {}
    for sample in samples:
        stages.setdefault(sample.stage, []).append(sample)
    calm = next((_figures(stages.get(phase.title, [])) for phase in phases if phase.kind == Kind.CALM), None)
    ours = [event for event in events if event["event"].startswith("sharing.")]
    return Scores(
        name=name,
        rate=rate,
        total=_figures(samples),
        stages={stage: _figures(each, calm) for stage, each in stages.items()},
        outage=_outage(by_kind[Kind.DOWN], samples, calls, events) if Kind.DOWN in by_kind else None,
        early_calls=_early(by_kind[Kind.FULL], calls) if Kind.FULL in by_kind else None,
        redis=(_count(ours, "sharing.lost"), _count(ours, "sharing.back")) if Kind.REDIS in by_kind else None,
        lag_p99_ms=_ms(percentile((sample.lag for sample in samples), 0.99)),
    )


def complaints(scores: Scores) -> list[str]:
    """What must not be, and is."""
    total = scores.total
    return [
        sentence
        for wrong, sentence in (
            (total.lost, f"{total.lost} requests were lost before their first token, must be 0"),
            (total.lies, f"{total.lies} answers looked whole and were not, must be 0"),
        )
        if wrong
    ]


def is_lost(sample: Sample) -> bool:
    return sample.first is None and sample.outcome is not Outcome.WHOLE


def _figures(samples: Sequence[Sample], calm: Figures | None = None) -> Figures:
    def count(holds: Callable[[Sample], bool]) -> int:
        return sum(holds(sample) for sample in samples if sample.error != KILLED)

    firsts = [sample.ttft for sample in samples]
    p50 = _ms(percentile(firsts, 0.5))
    p99 = _ms(percentile(firsts, 0.99)) if len(firsts) >= ENOUGH_FOR_P99 else None
    return Figures(
        requests=len(samples),
        whole=count(lambda sample: sample.outcome is Outcome.WHOLE),
        broken=count(lambda sample: sample.outcome is Outcome.BROKEN and sample.first is not None),
        lost=count(lambda sample: is_lost(sample) and sample.outcome is not Outcome.TRUNCATED),
        killed=sum(sample.error == KILLED for sample in samples),
        lies=count(lambda sample: sample.outcome is Outcome.TRUNCATED),
        first_p50_ms=p50,
        first_p99_ms=p99,
        added_p50_ms=_round(minus(p50, calm.first_p50_ms)) if calm else None,
        added_p99_ms=_round(minus(p99, calm.first_p99_ms)) if calm else None,
    )


def _outage(
    span: tuple[float, float], samples: Sequence[Sample], calls: Sequence[Call], events: Sequence[dict[str, Any]]
) -> Outage:
    began, ended = span
    during = sorted(call.at for call in calls if began <= call.at < ended)
    trip = _left_alone_at(began, ended, during)
    opened: dict[int, int] = {}
    for event in events:
        if event["event"] == "circuit.opened" and began <= event["at"] < event["at"] + event["seconds"] < ended:
            opened[event["gateway"]] = opened.get(event["gateway"], 0) + 1
    return Outage(
        calls=len(during),
        trip_seconds=None if trip is None else round(trip - began, 2),
        calls_while_open=None if trip is None else sum(at > trip for at in during),
        open_periods=max(opened.values(), default=0),
        back_seconds=_back(ended, samples),
    )


def _left_alone_at(began: float, ended: float, calls: Sequence[float]) -> float | None:
    """The last call before it was first left alone."""
    for call, after in zip([began, *calls], [*calls, ended], strict=True):
        if after - call >= QUIET_SECONDS:
            return call
    return None


def _back(since: float, samples: Sequence[Sample]) -> float | None:
    """By whole seconds of requests; a few of the fallback's may remain."""
    last = max((sample.intended for sample in samples), default=since)
    second = 0
    while since + second < last:
        within = [each for each in samples if since + second <= each.intended < since + second + 1 and each.target]
        primary = sum(_is_primary(each) for each in within)
        if within and primary >= BACK_SHARE * len(within):
            return float(second)
        second += 1
    return None


def _is_primary(sample: Sample) -> bool:
    return (sample.target or "").startswith(("cerebras/", "primary/"))


def _early(span: tuple[float, float], calls: Sequence[Call]) -> int:
    """Calls of a primary that had said, to whomever of the fleet, to come back later."""
    began, ended = span
    early, told_until = 0, began
    for call in sorted(calls, key=lambda each: each.at):
        if not began <= call.at < ended:
            continue
        if call.at < told_until:
            early += 1
        elif call.status == 429:
            told_until = call.at + TOLD_SECONDS
    return early


def _count(events: Sequence[dict[str, Any]], name: str) -> int:
    return sum(event["event"] == name for event in events)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
