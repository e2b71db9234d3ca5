"""Which cells there are, and in which order they run. Pure: the seed comes in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

DIRECT = "direct"
AGAIN = "direct again"  # the noise floor: the same path measured as if it were another one
STOCK = "stock LiteLLM"
FAST = (DIRECT, AGAIN, "nginx", "HAProxy", "Envoy", "SMG", "LiteLLM lane", "express lane")
PATHS = (*FAST[:6], STOCK, *FAST[6:])
SEGMENTS = ("tick", "event")
FIRST_TOKEN_SECONDS = 0.17

# Enough for a figure that differs by a factor of a hundred. It carries 2,000 tokens/s; five rounds would take the day.
STOCK_ROUNDS = 1
# Every round has the headline; what differs from it has these, so that all of it takes a quarter of an hour.
OTHER_ROUNDS = 3


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    segment: str
    streams: int
    tokens: int
    pace: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.streams, self.tokens, self.pace

    @property
    def answer_seconds(self) -> float:
        """What one answer takes when nothing is in between."""
        return FIRST_TOKEN_SECONDS + self.tokens / self.pace

    def __str__(self) -> str:
        return f"{self.streams} streams, {self.tokens} tokens, {self.pace} tokens/s, {self.segment}"


@dataclass(frozen=True, slots=True)
class Cell:
    path: str
    setting: Setting
    round: int


@dataclass(frozen=True, slots=True)
class Ranges:
    streams: tuple[int, ...]
    tokens: tuple[int, ...]
    pace: tuple[int, ...]
    segments: tuple[str, ...]


def headline(ranges: Ranges) -> tuple[int, int, int]:
    """The setting the musts speak of, or the nearest there is."""
    return _nearest(ranges.streams, 32), _nearest(ranges.tokens, 512), _nearest(ranges.pace, 2300)


def settings(ranges: Ranges, *, cross: bool) -> list[Setting]:
    """All combinations, or a star: the headline, and what differs from it in one thing."""
    streams, tokens, pace = headline(ranges)
    return [
        Setting(segment, s, t, p)
        for segment in ranges.segments
        for s in ranges.streams
        for t in ranges.tokens
        for p in ranges.pace
        if cross or (s != streams) + (t != tokens) + (p != pace) <= 1
    ]


def one_round(
    chosen: Sequence[Setting], shape: tuple[int, int, int], paths: Sequence[str], number: int, seed: int
) -> list[Cell]:
    """Every setting by every path, in an order of this round's own: whoever is first or last pays for it only once."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311  it orders cells, it guards nothing
    cells: list[Cell] = []
    due = [setting for setting in chosen if number < OTHER_ROUNDS or setting.shape == shape]
    for setting in chance.sample(due, len(due)):
        able = [path for path in paths if path != STOCK or number < STOCK_ROUNDS]
        cells += [Cell(path, setting, number) for path in chance.sample(able, len(able))]
    return cells


def _nearest(values: Sequence[int], wanted: int) -> int:
    return min(values, key=lambda value: abs(value - wanted))
