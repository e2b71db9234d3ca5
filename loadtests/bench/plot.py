"""The SVG of one run: for each kind of segments, tokens/s per stream and CPU per token, path by path. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import log10

from loadtests.bench.matrix import AGAIN
from loadtests.bench.report import SEGMENT_NAMES, number
from loadtests.bench.summary import Row

_WIDTH, _LABEL, _PANEL, _GAP = 960, 130, 300, 100
_BAR, _STEP = 16, 26
_OURS = ("express lane", "LiteLLM lane")
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:15px}.axis{fill:#57606a}"
    ".bar{fill:#8c959f}.ours{fill:#0969da}rect.paper{fill:#fff}"
)


def svg(rows: Sequence[Row], shape: tuple[int, int, int], title: str) -> str:
    """Lengths on the right are logarithmic: between a proxy in C and LiteLLM lie three orders of magnitude."""
    parts: list[str] = []
    top = 56
    for segment in sorted({row.setting.segment for row in rows}, reverse=True):
        here = [row for row in rows if row.setting.segment == segment and row.path != AGAIN]
        here = [row for row in here if row.setting.shape == shape]
        if here:
            parts += _group(here, SEGMENT_NAMES[segment], top)
            top += 64 + _STEP * len(here)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" role="img">'
    paper = f'<rect class="paper" width="{_WIDTH}" height="{top}"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", paper, _text(20, 30, title, "title"), *parts, "</svg>", ""])


def _group(rows: Sequence[Row], name: str, top: int) -> list[str]:
    left, right = _LABEL, _LABEL + _PANEL + _GAP
    out = [
        _text(20, top + 14, name, "title"),
        _text(left, top + 36, "tokens/s per stream", "axis"),
        _text(right, top + 36, "gateway CPU, µs per token (logarithmic)", "axis"),
    ]
    rates = [row.rate or 0 for row in rows]
    costs = [row.cpu_us_per_token or 0 for row in rows]
    rate_length = _linear(max(rates, default=0))
    cost_length = _logarithmic([cost for cost in costs if cost > 0])
    for index, row in enumerate(rows):
        y = top + 46 + index * _STEP
        kind = "ours" if row.path in _OURS else "bar"
        out.append(_text(_LABEL - 10, y + 13, row.path, "", anchor="end"))
        out += _bar(left, y, rate_length(rates[index]), number(row.rate), kind)
        if row.cpu_us_per_token is not None:
            out += _bar(right, y, cost_length(costs[index]), number(row.cpu_us_per_token), kind)
    return out


def _linear(longest: float) -> Callable[[float], float]:
    return lambda value: _PANEL * value / longest if longest else 0


def _logarithmic(values: Sequence[float]) -> Callable[[float], float]:
    """From a third of the smallest, so that the smallest is still seen."""
    if not values:
        return lambda _: 0
    low, high = log10(min(values) / 3), log10(max(values))
    return lambda value: _PANEL * (log10(value) - low) / (high - low) if value > 0 else 0


def _bar(x: int, y: int, length: float, label: str, kind: str) -> list[str]:
    bar = f'<rect class="{kind}" x="{x}" y="{y}" width="{max(length, 1):.1f}" height="{_BAR}" rx="2"/>'
    return [bar, _text(round(x + max(length, 1) + 6), y + 13, label, "")]


def _text(x: int, y: int, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
