"""The report's tables: each a head and rows of text. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite

from loadtests.figures.figure import FIRST_TOKEN, GAP, RATE, TARGET, values
from loadtests.figures.pairs import Added
from loadtests.figures.quantiles import quantile
from loadtests.record.sample import Outcome, Sample
from loadtests.report.bins import Slice
from loadtests.verdict.outage import Outage
from loadtests.verdict.sweep import Sweep
from loadtests.verdict.words import number

WORST = 25
NOTHING = "\N{EN DASH}"
_FIGURE = re.compile(r"-?[\d.,]+( (%|ms|s|tokens/s|users?|requests/s))?( (of|and) .*)?")


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Columns that hold nothing but figures stand to the right, one digit under the other."""
        columns = zip(*self.rows, strict=True) if self.rows else [() for _ in self.head]
        return tuple(any(column) and all(_is_figure(cell) for cell in column) for column in columns)


def _is_figure(cell: str) -> bool:
    return not cell or cell in (NOTHING, "never") or bool(_FIGURE.fullmatch(cell))


def groups(samples: Sequence[Sample]) -> list[Table]:
    """The same figures by model, by workload and by target; the steady part of what the target was asked."""
    found = [
        _by("By workload", "workload", samples, lambda sample: sample.workload),
        _by("By model that served", "model", samples, lambda sample: sample.model_served),
        _by("By target that served", "target", samples, lambda sample: sample.target),
        _by("By lane", "lane", samples, lambda sample: sample.lane),
        _by("By stage", "stage", samples, lambda sample: sample.stage),
    ]
    return [
        table for table in found if table.rows and not (table.title in ("By lane", "By stage") and len(table.rows) < 2)
    ]


def _by(title: str, what: str, samples: Sequence[Sample], key: Callable[[Sample], str | None]) -> Table:
    held: dict[str, list[Sample]] = {}
    for sample in samples:
        name = key(sample)
        if name is not None:
            held.setdefault(name, []).append(sample)
    head = (what, "requests", "whole", "first token p50", "p95", "p99", "tokens/s p50", "p5", "gap p99", "tokens")
    rows = [_figures(name, own) for name, own in held.items()]
    return Table(title, head, tuple(rows))


def _figures(name: str, samples: Sequence[Sample]) -> tuple[str, ...]:
    whole = sum(sample.outcome is Outcome.WHOLE for sample in samples)
    firsts, rates, gaps = (values(figure, samples) for figure in (FIRST_TOKEN, RATE, GAP))
    return (
        name,
        f"{len(samples):,}",
        number(whole / len(samples)),
        *(number(quantile(firsts, share), "ms") for share in (0.5, 0.95, 0.99)),
        *(_bare(quantile(rates, share)) for share in (0.5, 0.05)),
        number(quantile(gaps, 0.99), "ms"),
        f"{sum(sample.completion_tokens or 0 for sample in samples):,}",
    )


def _bare(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}"


def outcomes(samples: Iterable[Sample]) -> Table:
    """Of the whole run and of every way, with the errors' codes."""
    counts: Counter[tuple[str, str]] = Counter()
    errors: dict[tuple[str, str], Counter[str]] = {}
    for sample in samples:
        key = (sample.way, str(sample.outcome))
        counts[key] += 1
        if sample.error or (sample.status and sample.status >= 400):
            said = " ".join(str(each) for each in (sample.status, sample.error) if each)
            errors.setdefault(key, Counter())[said] += 1
    total = Counter(way for way, _ in counts.elements())
    rows = [
        (
            way,
            outcome.replace("_", " "),
            f"{count:,}",
            number(count / total[way]),
            ", ".join(f"{said} ({times:,})" for said, times in errors.get((way, outcome), Counter()).most_common(4)),
        )
        for (way, outcome), count in sorted(
            counts.items(), key=lambda each: (each[0][0] != TARGET, each[0][0], -each[1])
        )
    ]
    return Table("Outcomes", ("way", "outcome", "requests", "share", "errors"), tuple(rows))


def worst(samples: Sequence[Sample]) -> Table:
    """Those that were silently cut, then those that failed, then the latest; the ids are those of the log."""
    own = [sample for sample in samples if sample.way == TARGET]
    ranked = sorted(own, key=_badness)[:WORST]
    head = (
        "request",
        "due",
        "workload",
        "outcome",
        "status",
        "first token",
        "largest gap",
        "tokens/s",
        "target",
        "error",
    )
    rows = [
        (
            sample.id,
            f"{sample.intended:.2f} s",
            sample.workload,
            str(sample.outcome).replace("_", " "),
            str(sample.status or NOTHING),
            number(None if sample.ttft is None else sample.ttft * 1000, "ms"),
            number(None if sample.gap is None else sample.gap * 1000, "ms"),
            _bare(sample.tokens_per_s),
            sample.target or NOTHING,
            sample.error or "",
        )
        for sample in ranked
    ]
    return Table("Worst requests", head, tuple(rows))


def _badness(sample: Sample) -> tuple[int, float]:
    order = {Outcome.TRUNCATED: 0, Outcome.WRONG_MODEL: 1, Outcome.WHOLE: 3}
    late = inf if sample.ttft is None else max(sample.ttft, sample.gap or 0.0)
    return order.get(sample.outcome, 2), -late if isfinite(late) else -1e9


def over_time(cut: Sequence[Slice]) -> Table:
    head = ("from", "requests", "first token p50", "p95", "tokens/s p50", "p5", "by a fallback", "not whole")
    rows = [
        (
            f"{each.at:.1f} s",
            f"{each.requests:,}",
            number(each.first_p50, "ms"),
            number(each.first_p95, "ms"),
            _bare(each.rate_p50),
            _bare(each.rate_p5),
            f"{each.by_other:,}",
            f"{each.failed:,}",
        )
        for each in cut
    ]
    return Table("The run over time", head, tuple(rows))


def levels(held: Sweep) -> Table:
    head = (
        "load",
        "requests",
        "whole",
        "tokens/s of all",
        "of a stream p50",
        "first token p50",
        "p99",
        "promises missed",
    )
    rows = [
        (
            level.stage.load_text,
            f"{level.requests:,}",
            number(level.whole / level.requests) if level.requests else NOTHING,
            f"{level.tokens_per_s:,.0f}",
            _bare(level.stream_tokens_per_s),
            number(level.first_p50, "ms"),
            number(level.first_p99, "ms"),
            ", ".join(level.missed) or "none",
        )
        for level in held.levels
    ]
    return Table("Levels", head, tuple(rows))


def failover(held: Sequence[Outage]) -> Table:
    head = (
        "fault",
        "lasted",
        "next answer began after",
        "circuit open after",
        "lost",
        "first token before",
        "p95 until the trip",
        "after it",
        "target back after",
    )
    rows = [
        (
            f"{each.what} at {each.target}" if each.target else each.what,
            _seconds(each.until - each.at),
            _seconds(each.rescued_after),
            _seconds(each.tripped_after),
            f"{each.lost:,} of {each.requests:,}",
            *(number(value, "ms") for value in (each.first_before, each.first_until_trip, each.first_after_trip)),
            _seconds(each.back_after),
        )
        for each in held
    ]
    return Table("Faults", head, tuple(rows))


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else number(value, "s")


def overhead(held: Sequence[Added]) -> Table:
    head = ("over", "pairs", "first token added, p50", "95 % sure between", "p95", "rate left, p50")
    rows = [
        (
            each.way,
            f"{each.pairs:,}",
            number(each.first_ms, "ms"),
            f"{number(each.low, 'ms')} and {number(each.high, 'ms')}",
            number(each.first_p95_ms, "ms"),
            NOTHING if each.rate_share is None else number(each.rate_share),
        )
        for each in held
    ]
    return Table("What the gateway adds", head, tuple(rows))


def percentiles(name: str, unit: str, ordered: Sequence[float]) -> Table:
    shares = (0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
    rows = tuple((f"p{share * 100:g}", number(quantile(ordered, share), unit)) for share in shares)
    return Table(name, ("percentile", "value"), rows)
