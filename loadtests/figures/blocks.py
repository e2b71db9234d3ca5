"""How far a figure would wander if the run were repeated: by drawing stretches of its time anew. Pure.

Requests that are near in time share their luck, so whole stretches are drawn, not requests. A draw is how often each
stretch was drawn; what a stretch holds up to each value is counted once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtests.record.sample import Sample

STRETCHES = 16  # of a run, over all its stages: long enough that luck fades within one; Student allows for their number
DRAWS = 1000

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Draws:
    """Which stretches a repeated run would have had: a row per draw, a column per stretch."""

    weights: Numbers

    @property
    def stretches(self) -> int:
        return int(self.weights.shape[1])


def stretch_of(samples: Sequence[Sample]) -> list[tuple[str, int]]:
    """A stretch belongs to one stage; a stage has as many as its share of the requests."""
    of: dict[str, list[float]] = {}
    for sample in samples:
        of.setdefault(sample.stage, []).append(sample.intended)
    wanted = {stage: max(2, round(STRETCHES * len(times) / len(samples))) for stage, times in of.items()}
    first = {stage: min(times) for stage, times in of.items()}
    length = {stage: (max(times) - first[stage]) / wanted[stage] or 1.0 for stage, times in of.items()}
    return [
        (
            sample.stage,
            min(wanted[sample.stage] - 1, int((sample.intended - first[sample.stage]) / length[sample.stage])),
        )
        for sample in samples
    ]


def draw(labels: Sequence[tuple[str, int]], seed: int) -> tuple[Draws, list[int]]:
    """Draws within each stage, and the column of each label."""
    chance = np.random.default_rng(seed)
    stages: dict[str, list[tuple[str, int]]] = {}
    for label in sorted(set(labels)):
        stages.setdefault(label[0], []).append(label)
    parts: list[NDArray[np.int64]] = []
    column: dict[tuple[str, int], int] = {}
    for held in stages.values():
        column.update({label: len(column) + place for place, label in enumerate(held)})
        parts.append(chance.multinomial(len(held), [1 / len(held)] * len(held), size=DRAWS))
    weights = np.concatenate(parts, axis=1).astype(float) if parts else np.zeros((DRAWS, 0))
    return Draws(weights), [column[label] for label in labels]


def quantiles(draws: Draws, columns: Sequence[int], values: Sequence[float], share: float) -> Numbers:
    """The percentile in each draw, by halving for all of them at once: where it lies is the same for none."""
    held = np.asarray(values, dtype=float)
    levels, step = np.unique(held, return_inverse=True)
    counts = np.zeros((draws.stretches, len(levels)))
    np.add.at(counts, (np.asarray(columns), step), 1.0)
    below = np.cumsum(counts, axis=1)
    wanted = share * (draws.weights @ below[:, -1]) - 1e-9
    low, high = np.zeros(len(wanted), dtype=int), np.full(len(wanted), len(levels) - 1)
    while (low < high).any():
        middle = (low + high) // 2
        enough = np.einsum("ds,sd->d", draws.weights, below[:, middle]) >= wanted
        low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
    found: Numbers = levels[low]
    return found


def shares(draws: Draws, columns: Sequence[int], hits: Sequence[bool]) -> Numbers:
    """The share of hits in each draw."""
    at = np.asarray(columns)
    hit = np.bincount(at, weights=np.asarray(hits, dtype=float), minlength=draws.stretches)
    every = np.bincount(at, minlength=draws.stretches).astype(float)
    found: Numbers = (draws.weights @ hit) / np.maximum(draws.weights @ every, 1.0)
    return found
