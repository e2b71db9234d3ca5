"""Whether the generator was the bottleneck, so that the run says more about it than about the target. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadtests.plan.scenario import Scenario
from loadtests.record.sample import Mark, MarkKind, Sample


def generator_facts(scenario: Scenario, lags: Sequence[dict[str, Any]], samples: Sequence[Sample]) -> dict[str, Any]:
    """The worst process speaks for all."""
    late = sorted(sample.lag * 1e3 for sample in samples if sample.way == "target") if scenario.is_open else []
    facts = {
        "processes": scenario.generator.processes,
        "cpu_share": max((each["cpu_share"] for each in lags), default=None),
        "lag_p50_ms": max((each["p50_ms"] for each in lags), default=None),
        "lag_p99_ms": max((each["p99_ms"] for each in lags), default=None),
        "dispatch_p99_ms": late[int(len(late) * 0.99)] if late else None,
        "each": [{name: value for name, value in each.items() if name != "spells"} for each in lags],
    }
    return {**facts, "bottleneck": bottleneck(scenario, facts)}


def late_marks(scenario: Scenario, lags: Sequence[dict[str, Any]], origin: float) -> list[Mark]:
    """When it was later than it may be: what users felt then may be its doing."""
    return [
        Mark(kind=MarkKind.GENERATOR, what=f"{late * 1e3:.0f} ms late", at=at - late - origin, until=at - origin)
        for each in lags
        for at, late in each["spells"]
        if late * 1e3 > scenario.generator.lag_ms
    ]


def bottleneck(scenario: Scenario, facts: dict[str, Any]) -> str | None:
    """A sentence with the cure; None when it kept up."""
    bounds = scenario.generator
    cure = "give it more `processes`, or cores of its own"
    for what, value, most, form in (
        ("used {} of a core", facts["cpu_share"], bounds.cpu_share, ".0%"),
        ("was {} ms late at the 99th percentile", facts["lag_p99_ms"], bounds.lag_ms, ".1f"),
        ("sent requests {} ms late at the 99th percentile", facts["dispatch_p99_ms"], bounds.lag_ms, ".1f"),
    ):
        if value is not None and value > most:
            return f"the generator {what.format(format(value, form))}, and {format(most, form)} is allowed: {cure}"
    return None
