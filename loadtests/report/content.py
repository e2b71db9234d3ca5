"""What stands on the page, in its order: the verdict, what was found, the charts with their tables, the facts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from loadtests.diagnose.finding import Finding
from loadtests.exits import Exit
from loadtests.figures.facts import Facts
from loadtests.figures.figure import DEFINITIONS, FIGURES, FIRST_TOKEN, GAP, RATE, TARGET, Figure, steady, values
from loadtests.figures.pairs import Added, added, ways
from loadtests.figures.quantiles import quantile
from loadtests.record.folder import Run
from loadtests.record.sample import Outcome, Sample
from loadtests.report import charts, tables
from loadtests.report.bins import lanes, slices
from loadtests.report.tables import Table
from loadtests.report.timeline import timeline
from loadtests.verdict.outage import outages
from loadtests.verdict.result import Result, Verdict
from loadtests.verdict.sweep import Sweep
from loadtests.verdict.words import number

WIDE, HALF, NARROW = 1000.0, 480.0, 350.0
WORDS = {Exit.HELD: "Held", Exit.MISSED: "Missed", Exit.VOID: "Proves nothing"}


@dataclass(frozen=True, slots=True)
class Tile:
    title: str
    value: str
    unit: str
    more: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Drawn twice, for a screen and for a phone, with its figures in a table for whoever does not see it."""

    title: str
    wide: Markup
    narrow: Markup
    table: Table
    legend: tuple[tuple[str, str], ...] = ()
    says: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    result: Result
    bullet: Markup
    measured: str
    limit: str


def content(run: Run, verdict: Verdict, findings: Sequence[Finding], swept: Sweep | None) -> dict[str, Any]:
    facts = Facts(run.info)
    counted = steady(run.samples)
    over = _overhead(run)
    return {
        "title": f"{facts.scenario}: {verdict.headline}",
        "facts": facts,
        "where": [said for said in (facts.text("target", "url"), _moment(facts.text("began")), facts.name) if said],
        "word": "Not proven"
        if verdict.unproven and not verdict.void and not verdict.missed and verdict.exit_code
        else WORDS[verdict.exit_code],
        "tone": verdict.exit_code.name.lower(),
        "verdict": verdict,
        "levels": "/".join(facts.text("slo").split("/")[-2:]) or "policies/slo.yaml",
        "judged": f" of the levels up to {(swept.safe or swept.levels[0]).stage.load_text}" if swept else "",
        "promises": [_promise(result) for result in [*verdict.missed, *verdict.unproven, *verdict.held]],
        "tiles": tiles(run, swept),
        "findings": findings,
        "faults": tables.failover(outages(run.samples, run.marks, facts.primaries)),
        "timeline": _timeline(run, facts),
        "sweep": _sweep(swept) if swept else None,
        "distributions": _distributions(counted, (FIRST_TOKEN, RATE, GAP) if over else FIGURES),
        "overhead": over,
        "groups": tables.groups(counted),
        "outcomes": tables.outcomes(run.samples),
        "worst": tables.worst(run.samples),
        "about": about(facts),
        "definitions": DEFINITIONS,
    }


def coded(said: str) -> Markup:
    """What stands between backticks is code."""
    parts = said.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def _moment(began: str) -> str:
    return f"{began[:10]} {began[11:16]} UTC" if began.endswith(("Z", "+00:00")) else began


def tiles(run: Run, swept: Sweep | None) -> list[Tile]:
    """Of what was judged: a sweep's levels beyond the safe one show in its curve."""
    counted, stages = steady(run.samples), Facts(run.info).stages
    if swept:
        counted = [sample for sample in counted if sample.stage in swept.judged]
        stages = [stage for stage in stages if stage.name in swept.judged]
    firsts, rates = values(FIRST_TOKEN, counted), values(RATE, counted)
    whole = sum(sample.outcome is Outcome.WHOLE for sample in counted)
    seconds = sum(stage.end - stage.steady_from for stage in stages)
    tokens = sum(sample.completion_tokens or 0 for sample in counted)
    p50, p95, p99 = (number(quantile(firsts, share), "ms") for share in (0.5, 0.95, 0.99))
    fast, slow = (number(quantile(rates, share), "tokens/s") for share in (0.5, 0.05))
    system = f"{tokens / seconds:,.0f}" if seconds else tables.NOTHING
    return [
        Tile("First token, p50", *_parted(p50), f"p95 {_parted(p95)[0]}, p99 {p99}"),
        Tile("One stream, p50", *_parted(fast), f"p5 {slow}"),
        Tile(
            "All streams",
            system,
            "tokens/s" if seconds else "",
            f"{whole / seconds:,.1f} answers/s" if seconds else "",
        ),
        Tile(
            "Whole answers",
            *_parted(number(whole / len(counted) if counted else None)),
            f"{whole:,} of {len(counted):,} requests",
        ),
    ]


def _parted(said: str) -> tuple[str, str]:
    value, _, unit = said.partition(" ")
    return value, unit


def _promise(result: Result) -> Promise:
    limit = "none" if not result.unit and not result.limit else number(result.limit, result.unit)
    sign = (
        "" if limit == "none" else "\N{GREATER-THAN OR EQUAL TO} " if result.at_least else "\N{LESS-THAN OR EQUAL TO} "
    )
    return Promise(result, charts.bullet(result), number(result.value, result.unit), f"{sign}{limit}")


def _twice(draw: Callable[[float], Markup], wide: float) -> tuple[Markup, Markup]:
    return draw(wide), draw(NARROW)


def _timeline(run: Run, facts: Facts) -> Chart | None:
    own = [sample for sample in run.samples if sample.way == TARGET]
    if not own:
        return None
    seconds = max(facts.number("seconds") or 0.0, 1.0, *(sample.intended for sample in own))
    cut = slices(own, seconds, facts.primaries)
    held = lanes(run.marks, seconds)
    legend = [("p50", "median"), ("p95", "p95 of the first token, p5 of tokens/s"), ("bar", "whole")]
    if any(each.by_other for each in cut):
        legend.append(("other", "whole, from a fallback"))
    if any(each.failed for each in cut):
        legend.append(("failed", "anything else"))
    wide, narrow = _twice(lambda width: timeline(cut, held, facts.stages, seconds, width), WIDE)
    marks = "; ".join(
        f"{lane.title}: " + ", ".join(f"{each.what} from {each.at:.1f} s" for each in lane.stretches) for lane in held
    )
    return Chart("Over time", wide, narrow, tables.over_time(cut), tuple(legend), marks)


def _sweep(swept: Sweep) -> Chart:
    wide, narrow = _twice(lambda width: charts.sweep_curve(swept, width), WIDE)
    legend = (("p50", "throughput; median of the first token"), ("p95", "p99 of the first token"))
    says = swept.sentence[:1].upper() + swept.sentence[1:] + "."
    return Chart("Over load", wide, narrow, tables.levels(swept), legend, says)


def _distributions(counted: Sequence[Sample], figures: Sequence[Figure]) -> list[Chart]:
    found = []
    for figure in figures:
        ordered = values(figure, counted)
        if ordered:
            wide, narrow = charts.distribution(figure, ordered, HALF), charts.distribution(figure, ordered, NARROW)
            held = tables.percentiles(figure.title, figure.unit, ordered)
            never = sum(value == float("inf") for value in ordered)
            says = f"{never:,} requests never got one and are not drawn." if never else ""
            found.append(Chart(figure.title, wide, narrow, held, says=says))
    return found


def _overhead(run: Run) -> Chart | None:
    held = [over for way in ways(run.samples) if (over := added(run.samples, way))]
    if not held:
        return None
    names = [TARGET, *(over.way for over in held)]
    kinds = dict(zip(names, ("p50", "way-1", "way-2", "way-3"), strict=False))
    curves = [(name, kinds[name], values(FIRST_TOKEN, steady(run.samples, name))) for name in names if name in kinds]
    wide, narrow = _twice(lambda width: charts.shares_below("First token by way", "ms", curves, width), HALF)
    legend = tuple((kind, name) for name, kind, _ in curves)
    return Chart("What the gateway adds", wide, narrow, tables.overhead(held), legend, _says(held))


def _says(held: Sequence[Added]) -> str:
    said = [
        f"{number(abs(over.first_ms), 'ms')} {'later' if over.first_ms >= 0 else 'earlier'} than the way {over.way!r}"
        for over in held
    ]
    return f"The first token comes {' and '.join(said)}, at the median of pairs."


def about(facts: Facts) -> list[tuple[str, list[tuple[str, str]]]]:
    """Whatever `run.json` holds, flat, so that nothing is hidden from who wants to repeat the run."""
    sections = ("scenario", "target", "prompts", "generator", "accuracy", "budget", "environment", "versions")
    found = [(name, _flat(facts.at(name))) for name in sections if isinstance(facts.at(name), Mapping)]
    rest = [(key, _said(held)) for key, held in facts.info.items() if not isinstance(held, (Mapping, list))]
    return [("run", rest), *found]


def _flat(held: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(key), _said(value)) for key, value in held.items() if value not in (None, "", [], {})]


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_said(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_said(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
