"""The scorecard as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loadtests.chaos.judge import Figures, Scores, complaints

RULES = """\
**whole**: every word once, in order, and a finish reason. **broken**: visibly, after the first token. **lost**: no
first token. **lies**: answers that looked whole and were not. Requests whose own gateway was killed with -9 stand
apart. First tokens are counted from when the request was due."""


def markdown(scores: Sequence[Scores], facts: Mapping[str, str]) -> str:
    lines = ["# Chaos", "", ", ".join(f"{name} {value}" for name, value in facts.items()), "", RULES, ""]
    lines += _table(
        ["", *(each.name for each in scores)],
        [
            ["requests per second", *(f"{each.rate:g}" for each in scores)],
            ["requests", *(f"{each.total.requests:,}" for each in scores)],
            ["whole", *(_share(each.total.whole_share) for each in scores)],
            ["**lost before the first token** (must be 0)", *(f"**{each.total.lost}**" for each in scores)],
            ["**lies** (must be 0)", *(f"**{each.total.lies}**" for each in scores)],
            ["broken after the first token", *(str(each.total.broken) for each in scores)],
            ["the killed gateway's own", *(str(each.total.killed) for each in scores)],
        ],
    )
    lines += ["", *_outages(scores), ""]
    for each in scores:
        lines += [f"**{each.name}**, phase by phase:", "", *_stages(each), ""]
        lines += [f"- {sentence}" for sentence in complaints(each)]
        lines += [""] if complaints(each) else []
    return "\n".join(lines).rstrip() + "\n"


def _outages(scores: Sequence[Scores]) -> list[str]:
    outages = [each.outage for each in scores]
    rows = [
        ["until the dead primary is left alone", *(_seconds(o.trip_seconds) if o else "" for o in outages)],
        ["calls of it while it is down", *(str(o.calls) if o else "" for o in outages)],
        ["of those, after it was left alone", *(_number(o.calls_while_open) if o else "" for o in outages)],
        ["calls per open period (aim 1)", *(_number(o.probes_per_period) if o else "" for o in outages)],
        ["until it serves 9 of 10 again", *(_seconds(o.back_seconds) if o else "" for o in outages)],
        ["calls before the time a 429 told", *(_number(each.early_calls) for each in scores)],
        ["events of Redis lost, back", *(f"{each.redis[0]}, {each.redis[1]}" if each.redis else "" for each in scores)],
        ["the load's own lag, p99", *(_ms(each.lag_p99_ms) for each in scores)],
    ]
    return _table(["", *(each.name for each in scores)], rows)


def _stages(scores: Scores) -> list[str]:
    head = ["phase", "requests", "whole", "broken", "lost", "lies", "first token p50 · p99", "added p50 · p99"]
    return _table(head, [[stage, *_cells(figures)] for stage, figures in scores.stages.items()])


def _cells(figures: Figures) -> list[str]:
    return [
        f"{figures.requests:,}",
        f"{figures.whole:,}",
        str(figures.broken),
        f"{figures.lost} (and {figures.killed} killed)" if figures.killed else str(figures.lost),
        str(figures.lies),
        f"{_ms(figures.first_p50_ms)} · {_ms(figures.first_p99_ms)}",
        f"{_ms(figures.added_p50_ms)} · {_ms(figures.added_p99_ms)}",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _share(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.2f} %"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:g} s"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"
