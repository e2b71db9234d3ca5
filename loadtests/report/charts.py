"""Distributions, a sweep's curve and the ways beside each other, each drawn for a given width. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from markupsafe import Markup

from loadtests.figures.figure import Figure
from loadtests.figures.quantiles import quantile
from loadtests.report.bins import Histogram, histogram
from loadtests.report.svg import (
    Box,
    Point,
    Scale,
    bar,
    dots,
    drawing,
    fitting,
    line,
    tag,
    text,
    upright,
    x_axis,
    y_axis,
)
from loadtests.verdict.result import Result
from loadtests.verdict.sweep import Level, Sweep
from loadtests.verdict.words import number

STEPS = 60
GUTTER, MARGIN = 52.0, 20.0


def short(value: float) -> str:
    """For an axis: thousands as k."""
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:g}"


def distribution(figure: Figure, ordered: Sequence[float], width: float) -> Markup:
    """How many requests had which value, with the percentiles that promises are made of."""
    held = histogram(ordered, STEPS if width > 400 else STEPS // 2)
    box = Box(GUTTER, 40, width - GUTTER - MARGIN, 150)
    if held is None:
        return drawing(width, 60, figure.title, text(GUTTER, 34, "no value at all", "tick"))
    x = Scale(held.edges[0], held.edges[-1], box.left, box.right, held.logarithmic)
    y = fitting([0, *held.counts], box.bottom, box.top)
    return drawing(
        width,
        box.bottom + 44,
        f"{figure.title}: how many requests had which value",
        y_axis(box, y, short, 3),
        _bars(held, figure, x, y, box),
        x_axis(box, x, short, 6 if width > 500 else 4),
        text(box.right, box.bottom + 38, figure.unit, "tick", "end"),
        _percentiles(figure, ordered, x, box),
    )


def _bars(held: Histogram, figure: Figure, x: Scale, y: Scale, box: Box) -> Markup:
    parts = []
    for (low, high), count in zip(pairwise(held.edges), held.counts, strict=True):
        left, wide = x(low), x(high) - x(low)
        tip = f"{number(low, figure.unit)} to {number(high, figure.unit)}\n{count:,} requests"
        parts.append(bar(left + 0.5, y(count), wide - 1, box.bottom - y(count), "bar"))
        if count:
            parts.append(bar(left, box.top, wide, box.height, "hit", tip))
    return Markup("").join(parts)


def _percentiles(figure: Figure, ordered: Sequence[float], x: Scale, box: Box) -> Markup:
    """Labels stand in rows of their own where they would run into each other."""
    parts = []
    ends = [float("-inf")] * 3  # of what stands in each row so far
    for share in (0.5, 0.95, 0.99) if figure.smaller_is_better else (0.05, 0.5):
        value = quantile(ordered, share)
        if value is None or not isfinite(value):
            continue
        place = x(value)
        parts.append(upright(place, box, "mark"))
        said = f"p{share * 100:g} {number(value, figure.unit).removesuffix(f' {figure.unit}')}"
        wide = 6.2 * len(said) + 10
        anchor = "end" if place > box.right - wide else "start"
        left = place - wide if anchor == "end" else place
        row = next((row for row, end in enumerate(ends) if end <= left), 2)
        ends[row] = left + wide
        parts.append(text(place + (-5 if anchor == "end" else 5), box.top - 26 + row * 13 + 10, said, "note", anchor))
    return Markup("").join(parts)


def shares_below(title: str, unit: str, curves: Sequence[tuple[str, str, Sequence[float]]], width: float) -> Markup:
    """For each way, which share of its requests was at most so late. A curve further left is faster."""
    box = Box(GUTTER, 16, width - GUTTER - MARGIN, 170)
    finite = [(name, kind, [value for value in held if isfinite(value)]) for name, kind, held in curves]
    seen = [value for _, _, held in finite for value in (quantile(held, 0.005), quantile(held, 0.995)) if value]
    x = fitting(seen, box.left, box.right, from_zero=False)
    y = Scale(0, 1, box.bottom, box.top)
    parts = [y_axis(box, y, lambda share: f"{share * 100:g} %", 4), x_axis(box, x, short, 6 if width > 500 else 4)]
    for name, kind, held in finite:
        shares = [step / 100 for step in range(1, 100)]
        points = [(x(value), y(share)) for share in shares if (value := quantile(held, share)) is not None]
        parts.append(line(points, kind))
        for share in (0.5, 0.95):
            value = quantile(held, share)
            if value is not None:
                tip = f"{name}\np{share * 100:g}: {number(value, unit)}"
                parts.append(tag("circle", cx=x(value), cy=y(share), r=4.0, class_=f"dot {kind}", data_tip=tip))
    parts.append(text(box.right, box.bottom + 36, unit, "tick", "end"))
    return drawing(width, box.bottom + 42, title, *parts)


def sweep_curve(held: Sweep, width: float) -> Markup:
    """Throughput above, waiting below, over the same load; where they part is the knee."""
    upper, lower = Box(GUTTER, 40, width - GUTTER - MARGIN, 150), Box(GUTTER, 226, width - GUTTER - MARGIN, 130)
    levels = held.levels
    loads = [level.load for level in levels]
    x = Scale(min(loads) / 1.15, max(loads) * 1.15, upper.left, upper.right, logarithmic=True)
    above = fitting([0, *(level.tokens_per_s for level in levels)], upper.bottom, upper.top)
    waits = [value for level in levels for value in (level.first_p50, level.first_p99) if value and isfinite(value)]
    below = fitting(waits, lower.bottom, lower.top)
    through: list[Point | None] = [(x(level.load), above(level.tokens_per_s)) for level in levels]
    unit = "requests/s" if levels[0].stage.rate is not None else "users"
    return drawing(
        width,
        lower.bottom + 46,
        "Throughput and first token over load",
        y_axis(upper, above, short, 3),
        y_axis(lower, below, short, 3),
        text(upper.left, upper.top - 24, "tokens/s of all streams", "panel"),
        text(lower.left, lower.top - 12, "first token, ms", "panel"),
        *_named_levels(held, x, upper, lower),
        line(through, "p50"),
        dots(through, "dot p50"),
        *_waits(levels, x, below),
        *(_level_tip(level, x, upper, lower, len(levels)) for level in levels),
        x_axis(lower, x, short, loads),
        text(lower.right, lower.bottom + 38, unit, "tick", "end"),
    )


def _waits(levels: Sequence[Level], x: Scale, y: Scale) -> list[Markup]:
    found = []
    for kind, held in (("p95", [each.first_p99 for each in levels]), ("p50", [each.first_p50 for each in levels])):
        points: list[Point | None] = [
            None if value is None or not isfinite(value) else (x(level.load), y(value))
            for level, value in zip(levels, held, strict=True)
        ]
        found += [line(points, kind), dots(points, f"dot {kind}")]
    return found


def _named_levels(held: Sweep, x: Scale, upper: Box, lower: Box) -> list[Markup]:
    if held.knee is held.safe:
        return [_named_level(held.knee, "knee", "knee, and safe up to", x, upper, lower)] if held.knee else []
    named = ((held.knee, "knee", "knee"), (held.safe, "safe", "safe up to"))
    return [_named_level(level, kind, said, x, upper, lower) for level, kind, said in named if level]


def _named_level(level: Level, kind: str, named: str, x: Scale, upper: Box, lower: Box) -> Markup:
    place = x(level.load)
    anchor, by = ("end", -5) if place > upper.right - 90 else ("start", 5)
    said = f"{named} {level.load:g}"
    whole = Box(upper.left, upper.top - 18, upper.width, lower.bottom - upper.top + 18)
    return upright(place, whole, f"mark {kind}") + text(place + by, upper.top - 8, said, "note", anchor)


def _level_tip(level: Level, x: Scale, upper: Box, lower: Box, levels: int) -> Markup:
    wide = upper.width / levels
    tip = (
        f"{level.stage.load_text}\n{number(level.tokens_per_s, 'tokens/s')} of all streams\n"
        f"first token p50 {number(level.first_p50, 'ms')}, p99 {number(level.first_p99, 'ms')}\n"
        f"{level.whole:,} of {level.requests:,} whole"
    )
    return bar(x(level.load) - wide / 2, upper.top, wide, lower.bottom - upper.top, "hit", tip)


def bullet(result: Result) -> Markup:
    """A promise at a glance: the limit stands in the middle, the bar ends at what was measured."""
    if result.value is None or not result.limit:
        return Markup("")
    track = Box(0, 6, 140, 8)
    full = 1.0 if not result.unit and result.limit > 0.5 else 2 * result.limit
    x = Scale(0, full, track.left, track.right)
    reach = x(result.value) if isfinite(result.value) else track.right
    kind = {"held": "held", "missed": "missed"}.get(result.answer.value, "unsure")
    parts = [
        bar(track.left, track.top, track.width, track.height, "track"),
        bar(0, track.top, reach, track.height, kind),
    ]
    if result.low is not None and result.high is not None and isfinite(result.low):
        high = result.high if isfinite(result.high) else full
        parts.append(tag("line", x1=x(result.low), x2=x(high), y1=10.0, y2=10.0, class_="interval"))
    parts.append(tag("line", x1=x(result.limit), x2=x(result.limit), y1=2.0, y2=18.0, class_="limit"))
    return tag("svg", *parts, viewBox="0 0 140 20", class_="bullet", aria_hidden="true")
