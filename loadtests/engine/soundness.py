"""Whether the generator was the bottleneck, so that the run says more about it than about the target. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadtests.plan.scenario import Scenario
from loadtests.record.sample import Mark, MarkKind, Sample

CURE = "give it more `processes`, or cores of its own"


def generator_facts(
    scenario: Scenario, lags: Sequence[Mapping[str, Any]], samples: Sequence[Sample], stages: Sequence[str]
) -> dict[str, Any]:
    """The worst process speaks for all. Of a sweep the worst of the levels that count speaks for the run."""
    parts = [_level(lags, stage) for stage in stages] if scenario.ends_at_knee else [lags]
    counted = [sample for sample in samples if sample.stage in stages]
    late = sorted(sample.lag * 1e3 for sample in counted if sample.way == "target") if scenario.is_open else []
    facts = {
        "processes": scenario.generator.processes,
        "cpu_share": _most(parts, "cpu_share"),
        "lag_p50_ms": _most(parts, "p50_ms"),
        "lag_p99_ms": _most(parts, "p99_ms"),
        "dispatch_p99_ms": late[int(len(late) * 0.99)] if late else None,
        "each": [{name: value for name, value in each.items() if name not in ("spells", "stages")} for each in lags],
    }
    what = bottleneck(scenario, facts)
    return {**facts, "bottleneck": f"the generator {what}: {CURE}" if what else None}


def overtaxed(scenario: Scenario, lags: Sequence[Mapping[str, Any]], stage: str) -> str | None:
    """What the generator could not do on one level of a sweep; None when it kept up."""
    level = [_level(lags, stage)]
    facts = {"cpu_share": _most(level, "cpu_share"), "lag_p99_ms": _most(level, "p99_ms"), "dispatch_p99_ms": None}
    return bottleneck(scenario, facts)


def late_marks(scenario: Scenario, lags: Sequence[Mapping[str, Any]], origin: float) -> list[Mark]:
    """When it was later than it may be: what users felt then may be its doing."""
    return [
        Mark(kind=MarkKind.GENERATOR, what=f"{late * 1e3:.0f} ms late", at=at - late - origin, until=at - origin)
        for each in lags
        for at, late in each["spells"]
        if late * 1e3 > scenario.generator.lag_ms
    ]


def bottleneck(scenario: Scenario, facts: Mapping[str, Any]) -> str | None:
    """What it could not do, as the end of a sentence; None when it kept up."""
    bounds = scenario.generator
    for what, value, most, form in (
        ("used {} of a core", facts["cpu_share"], bounds.cpu_share, ".0%"),
        ("was {} ms late at the 99th percentile", facts["lag_p99_ms"], bounds.lag_ms, ".1f"),
        ("sent requests {} ms late at the 99th percentile", facts["dispatch_p99_ms"], bounds.lag_ms, ".1f"),
    ):
        if value is not None and value > most:
            return f"{what.format(format(value, form))}, and {format(most, form)} is allowed"
    return None


def _level(lags: Sequence[Mapping[str, Any]], stage: str) -> list[Mapping[str, Any]]:
    return [each["stages"][stage] for each in lags if stage in each["stages"]]


def _most(parts: Sequence[Sequence[Mapping[str, Any]]], name: str) -> float | None:
    return max((each[name] for part in parts for each in part), default=None)
