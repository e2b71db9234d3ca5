"""What was promised, and by how much it was kept or missed. Pure; the promises do not move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.bench.matrix import STOCK
from loadtests.bench.stats import TIMES, known, ratio
from loadtests.bench.summary import Row, find

EXPRESS = "express lane"
LANE = "LiteLLM lane"


@dataclass(frozen=True, slots=True)
class Promise:
    what: str
    measured: float | None
    must: float
    aim: float
    unit: str
    at_least: bool  # or at most

    @property
    def held(self) -> bool | None:
        return self._keeps(self.must)

    @property
    def aim_held(self) -> bool | None:
        return self._keeps(self.aim)

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        if self.held:
            return "held, and the aim" if self.aim_held else f"held by {self._distance()}"
        return f"**missed by {self._distance()}**"

    def sentence(self) -> str:
        sign = "≥" if self.at_least else "≤"
        measured = "—" if self.measured is None else f"{_plain(self.measured)}{self.unit}"
        return f"{self.what}: {measured} (must {sign} {_plain(self.must)}{self.unit}): {self.verdict.strip('*')}"

    def _distance(self) -> str:
        assert self.measured is not None  # noqa: S101  verdict asks only then
        return f"{_plain(abs(self.measured - self.must))}{self.unit}"

    def _keeps(self, limit: float) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= limit if self.at_least else self.measured <= limit


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the express lane, after so many streams, in MB."""

    early_streams: int
    early: float
    late_streams: int
    late: float


def promises(rows: Sequence[Row], shape: tuple[int, int, int], memory: Memory | None) -> list[Promise]:
    """Where there are two kinds of segments and one promise, the worse of both counts."""
    express = [row for segment in ("tick", "event") if (row := find(rows, EXPRESS, segment, shape))]
    tick, event = find(rows, EXPRESS, "tick", shape), find(rows, EXPRESS, "event", shape)
    growth = (memory.late / memory.early - 1) * 100 if memory else None
    return [
        Promise("express, tokens/s per stream against direct", _least(_percent(express)), 97, 99, " %", at_least=True),
        Promise("express, first token added p50", _most(express, "added_p50_ms"), 5, 1.5, " ms", at_least=False),
        Promise("express, first token added p99", _most(express, "added_p99_ms"), 25, 5, " ms", at_least=False),
        Promise(
            "express, CPU per token against nginx, several events per segment",
            tick.of_nginx if tick else None,
            4,
            1,
            TIMES,
            at_least=False,
        ),
        Promise(
            "express, CPU per token against nginx, one event per segment",
            event.of_nginx if event else None,
            1.5,
            1,
            TIMES,
            at_least=False,
        ),
        Promise(
            "stock LiteLLM's CPU per token against express",
            _cheaper(rows, EXPRESS, shape),
            80,
            150,
            TIMES,
            at_least=True,
        ),
        Promise(
            "stock LiteLLM's CPU per token against the LiteLLM lane",
            _cheaper(rows, LANE, shape),
            12,
            20,
            TIMES,
            at_least=True,
        ),
        Promise("the LiteLLM lane's tokens/s against stock LiteLLM", _faster(rows, shape), 8, 15, TIMES, at_least=True),
        Promise("express, CPU per request with 1-token replies", _request_ms(express), 1, 0.3, " ms", at_least=False),
        Promise(_growth_of(memory), growth, 5, 1, " %", at_least=False),
    ]


def _growth_of(memory: Memory | None) -> str:
    early, late = (memory.early_streams, memory.late_streams) if memory else (2000, 20000)
    return f"express, memory grown from {early:,} to {late:,} streams"


def _percent(rows: Sequence[Row]) -> list[float]:
    return [share * 100 for share in known(row.rate_share for row in rows)]


def _least(values: Sequence[float]) -> float | None:
    return min(values, default=None)


def _most(rows: Sequence[Row], field: str) -> float | None:
    return max(known(getattr(row, field) for row in rows), default=None)


def _cheaper(rows: Sequence[Row], path: str, shape: tuple[int, int, int]) -> float | None:
    return _least(
        known(_against(rows, STOCK, path, segment, shape, "cpu_us_per_token") for segment in ("tick", "event"))
    )


def _faster(rows: Sequence[Row], shape: tuple[int, int, int]) -> float | None:
    return _least(known(_against(rows, LANE, STOCK, segment, shape, "rate") for segment in ("tick", "event")))


def _against(
    rows: Sequence[Row], one: str, other: str, segment: str, shape: tuple[int, int, int], field: str
) -> float | None:
    first, second = find(rows, one, segment, shape), find(rows, other, segment, shape)
    return ratio(getattr(first, field), getattr(second, field)) if first and second else None


def _request_ms(rows: Sequence[Row]) -> float | None:
    worst = _most(rows, "us_per_request")
    return None if worst is None else worst / 1000


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
