"""SVG by hand: tags that escape what they are given, scales with round ticks, and a few shapes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from markupsafe import Markup, escape

WIDEST = 1e6  # what is smaller than that part of the largest stands at the edge

Point = tuple[float, float]
Label = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Box:
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places. A logarithmic one is for what spans more than an order of magnitude."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        held = min(max(value, self.low), self.high)
        if self.logarithmic:
            part = (log10(held) - log10(self.low)) / (log10(self.high) - log10(self.low))
        else:
            part = (held - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self, about: int) -> list[float]:
        return _decades(self.low, self.high) if self.logarithmic else _round_steps(self.low, self.high, about)


def fitting(values: Iterable[float], start: float, end: float, *, from_zero: bool = True) -> Scale:
    """Round ends around the values; logarithmic where they span more than a factor of 20."""
    held = [value for value in values if isfinite(value)] or [0.0, 1.0]
    low, high = min(held), max(held)
    if low > 0 and high / low > 20:
        return Scale(_below(max(low, high / WIDEST)), _above(high), start, end, logarithmic=True)
    low = 0.0 if from_zero else low
    step = _step(max(high - low, abs(high) * 0.02, 1e-6), 4)
    top = ceil(high / step + 1e-9) * step
    bottom = 0.0 if from_zero else floor(low / step + 1e-9) * step
    return Scale(bottom, max(top, bottom + step), start, end)


def _below(value: float) -> float:
    power = 10.0 ** floor(log10(value))
    return max(power * step for step in (1, 2, 5) if power * step <= value * 1.0001)


def _above(value: float) -> float:
    power = 10.0 ** floor(log10(value))
    return min(power * step for step in (1, 2, 5, 10) if power * step >= value * 0.9999)


def _decades(low: float, high: float) -> list[float]:
    wide = log10(high / low) > 2.2
    found = []
    for power in range(floor(log10(low)), ceil(log10(high)) + 1):
        found += [10.0**power * step for step in ((1,) if wide else (1, 2, 5))]
    return [tick for tick in found if low * 0.999 <= tick <= high * 1.001]


def _round_steps(low: float, high: float, about: int) -> list[float]:
    step = _step(high - low, about)
    first = ceil(low / step - 1e-9)
    return [round(number * step, 9) for number in range(first, floor(high / step + 1e-9) + 1)]


def _step(span: float, about: int) -> float:
    raw = span / max(about, 1)
    power = 10.0 ** floor(log10(raw))
    return next(power * step for step in (1, 2, 2.5, 5, 10) if power * step >= raw * 0.9999)


def tag(name: str, *inside: Markup | str, **attributes: object) -> Markup:
    """`class_` is class, and other underscores are hyphens; None is left out."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _plain(value))
        for key, value in attributes.items()
        if value is not None
    )
    body = Markup("").join(inside)
    return (
        Markup("<{0}{1}>{2}</{0}>").format(name, written, body) if inside else Markup("<{0}{1}/>").format(name, written)
    )


def _plain(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def text(x: float, y: float, said: str, kind: str = "", anchor: str = "start") -> Markup:
    return tag("text", escape(said), x=x, y=y, class_=kind or None, text_anchor=None if anchor == "start" else anchor)


def line(points: Sequence[Point | None], kind: str) -> Markup:
    """Broken where a point is missing; a point alone is a dot."""
    return tag("path", d=_path(points), class_=kind, fill="none")


def dots(points: Iterable[Point | None], kind: str, radius: float = 3.5) -> Markup:
    return Markup("").join(tag("circle", cx=each[0], cy=each[1], r=radius, class_=kind) for each in points if each)


def band(upper: Sequence[Point | None], lower: Sequence[Point | None], kind: str) -> Markup:
    """Between two lines, as far as both are there."""
    parts: list[str] = []
    run: list[tuple[Point, Point]] = []
    for high, low in [*zip(upper, lower, strict=True), (None, None)]:
        if high and low:
            run.append((high, low))
        elif run:
            outline = [pair[0] for pair in run] + [pair[1] for pair in reversed(run)]
            parts.append(_path(outline) + "Z")
            run = []
    return tag("path", d="".join(parts), class_=kind)


def bar(x: float, y: float, width: float, height: float, kind: str, tip: str | None = None) -> Markup:
    return tag("rect", x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), class_=kind, data_tip=tip)


def upright(x: float, box: Box, kind: str) -> Markup:
    return tag("line", x1=x, x2=x, y1=box.top, y2=box.bottom, class_=kind)


def _path(points: Sequence[Point | None]) -> str:
    parts: list[str] = []
    pen = "M"
    for place, point in enumerate(points):
        if point is None:
            pen = "M"
            continue
        parts.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        alone = pen == "M" and (place + 1 == len(points) or points[place + 1] is None)
        if alone:
            parts.append("h.01")
        pen = "L"
    return "".join(parts)


def y_axis(box: Box, scale: Scale, label: Label, about: int = 4) -> Markup:
    parts = []
    for tick in scale.ticks(about):
        y = scale(tick)
        parts.append(tag("line", x1=box.left, x2=box.right, y1=y, y2=y, class_="grid"))
        parts.append(text(box.left - 8, y + 4, label(tick), "tick", "end"))
    return Markup("").join(parts)


def x_axis(box: Box, scale: Scale, label: Label, at: int | Sequence[float] = 8) -> Markup:
    """At about so many round values, or at these; without labels that would run into each other."""
    parts = [tag("line", x1=box.left, x2=box.right, y1=box.bottom, y2=box.bottom, class_="axis")]
    free = float("-inf")
    for tick in scale.ticks(at) if isinstance(at, int) else at:
        x, said = scale(tick), label(tick)
        half = 3.6 * len(said)
        if x - half > free + 6:
            parts.append(text(x, box.bottom + 18, said, "tick", "middle"))
            free = x + half
    return Markup("").join(parts)


def drawing(width: float, height: float, title: str, *inside: Markup) -> Markup:
    head = tag("title", escape(title))
    view = f"0 0 {width:g} {height:g}"
    return tag("svg", head, *inside, viewBox=view, role="img", xmlns="http://www.w3.org/2000/svg")
