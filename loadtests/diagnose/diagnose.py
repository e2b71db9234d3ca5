"""All checks over one run. Adding one is a function and its place in CHECKS. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from loadtests.diagnose import course, provider, saturation, speed, way
from loadtests.diagnose.finding import Finding, Seen, Weight
from loadtests.figures.facts import Facts
from loadtests.record.folder import Run
from loadtests.record.sample import MarkKind

Check = Callable[[Seen], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    saturation.generator,
    speed.beside_the_reference,
    way.buffering,
    provider.another_model,
    provider.refusals,
    provider.rate_limits,
    saturation.gateway,
    provider.fallbacks,
    provider.queueing,
    way.cold_connections,
    way.cold_start,
    way.pauses,
    course.burst,
    course.drift,
)


def diagnose(run: Run, stages: frozenset[str] | None = None) -> list[Finding]:
    """The gravest first. Of these stages, or of all: that a sweep's last levels overwhelm their target is no news."""
    samples = [sample for sample in run.samples if stages is None or sample.stage in stages]
    faults = sum(mark.kind is MarkKind.FAULT for mark in run.marks)
    seen = Seen(Facts(run.info), samples, faults)
    order = [Weight.BAD, Weight.WARN, Weight.NOTE, Weight.FINE]
    return sorted((finding for check in CHECKS for finding in check(seen)), key=lambda each: order.index(each.weight))


def lines(findings: Sequence[Finding]) -> list[str]:
    return [f"  {finding.weight.value:<7} {finding.sentence}" for finding in findings]
