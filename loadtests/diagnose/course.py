"""What became of the target while the run went on: whether it felt a burst, and whether it stayed as it was. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from loadtests.compare.difference import Change, Difference, compare
from loadtests.diagnose.finding import Finding, Seen, Weight
from loadtests.diagnose.speed import FEWEST
from loadtests.figures.facts import Stage
from loadtests.figures.figure import FIRST_TOKEN, values
from loadtests.figures.quantiles import quantile
from loadtests.verdict.words import number

LONG_SECONDS = 120.0  # what a shorter run is at its end it was not for long
FELT = 1.25  # of the first token's p95 before
LEAST_MS = 10.0
GROWN, LEAST_MB = 1.2, 64.0


def drift(seen: Seen) -> Iterator[Finding]:
    """The last quarter of a long and even load beside its first."""
    stages = seen.facts.stages
    if len(stages) != 1 or seen.faults or stages[0].end - stages[0].begin < LONG_SECONDS:
        return
    begin, end = stages[0].steady_from, stages[0].end
    first = [each for each in seen.counted if each.intended < begin + (end - begin) / 4]
    last = [each for each in seen.counted if each.intended >= end - (end - begin) / 4]
    if min(len(first), len(last)) < FEWEST:
        return
    worse = [each for each in compare(first, last, seen.facts.primaries) if each.change is Change.WORSE]
    memory, grew = _memory(seen)
    if worse or grew:
        evidence = "; ".join([*map(_told, worse), *memory])
        cure = "let it run longer to see whether that goes on; the chart over time shows since when"
        yield Finding("drift", Weight.WARN, "it did not stay as it was", evidence, cure)
        return
    evidence = "; ".join(["the last quarter differs from the first by no more than noise", *memory])
    yield Finding("drift", Weight.FINE, "it stayed as it was", evidence)


def _told(each: Difference) -> str:
    after, before = number(each.after, each.unit), number(each.before, each.unit)
    return f"{each.title.lower()} {after} in its last quarter, {before} in its first"


def _memory(seen: Seen) -> tuple[list[str], bool]:
    """What is known of the gateway's, and whether it grew by more than it may."""
    before, after = (seen.facts.number("gateway", name) for name in ("memory_mb_begin", "memory_mb_end"))
    if before is None or after is None:
        return [], False
    grew = after > before * GROWN and after > before + LEAST_MB
    return [f"the gateway's memory {'grew' if grew else 'went'} from {before:,.0f} to {after:,.0f} MB"], grew


def burst(seen: Seen) -> Iterator[Finding]:
    """A stage with more load than the ones before and after it."""
    stages = seen.facts.stages
    loads = [stage.load or 0.0 for stage in stages]
    top = max(range(len(stages)), key=lambda place: loads[place], default=0)
    if not 0 < top < len(stages) - 1 or seen.faults:
        return
    late = replace(stages[top + 1], ramp_until=(stages[top + 1].steady_from + stages[top + 1].end) / 2)
    before, during, after = (_p95(seen, stage) for stage in (stages[top - 1], stages[top], late))
    if before is None or during is None or after is None:
        return
    evidence = (
        f"the first token's p95 was {number(before, 'ms')} before, {number(during, 'ms')} at "
        f"{stages[top].load_text}, and {number(after, 'ms')} in the second half of the stage after it"
    )
    if _is_later(after, before):
        cure = "make the last stage longer to see when it is over; what queued up in the burst may still wait"
        yield Finding("burst", Weight.WARN, "it had not recovered from the burst", evidence, cure)
    elif _is_later(during, before):
        cure = "whether that may be is for policies/slo.yaml to say; more workers or replicas make it less"
        yield Finding("burst", Weight.NOTE, "users felt the burst, and it recovered", evidence, cure)
    else:
        yield Finding("burst", Weight.FINE, "nobody felt the burst", evidence)


def _p95(seen: Seen, stage: Stage) -> float | None:
    own = [each for each in seen.counted if each.stage == stage.name and each.intended >= stage.steady_from]
    firsts = values(FIRST_TOKEN, own)
    return quantile(firsts, 0.95) if len(firsts) >= FEWEST else None


def _is_later(now: float, before: float) -> bool:
    return now > before * FELT and now > before + LEAST_MS
