"""What happened when: first token, speed, and what became of requests, above faults and circuits on one clock. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from loadtests.figures.facts import Stage
from loadtests.record.sample import MarkKind
from loadtests.report.bins import Lane, Slice
from loadtests.report.charts import GUTTER, MARGIN, short
from loadtests.report.svg import Box, Point, Scale, band, bar, drawing, fitting, line, tag, text, x_axis, y_axis
from loadtests.verdict.words import number

Value = Callable[[Slice], float | None]
LANE = 32.0


def timeline(
    cut: Sequence[Slice], lanes: Sequence[Lane], stages: Sequence[Stage], seconds: float, width: float
) -> Markup:
    wide = width - GUTTER - MARGIN
    room = 26 if len(stages) > 1 else 0  # for their names
    first, rate, requests = (Box(GUTTER, room + top, wide, high) for top, high in ((24, 130), (198, 90), (332, 80)))
    bottom = requests.bottom + (18 + LANE * len(lanes) if lanes else 6)
    every = Box(GUTTER, first.top, wide, bottom - first.top)
    x = Scale(0, seconds, GUTTER, GUTTER + wide)
    return drawing(
        width,
        bottom + 42,
        "The run over time: first token, tokens per second, and what became of requests",
        _faults(lanes, x, every),
        _stages(stages, x, first, every),
        *_lines("first token, ms", cut, lambda each: each.first_p50, lambda each: each.first_p95, x, first),
        *_lines("tokens/s of a stream", cut, lambda each: each.rate_p50, lambda each: each.rate_p5, x, rate),
        *_requests(cut, x, requests),
        *(_lane(lane, x, requests.bottom + 18 + LANE * place) for place, lane in enumerate(lanes)),
        *(_tip(each, x, first, requests) for each in cut),
        x_axis(every, x, lambda value: f"{value:g} s", 10 if width > 500 else 5),
    )


def _lines(title: str, cut: Sequence[Slice], middle: Value, edge: Value, x: Scale, box: Box) -> list[Markup]:
    seen = [value for each in cut for value in (middle(each), edge(each)) if value]
    y = fitting(seen, box.bottom, box.top)
    middles, edges = _points(cut, middle, x, y), _points(cut, edge, x, y)
    return [
        y_axis(box, y, short, 3),
        text(box.left, box.top - 10, title, "panel"),
        band(edges, middles, "band"),
        line(edges, "p95"),
        line(middles, "p50"),
    ]


def _points(cut: Sequence[Slice], value: Value, x: Scale, y: Scale) -> list[Point | None]:
    return [None if (held := value(each)) is None else (x((each.at + each.until) / 2), y(held)) for each in cut]


def _requests(cut: Sequence[Slice], x: Scale, box: Box) -> list[Markup]:
    """Per second, stacked: whole from a first target, whole from a fallback, anything else."""
    tallest = max(each.requests / (each.until - each.at) for each in cut)
    y = fitting([0, tallest or 1], box.bottom, box.top)
    parts = [y_axis(box, y, short, 3), text(box.left, box.top - 10, "requests/s, by when they were due", "panel")]
    for each in cut:
        left, wide = x(each.at), max(x(each.until) - x(each.at) - 1, 0.8)
        base = box.bottom
        for count, kind in ((each.by_first, "bar"), (each.by_other, "other"), (each.failed, "failed")):
            high = box.bottom - y(count / (each.until - each.at))
            if count:
                parts.append(bar(left, base - high, wide, high, kind))
            base -= high
    return parts


def _stages(stages: Sequence[Stage], x: Scale, first: Box, every: Box) -> Markup:
    if len(stages) < 2:
        return Markup("")
    parts = []
    free = float("-inf")
    for stage in stages:
        place = x(stage.begin)
        parts.append(tag("line", x1=place, x2=place, y1=every.top - 42, y2=every.bottom, class_="stage"))
        if place > free:
            parts.append(text(place + 4, first.top - 32, stage.name, "note"))
            free = place + 4 + 6.2 * len(stage.name)
    return Markup("").join(parts)


def _faults(lanes: Sequence[Lane], x: Scale, every: Box) -> Markup:
    """Across all panels, so that cause and effect stand above each other."""
    held = [stretch for lane in lanes if lane.kind is MarkKind.FAULT for stretch in lane.stretches]
    return Markup("").join(
        bar(x(stretch.at), every.top, x(stretch.until) - x(stretch.at), every.height, "shade") for stretch in held
    )


def _lane(lane: Lane, x: Scale, top: float) -> Markup:
    parts = [text(x.start, top + 11, lane.title, "lane")]
    for each in lane.stretches:
        tip = f"{lane.title}\n{each.what}, {each.at:.1f} to {each.until:.1f} s"
        wide = max(x(each.until) - x(each.at), 2.0)
        parts.append(
            tag(
                "rect",
                x=x(each.at),
                y=top + 16,
                width=wide,
                height=9,
                rx=2,
                class_=kind_of(lane, each.what),
                data_tip=tip,
            )
        )
    return Markup("").join(parts)


def kind_of(lane: Lane, what: str) -> str:
    """How a state looks: calm, alert, or between the two."""
    if lane.kind is MarkKind.FAULT:
        return "lane-fault"
    if lane.kind is MarkKind.GENERATOR:
        return "lane-unsure"
    said = what.replace("forced_", "").replace("forced ", "")
    return "lane-open" if said.startswith("open") else "lane-calm" if said.startswith("close") else "lane-unsure"


def _tip(each: Slice, x: Scale, first: Box, last: Box) -> Markup:
    outcomes = ", ".join(f"{count:,} {name}" for name, count in each.outcomes.most_common()) or "no request"
    tip = (
        f"{each.at:.1f} to {each.until:.1f} s\n"
        f"first token p50 {number(each.first_p50, 'ms')}, p95 {number(each.first_p95, 'ms')}\n"
        f"{number(each.rate_p50, 'tokens/s')}, p5 {number(each.rate_p5, 'tokens/s')}\n{outcomes}"
        + (f"\n{each.by_other:,} from a fallback" if each.by_other else "")
    )
    return bar(x(each.at), first.top, x(each.until) - x(each.at), last.bottom - first.top, "hit", tip)
